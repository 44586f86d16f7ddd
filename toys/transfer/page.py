"""What a recorded study says on a page: a section with headline, picture, deciding intervals and tables."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, Final

from ioadapt_theory.stats import Interval
from toys.style import LABELS
from toys.transfer import report
from toys.transfer.judge import Comparison, Verdict, cases, judged, verdicts
from toys.transfer.picture import shown_methods
from toys.transfer.protocol import Protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE

SAYS: Final = {
    Verdict.SUPPORTS: "better than LoRA",
    Verdict.CONTRADICTS: "worse than LoRA",
    Verdict.EQUIVALENT: "as good as LoRA",
    Verdict.UNDECIDED: "not decided",
}


def headline(plan: Protocol, result: Mapping[str, Any]) -> str:
    """The result in one line, by the rule."""
    said = verdicts(result, comparisons(plan, result))
    groups = {words: [label(row) for row in shown_methods(plan) if said[row] is v] for v, words in SAYS.items()}
    told = "; ".join(f"{words}: {', '.join(rows)}" for words, rows in groups.items() if rows)
    return f"Moved to related models {told}"


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
        *(f"- {_decides(row, verdict, found)}" for row, verdict in verdicts(result, found).items()),
        *(f"- {line}" for one in cases(result).values() for line in report.controls(plan, one["rows"])),
        "",
        *(
            line
            for case, one in cases(result).items()
            for line in (*([f"{case}:", ""] * bool(case)), *_table(plan, one), "")
        ),
        *_beside_the_paper(plan, result),
        "",
        f"    python toys/{plan.name}.py --quick",
        f"    python toys/{plan.name}.py",
    ]
    return "\n".join(lines) + "\n"


def comparisons(plan: Protocol, result: Mapping[str, Any]) -> list[Comparison]:
    """All of them, corrected as one table."""
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
    counts = {v: sum(one.verdict is v for one in mine) for v in Verdict}
    told = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
    return (
        f"{label(row)} against {label(c.against)}: {verdict} ({told}). Clearest on {report.cell(c)}:"
        f" {c.difference.mean:+.3f}, 95 % from {c.difference.low:+.3f} to {c.difference.high:+.3f},"
        f" p = {c.p:.2g} corrected for {len(found)} cells."
    )


def _table(plan: Protocol, one: Mapping[str, Any]) -> list[str]:
    models = (SOURCE, *plan.targets)
    lines = [["", *models], ["---"] * (1 + len(models))]
    for row, values in one["rows"].items():
        if " x " not in row:
            lines.append([label(row), *(_cell(values.get(m)) for m in models)])
    return [f"| {' | '.join(line)} |" for line in lines]


def _cell(values: Sequence[float | None] | None) -> str:
    if values is None:
        return ""
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return "diverged"
    x = Interval.of(known)
    return f"{x.mean:.3f} ± {x.half_width:.3f}"


def _beside_the_paper(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    """Ours and the paper's, as signs and relative changes from the weight's adapter: the figures are of other tasks."""
    theirs = report.changes(plan.paper)
    if not theirs:
        return []
    lines = [
        ["", "here: better on", "median change of the error", f"{plan.paper}: above on", "median change"],
        ["---"] * 5,
    ]
    for row in ("input", "output"):
        mine = [
            mean(one["rows"][row][t]) / mean(one["rows"]["lora"][t]) - 1
            for one in cases(result).values()
            for t in plan.related
            if row in one["rows"]
        ]
        if mine and theirs.get(row):
            lines.append([row, *_of(mine, -1), *_of(theirs[row], 1)])
    return [f"| {' | '.join(line)} |" for line in lines]


def _of(changes: Sequence[float], better: int) -> tuple[str, str]:
    return f"{sum(better * c > 0 for c in changes)} of {len(changes)}", f"{median(changes):+.1%}"
