"""Does it transfer: what every recorded study keeps as dots on a line, with its table of errors folded below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from toys.common.stats import Interval
from toys.page.dots import Dot, plot
from toys.transfer import command
from toys.transfer.output import page
from toys.transfer.protocol import names, protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts import endpoint
from toys.transfer.verdicts.judge import LORA, cases

SIDES: Final = ("input", "output", "residual")
ROWS: Final = (NONE, LORA, *SIDES, f"{LORA}, retrained")
NOTHING: Final = (
    '<p class="note">No full run is recorded in this copy; <code>python toys/molecules.py</code> makes one.</p>\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One study: its title, and a table (method -> model -> error with its interval; lower is better)."""

    title: str
    caption: str
    rows: Mapping[str, Mapping[str, Interval]]
    command: str


def results() -> list[Result]:
    """Return every study of the protocol that has a recorded full run, in its order."""
    records = {name: command.recorded(name) for name in names()}
    return [_result(name, one) for name, one in records.items() if one is not None]


def _result(name: str, recorded: Mapping[str, Any]) -> Result:
    plan = protocol(name)
    (case, first), *_ = cases(recorded).items()
    shown = ROWS if set(SIDES) & set(plan.methods) else (NONE, LORA, *plan.methods)
    models = (SOURCE, *plan.related)
    return Result(
        title=plan.title,
        caption=", ".join(part for part in (plan.measure, case) if part),
        rows={
            page.label(row): {m: Interval.of(values[m]) for m in models if _whole(values.get(m))}
            for row in shown
            if (values := first["rows"].get(row))
        },
        command=recorded["config"]["command"],
    )


def _whole(values: Sequence[float | None] | None) -> bool:
    return values is not None and None not in values


def kept() -> list[tuple[str, list[Dot]]]:
    """Return study by study what a copied LoRA keeps and what the adapters of the two sides keep."""
    lines = []
    for study in dict.fromkeys(one.study for one in endpoint.decided()):
        mine = [one for one in endpoint.decided() if one.study == study and one.row in SIDES]
        if mine:
            lora = mine[0].lora
            dots = [Dot("lora", "LoRA", lora.mean, lora.low, lora.high)]
            dots += [Dot(m.row, m.row, m.method.mean, m.method.low, m.method.high, str(m.verdict)) for m in mine]
            lines.append((protocol(study).title, dots))
    return lines


def section(results: Sequence[Result]) -> str:
    """Return the results in HTML."""
    if not results:
        return NOTHING
    tables = "".join(map(_article, results))
    dots = plot(kept(), "Share of LoRA's gain on the target that copied adapters keep, by study")
    return f"{dots}<details><summary>The {len(results)} tables of errors behind it</summary>\n{tables}</details>\n"


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
        f"<article><h3>{escape(result.title)}</h3>\n"
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
