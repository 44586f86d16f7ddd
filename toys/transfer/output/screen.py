"""What a study says on the screen: the table, what the seeds decide, and the paper's own figures as signs."""

import textwrap
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, Final

import numpy as np

from ioadapt_theory.claims.settings.printed import SUMMARIES, table
from toys.common.stats import Interval, holm, t_test
from toys.transfer.output import table as tables
from toys.transfer.protocol import Protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts.judge import Comparison, Verdict, cases, judged, verdicts

WIDTH: Final = 120
CELL: Final = 11


def text(protocol: Protocol, result: Mapping[str, Any], seeds: int) -> str:
    """The whole screen."""
    tables = cases(result)
    found = judged(protocol, {case: one["rows"] for case, one in tables.items()})
    said = verdicts(result, found)
    small = f" ({protocol.paper} in small)" if protocol.paper else ""
    lines = [
        f"{protocol.title}{small}.",
        f"{protocol.measure} on the task, mean over {seeds} {protocol.replicates}; lower is better.",
    ]
    for case, one in tables.items():
        rows = one["rows"]
        lines += ["", *([f"{case}:"] if case else []), *_table(protocol, rows), "", *_rates(protocol, one["rates"])]
        lines += controls(protocol, rows)
        lines += [line for what, of in one.get("also", {}).items() for line in ("", f"{what}:", *_means(protocol, of))]
    for paper in dict.fromkeys(one.table for one in found):
        mine = [one for one in found if one.table == paper]
        lines += [
            "",
            f"{f'{paper}: minus' if paper else 'Minus'} what is copied on the weight, paired by seed; {len(mine)} cells"
            f" corrected together (Holm), margin {protocol.margin:g}:",
            *(line for row in dict.fromkeys(c.row for c in mine) for line in _said(row, said[row], mine, protocol)),
            *printed(paper),
        ]
    return "\n".join(lines) + "\n"


