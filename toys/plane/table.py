"""The screen output of a run: a table, and sentences about its numbers."""

from math import degrees
from typing import Any

from toys.plane.world import ENLARGE, TURN, Case

HEADS = {
    Case.SAME_FUNCTION: "The target computes the same function as the source, with other weights.",
    Case.OTHER_FUNCTION: "The target computes another function: its first map has drifted; the second is the source's.",
    Case.INTERIOR: "The target computes the same function with other weights, and there are adapters inside the stack.",
}
ROUNDING = 1e-20
"""A squared distance below this is rounding error in float64."""
NOTES = (
    "Expected and at most: the closed form and the named statement's bound for the crescent, with biases. Last two",
    "columns: the same for centred isotropic inputs, which the paper assumes, with the crescent's mean square norm.",
)
WIDTHS = (20, 8, 8, 20, 10, 18, 10, 9)


def text(result: dict[str, Any]) -> str:
    config, rows = result["config"], result["rows"]
    run = f"rank {config['rank']}, {config['steps']} steps, seed {config['seed']}, {config['samples']} fresh samples"
    head = [
        HEADS[config["case"]],
        f"Every adapter learns on the source to turn its output by {degrees(TURN):.0f}° and enlarge it {ENLARGE}x;",
        f"then it is copied to the target unchanged. Mean squared distances ({run}):",
        "",
        f"{'':20}{'loss on the task':>16}{'distance of source and target outputs':>44}{'if E[xᵀx] = σ²I':>23}",
        _line("adapter", "source", "target", "measured", "expected", "at most", "expected", "at most"),
    ]
    lines = [
        _line(
            row["label"],
            number(row["loss_source"]),
            number(row["loss_target"]),
            measured(row),
            number(row["exact"]),
            f"{bound(row['bound'])}{row['source']:>9}",
            number(row["isotropic_exact"]),
            bound(row["isotropic_bound"]),
        )
        for row in rows.values()
    ]
    return "\n".join([*head, *lines, *NOTES, "", *reading(result)]) + "\n"


def _line(*cells: str) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    return first.strip().ljust(WIDTHS[0]) + "".join(others)


def number(x: float) -> str:
    return f"{x:.3f}" if x >= 5e-4 else f"{x:.0e}" if x >= ROUNDING else "≈0"


def measured(row: dict[str, Any]) -> str:
    small = row["distance"] < ROUNDING
    return "≈0" if small else f"{number(row['distance'])} ± {number(row['distance_se'])}"


def bound(x: float | None) -> str:
    return "none" if x is None else number(x)


def reading(result: dict[str, Any]) -> list[str]:
    without, *adapters = result["rows"].values()
    before = without["distance"]
    kept: list[dict[str, Any]] = []
    grown: list[dict[str, Any]] = []
    for row in adapters:
        same = abs(row["distance"] - before) < ROUNDING + 1e-9 * before
        (kept if same else grown).append(row)
    says = [
        f"The distance of the two outputs is the same as without an adapter ({number(before)}): {_names(kept)}.",
        f"The distance differs with {_names(grown, 'distance')}.",
    ]
    unmet = [row for row in adapters if row["loss_source"] > 1e-2]
    if unmet:
        says.append(f"Even on the source, the task is solved only in part: {_names(unmet, 'loss_source')}.")
    beyond = [row for row in adapters if row["isotropic_bound"] is not None and _exceeds(row)]
    if beyond:
        says.append(f"The isotropic bound does not hold for these samples, which are not isotropic: {_names(beyond)}.")
    if before >= ROUNDING:
        says.append("Relative to the target's own crescent, rotated and scaled, the losses on the target are:")
        says.append(f"{_names(adapters, 'loss_own')}.")
    return says


def _exceeds(row: dict[str, Any]) -> bool:
    return row["distance"] - 4 * row["distance_se"] > max(row["isotropic_bound"], ROUNDING)


def _names(rows: list[dict[str, Any]], figure: str = "") -> str:
    names = (f"{row['label']} ({number(row[figure])})" if figure else row["label"] for row in rows)
    return ", ".join(names) or "none"
