"""What a recorded study says on a page: a section with headline, picture, deciding intervals and tables."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, Final

from toys.common.stats import Interval
from toys.common.style import LABELS
from toys.transfer import command
from toys.transfer.output import screen, table
from toys.transfer.output.picture import shown_methods
from toys.transfer.protocol import Protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts import carried, endpoint, repetition
from toys.transfer.verdicts.judge import Comparison, cases, judged, retention, verdicts

WIDEST: Final = 8
"""Columns of figures that a page has room for."""


def headline(plan: Protocol, result: Mapping[str, Any]) -> str:
    """Return the result in one line: the share that is kept, or for a study without one what its rule says."""
    if told := endpoint.headline(plan.name):
        return told
    groups: dict[str, list[str]] = {}
    for row, verdict in verdicts(result, comparisons(plan, result)).items():
        if row in shown_methods(plan):
            groups.setdefault(verdict, []).append(label(row))
    told = "; ".join(f"{_listed(rows)}: {verdict}" for verdict, rows in groups.items())
    return f"Moved to related models: {told}"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    comma = " and " if any("," in name for name in names) else ", "
    return f"{comma.join(first)} and {last}" if first else last


def section(plan: Protocol, result: Mapping[str, Any], picture: str) -> str:
    """The whole section, in Markdown."""
    found, count = comparisons(plan, result), seeds(result)
    lines = [
        f"## {plan.name}",
        "",
        f"{plan.title}. Do adapters that were trained on the source do the same on models with other weights, and"
        f" better than LoRA? {plan.measure}, lower is better; {count} {plan.replicates}.",
        "",
        f"**{headline(plan, result)}.**",
        "",
        f"![{headline(plan, result)}]({picture})",
        "",
        *(_samples(plan, result) if "samples" in result else ()),
        *(f"- {_decides(row, verdict, found)}" for row, verdict in verdicts(result, found).items()),
        *(
            f"- {f'{case}. ' if case else ''}{line}"
            for case, one in cases(result).items()
            for line in screen.controls(plan, one["rows"])
        ),
        "",
        *(
            line
            for case, one in cases(result).items()
            for line in (*([f"{case}:", ""] * bool(case)), *_table(plan, one["rows"]), "")
        ),
        *(
            line
            for one in cases(result).values()
            for what, rows in one.get("also", {}).items()
            for line in (f"{what}, which is not judged:", "", *_table(plan, rows), "")
        ),
        *_carried(plan),
        *_retained(plan, result),
        *_beside_the_paper(plan, result),
        "",
        f"    {plan.command} --quick",
        f"    {plan.command}",
        "",
        f"Made on: {repetition.made_on(result)}.",
    ]
    return "\n".join(lines) + "\n"


def _samples(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    """The picture of samples, and what real ones come to."""
    ceiling = (f"{what} {Interval.of(of).mean:.3f}" for what, of in result["samples"]["ceiling"].items())
    return [f"![Samples]({plan.name}_samples.png)", "", f"Real ones, drawn anew: {', '.join(ceiling)}.", ""]


def comparisons(plan: Protocol, result: Mapping[str, Any]) -> list[Comparison]:
    """All of them; each of the paper's tables is corrected for itself."""
    return judged(plan, {case: one["rows"] for case, one in cases(result).items()})


def seeds(result: Mapping[str, Any]) -> int:
    """How many replicates there are."""
    first = next(iter(cases(result).values()))
    return len(first["rows"][NONE][SOURCE])


def label(row: str) -> str:
    """A row's name for people."""
    return LABELS.get(row, row)


def _decides(row: str, verdict: str, found: Sequence[Comparison]) -> str:
    """The comparison with the smallest p-value, which decides most, and how many there are of each kind."""
    mine = [c for c in found if c.row == row]
    c = min(mine, key=lambda one: one.p)
    together = [one for one in found if one.table == c.table]
    beyond = [one.beyond for one in mine if one.beyond]
    less = f" Beyond the difference on the source: {screen.tally(beyond)}." if beyond else ""
    return (
        f"{label(row)} against {label(c.against)}: by the rule {verdict}"
        f" ({screen.tally([one.verdict for one in mine])})."
        f" Clearest on {screen.cell(c)}: {c.difference.mean:+.3f}, 95 % from {c.difference.low:+.3f} to"
        f" {c.difference.high:+.3f}, p = {c.p:.2g} corrected for {len(together)} cells.{less}"
    )


def _table(plan: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """One table, or two where a page is too narrow: of the source and its relatives, and of all other targets."""
    parts = {"": (SOURCE, *plan.targets)}
    if len(plan.targets) > WIDEST:
        parts = {"": (SOURCE, *plan.related), "same function, or trained apart": (*plan.exact, *plan.strangers)}
    tables = ([*_lines(title, models, rows), ""] for title, models in parts.items())
    return [line for one in tables for line in one][:-1]


def _lines(title: str, models: Sequence[str], rows: Mapping[str, Any]) -> list[str]:
    lines = [[label(row), *cells] for row, *cells in table.lines(rows, models, _cell)]
    return table.markdown([title, *models], lines, numbers=True)


def _cell(values: list[float]) -> str:
    x = Interval.of(values)
    return f"{x.mean:.3f} ± {x.half_width:.3f}"


def _carried(plan: Protocol) -> list[str]:
    """What a LoRA keeps that is carried over, where the study has a record of it."""
    found = command.carried_over(plan.name)
    return carried.section(plan, found, len(found["config"]["seeds"])) if found else []


def _retained(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    """What is retained of what retraining on the target gains, for methods that were retrained there."""
    lines = []
    for case, one in cases(result).items():
        for row in plan.methods:
            if f"{row}, retrained" in one["rows"]:
                kept = [retention(one["rows"], row, t, f"{row}, retrained") for t in plan.related]
                name = f"{label(row)}, {case}" if case else label(row)
                lines.append([name, *("" if k is None else f"{k.mean:.2f} ± {k.half_width:.2f}" for k in kept)])
    head = ["retained of retraining there", *plan.related]
    return [*table.markdown(head, lines, numbers=True), ""] if lines else []


def _beside_the_paper(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    """Ours and the paper's, as signs and relative changes from the weight's adapter: the figures are of other tasks."""
    theirs = screen.changes(plan.paper)
    if not theirs:
        return []
    head = ["", "here: better on", "median change of the error", f"{plan.paper}: above on", "median change"]
    lines = []
    for row in ("input", "output"):
        mine = [
            mean(one["rows"][row][t]) / mean(one["rows"]["lora"][t]) - 1
            for one in cases(result).values()
            for t in plan.related
            if row in one["rows"]
        ]
        if mine and theirs.get(row):
            lines.append([row, *_of(mine, -1), *_of(theirs[row], 1)])
    return table.markdown(head, lines)


def _of(changes: Sequence[float], better: int) -> tuple[str, str]:
    return f"{sum(better * c > 0 for c in changes)} of {len(changes)}", f"{median(changes):+.1%}"