def _table(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """Rows at full strength, then each method at its best strength: a choice made in hindsight, so a lower bound."""
    models, width = (SOURCE, *protocol.targets), _width(rows)
    best = []
    for method in protocol.methods:
        cells = []
        for model in models:
            row = best_strength(rows, method, model)
            cells.append(f"{mean(rows[row][model]):.2f} x{row.partition(' x ')[2].removeprefix('0') or '1'}")
        best.append(method.ljust(width) + "".join(f"{cell:>{CELL}}" for cell in cells))
    return [*_means(protocol, rows), "", "At the best strength of each, chosen in hindsight:", *best]


def _means(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """The rows at full strength."""
    models = (SOURCE, *protocol.targets)
    lines = tables.lines(rows, models, lambda values: f"{mean(values):.3f}")
    return tables.columns(["", *models], lines, CELL)


def _width(rows: Mapping[str, Any]) -> int:
    return max(len(row) for row in rows if " x " not in row) + 1


def best_strength(rows: Mapping[str, Any], method: str, model: str) -> str:
    """The row of a method at the strength with the lowest mean on a model."""
    strengths = [row for row in rows if row == method or (row.startswith(f"{method} x ") and model in rows[row])]
    return min(strengths, key=lambda row: mean(rows[row][model]))


def _rates(protocol: Protocol, rates: Mapping[str, Any]) -> list[str]:
    edges = [name for name, one in rates.items() if not one["interior"]]
    said = "Learning rates, best on the source's validation: "
    said += ", ".join(f"{name} {one['rate']:g}" for name, one in rates.items()) + "."
    said += f" At an edge of the grid, so without a verdict: {', '.join(edges)}." if edges else ""
    ranks = (f"{name} {m.rank} ({rates[name]['numbers']} numbers)" for name, m in protocol.methods.items())
    return textwrap.wrap(f"{said} Ranks: {', '.join(ranks)}.", WIDTH)


def _said(row: str, verdict: str, found: Sequence[Comparison], protocol: Protocol) -> list[str]:
    mine = [c for c in found if c.row == row]
    cells = (f"{cell(c)} {c.difference.mean:+.3f} ± {c.difference.half_width:.3f} {c.verdict}" for c in mine)
    beyond = [c.beyond_source for c in mine if c.beyond_source is not None]
    against = mine[0].against
    said = f"{row}{'' if against == 'lora' else f' (against {against})'}: {verdict}. {'; '.join(cells)}. "
    if beyond:
        said += f"Beyond the difference on the source: {', '.join(f'{one.mean:+.3f}' for one in beyond)}"
        said += f" ({tally([c.beyond for c in mine if c.beyond])}). "
    power = protocol.rule.power
    said += f"With power {power:g} differences of {max(c.detectable(power) for c in mine):.3f} would be found."
    return textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ")


def tally(said: Sequence[Verdict]) -> str:
    """How many cells there are of each kind."""
    return ", ".join(f"{said.count(verdict)} {verdict}" for verdict in Verdict if verdict in said)


def cell(one: Comparison) -> str:
    """The name of a comparison's target, with its case."""
    return f"{one.target} ({one.case})" if one.case else one.target


def controls(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """What is known beforehand: where a method has to be exact; and what was trained apart."""
    return [*_exact(protocol, rows), *_strangers(protocol, rows)]


def _exact(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """On the same function in other weights one method has to be exact."""
    said = []
    for target, method in protocol.exact.items():
        worst = np.abs(np.subtract(rows[method][target], rows[method][SOURCE])).max()
        lora = np.subtract(rows["lora"][target], rows["lora"][SOURCE]).mean()
        said.append(
            f"Same function, other weights ({target}): {method} moves without loss (differs by {worst:.0e} at most);"
            f" LoRA loses {lora:.3f}."
        )
    return said


def _strangers(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    said = []
    for target in protocol.strangers:
        gains = {row: np.subtract(rows[row][target], rows[NONE][target]) for row in protocol.methods}
        corrected = holm([t_test(gain) for gain in gains.values()])
        better = [(Interval.of(gain), p, row) for (row, gain), p in zip(gains.items(), corrected, strict=True)]
        better = [one for one in better if one[0].high < 0]
        helped, unsure = (
            [
                f"{row} ({gain.mean:+.3f} ± {gain.half_width:.3f}, p {p:.2g})"
                for gain, p, row in better
                if (p < 1 - protocol.rule.level) == shown
            ]
            for shown in (True, False)
        )
        what = f"helped by {', '.join(helped)}" if helped else "we found no evidence that a moved adapter helps"
        more = f"; inconclusive, as p is corrected for the methods: {', '.join(unsure)}" if unsure else ""
        said.append(f"Trained apart ({target}): {what}{more}.")
    return said


def printed(paper: str) -> list[str]:
    """What the paper's own table says of the target models: signs and relative changes, never beside ours."""
    said: list[str] = []
    for side, found in changes(paper).items():
        above = sum(change > 0 for change in found)
        said.append(f"{side} above the weight's in {above} of {len(found)} cells, median {median(found):+.1%}")
    if not said:
        return []
    told = f"The paper's {paper} on its targets, without intervals or an untouched row: {'; '.join(said)}."
    return textwrap.wrap(told, WIDTH)


def changes(paper: str) -> dict[str, list[float]]:
    """Return side -> relative change from the weight's adapter in every cell of the paper's table that is of a target.

    Empty where the paper has no table.
    """
    if not paper.startswith("Table "):
        return {}
    places: dict[str, dict[tuple[str, ...], float]] = {}
    for one in table(int(paper.removeprefix("Table "))):
        if one["side"] == "target" and one["metric"] not in SUMMARIES:
            at = (one["model"], one["peft"], one["metric"])
            places.setdefault(one["placement"], {})[at] = float(one["value"])
    found = {}
    for side in ("input", "output"):
        both = sorted(places.get(side, {}).keys() & places["weight"].keys())
        if both:
            found[side] = [places[side][at] / places["weight"][at] - 1 for at in both]
    return found
