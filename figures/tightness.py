"""Tightness of each bound: lhs/rhs on random and on known instances, and the largest value that a search found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toys.common.style import FAINT, FULL_WIDTH, INK, METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER: str | None = None
FALSE, TRUE = METHODS["lora"], METHODS["input"]
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
LOW, HIGH = 2e-3, 1e3
"""Ends of the axis; values beyond an end are drawn at that end, and a largest value beyond ``HIGH`` as an arrow."""


def compute(*, seed: int = 0, quick: bool = False, claims: tuple[str, ...] | None = None) -> dict[str, Any]:
    import torch

    from ioadapt_theory.claims import CLAIMS, Run, Verdict
    from ioadapt_theory.claims.evaluation import evaluate
    from ioadapt_theory.claims.evidence.searches import GradientAscent, ratios, seeded
    from ioadapt_theory.claims.instances import witness

    run = Run(seed=seed, instances=100 if quick else 4000, starts=4 if quick else 24, steps=5 if quick else 150)
    rows = []
    for claim in CLAIMS.values():
        equation = any(relation.sign == "=" for relation in claim.concludes)
        if claim.inequality is None or equation or (claims is not None and claim.id not in claims):
            continue
        setting = claim.inequality.setting
        drawn = ratios(claim.inequality, setting.draw(run.instances, seeded(run, claim.id)))
        drawn = drawn[~drawn.isnan()]
        climbs = [s(claim, run).worst_ratio for s in claim.strategies if isinstance(s, GradientAscent)]
        shipped = [evaluate(claim, witness(name)).decisive_ratio for name in (*claim.witnesses, *claim.attained)]
        rows.append(
            {
                "id": claim.id,
                "stands": claim.expected is not Verdict.REFUTED,
                "random": torch.quantile(drawn, torch.tensor(QUANTILES, dtype=drawn.dtype)).tolist(),
                "worst": max(climbs, default=float(drawn.max())),
                "shipped": shipped,
            }
        )
    return {"rows": rows}


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    rows = data["rows"]
    figure = Figure(figsize=(FULL_WIDTH, 1.5 + 0.19 * len(rows)))
    axes = figure.subplots()
    axes.axvspan(1, HIGH, color=FALSE, alpha=0.07, lw=0)
    axes.axvline(1, color=INK, lw=0.8)
    for y, row in enumerate(rows):
        _row(axes, y, row)
    axes.set(xscale="log", xlim=(LOW, HIGH), ylim=(len(rows) - 0.4, -0.6), xlabel="left side / right side")
    axes.set_xticks([0.01, 0.1, 1, 10, 100, 1000], ["0.01", "0.1", "1", "10", "100", "1000"])
    axes.set_yticks(range(len(rows)), [row["id"] for row in rows])
    axes.tick_params(axis="y", length=0)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_color(TRUE if row["stands"] else FALSE)
    axes.text(1.15, -0.75, "statement violated →", color=FALSE, va="bottom", size=8)
    axes.text(0.87, -0.75, "tight at 1", va="bottom", ha="right", size=8)
    true = sum(row["stands"] for row in rows)
    said = f"{true} bounds hold (ratios at most 1); {len(rows) - true} are false (ratios above 1)"
    figure.suptitle(said, fontweight="bold", size=9)
    _legend(figure)
    return figure


def _row(axes: Axes, y: int, row: dict[str, Any]) -> None:
    colour = TRUE if row["stands"] else FALSE
    low, q1, median, q3, high = (min(max(x, LOW), HIGH) for x in row["random"])
    axes.plot([low, high], [y, y], color=FAINT, lw=0.8)
    axes.plot([q1, q3], [y, y], color=FAINT, lw=4.5, solid_capstyle="butt", alpha=0.7)
    axes.plot([median], [y], "|", color=INK, ms=6)
    beyond = row["worst"] > HIGH
    axes.plot([min(row["worst"], HIGH * 0.8)], [y], ">" if beyond else "o", color=colour, ms=5, zorder=4)
    inside = [min(max(x, LOW), HIGH * 0.8) for x in row["shipped"]]
    axes.plot(inside, [y] * len(inside), "*", mfc="none", mec=INK, mew=0.7, ms=10, zorder=5)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=FAINT, lw=4.5, alpha=0.7, label="random instances: middle half, line from 1 % to 99 %"),
        Line2D([], [], color=TRUE, marker="o", ls="", label="largest found, statement holds"),
        Line2D([], [], color=FALSE, marker="o", ls="", label="largest found, statement refuted (▸: off the axis)"),
        Line2D(
            [],
            [],
            mfc="none",
            mec=INK,
            marker="*",
            ms=10,
            ls="",
            label="counterexample or extremal instance in the package",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
