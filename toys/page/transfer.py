"""Does it transfer: every recorded study as a headline, the cases it rests on, and a table of errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from ioadapt_theory.stats import Interval
from toys.transfer import command
from toys.transfer.output import page
from toys.transfer.protocol import names, protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts.judge import LORA, Verdict, cases

SIDES: Final = ("input", "output")
ROWS: Final = (NONE, LORA, *SIDES, f"{LORA}, retrained")
NOTHING: Final = (
    '<p class="note">No full run is recorded in this copy; <code>python toys/molecules.py</code> makes one.</p>\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One study.

    Attributes:
        title: what was done, and the result by the study's rule.
        counts: side -> in how many cases it was better than LoRA, worse, and how many cases there are.
        caption: what is in the table; lower is better.
        rows: method -> model -> error with its interval.
        command: what made it.
    """

    title: str
    counts: Mapping[str, tuple[int, int, int]]
    caption: str
    rows: Mapping[str, Mapping[str, Interval]]
    command: str

    @property
    def sentence(self) -> str:
        """In how many cases, all of them judged together; nothing where the study is not of the two sides."""
        if not self.counts:
            return ""
        said = (f"{side} adapters better in {b}, worse in {w} of {n}" for side, (b, w, n) in self.counts.items())
        return f"Against LoRA on the same layers, where all comparisons are to hold at once: {'; '.join(said)}."


def results() -> list[Result]:
    """Every study of the protocol that has a recorded full run, in its order."""
    found = {name: command.recorded(name) for name in names()}
    return [_result(name, one) for name, one in found.items() if one is not None]


def _result(name: str, recorded: Mapping[str, Any]) -> Result:
    plan = protocol(name)
    compared = page.comparisons(plan, recorded)
    mine = {side: [c.verdict for c in compared if c.row == side] for side in SIDES}
    (case, first), *_ = cases(recorded).items()
    shown = ROWS if any(mine.values()) else (NONE, LORA, *plan.methods)
    table = {row: first["rows"][row] for row in shown if row in first["rows"]}
    models = (SOURCE, *plan.related)
    return Result(
        title=f"{plan.title}. {page.headline(plan, recorded)}.",
        counts={
            side: (some.count(Verdict.BETTER), some.count(Verdict.WORSE), len(some))
            for side, some in mine.items()
            if some
        },
        caption=", ".join(part for part in (plan.measure, case) if part),
        rows={
            page.label(row): {m: Interval.of(values[m]) for m in models if _whole(values.get(m))}
            for row, values in table.items()
        },
        command=recorded["config"]["command"],
    )


def _whole(values: Sequence[float | None] | None) -> bool:
    return values is not None and None not in values


def section(results: Sequence[Result]) -> str:
    """The results in HTML."""
    return "".join(map(_article, results)) or NOTHING


def _article(result: Result) -> str:
    models = list(dict.fromkeys(m for values in result.rows.values() for m in values))
    most = max(interval.mean for values in result.rows.values() for interval in values.values())
    head = "".join(f'<th scope="col">{escape(model)}</th>' for model in models)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(_cell(values.get(model), most) for model in models)
        + "</tr>\n"
        for label, values in result.rows.items()
    )
    return (
        f"<article><h3>{escape(result.title)}</h3>\n<p>{escape(result.sentence)}</p>\n"
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(result.title)}"><table class="bars">'
        f"<caption>{escape(result.caption)}; mean ± half of the 95 % interval; lower is better</caption>"
        f'<thead><tr><th scope="col">method</th>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'
        f'<p class="made">made by <code>{escape(result.command)}</code></p></article>\n'
    )


def _cell(interval: Interval | None, most: float) -> str:
    if interval is None:
        return "<td>–</td>"
    width = 100 * interval.mean / most
    return f'<td><span class="bar" style="width:{width:.1f}%"></span><span>{interval}</span></td>'
