"""The report as one self-contained page, without a request and with every layer."""

from collections.abc import Sequence
from html import escape
from typing import Final

from ioadapt_theory.adapters.rules.verdict import THRESHOLDS
from ioadapt_theory.report import text
from ioadapt_theory.report.assemble import Report
from ioadapt_theory.similarity.report.page import assets, sortable

_STYLE: Final = """
.answer{border-left:.3rem solid #0072B2;padding:.5rem 1rem;background:#0072B218}
td.shared{color:#00775a}td.nothing{color:#b34700}dt{font-weight:600}
@media(prefers-color-scheme:dark){td.shared{color:#4fd6ae}td.nothing{color:#ff9d57}}
"""


def to_html(report: Report) -> str:
    """The whole page; every name from a file is escaped."""
    source, target, adapter = report.names
    title = f"{source} → {target}" + (f": {adapter}" if adapter else "")
    counts, *first = text.summary(report)
    fixed = f"Thresholds were fixed on {THRESHOLDS.fixed['on']}."
    style, script = assets()
    parts = [
        f'<p class="answer">{escape(report.last)}</p>',
        f"<p>{escape(str(report.kinship))}</p>",
        f"<p>{escape(text.counts(report))}</p>",
        _section("What may be said of the layers", _table([counts, *(line for line in first if len(line) > 1)])),
        *(f"<p>{escape(line[0])}</p>" for line in first if len(line) == 1),
        "" if report.effect is None else _section("On the inputs", f"<p>{escape(text.told(report.effect))}</p>"),
        _section("Advice", _advice(report)),
        _section(f"Layers ({len(report.layers)})", _table(text.table(report.layers), long=True)),
        _section("Not moved", _table([["layer", "why"], *map(list, report.lost.items())])) if report.lost else "",
        _names(f"Only in {source}", report.missing),
        _names(f"Only in {target}", report.extra),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>\n{style}{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{''.join(parts)}<footer><p>{escape(fixed)}</p></footer>"
        f"<script>\n{script}</script></body></html>\n"
    )


def _section(head: str, content: str) -> str:
    return f"<h2>{escape(head)}</h2>{content}"


def _advice(report: Report) -> str:
    items = (
        f"<dt>{escape(a.how)}</dt><dd>{escape(a.evidence)}<br><small>{escape(a.tested)}</small></dd>"
        for a in report.advice
    )
    return f"<dl>{''.join(items)}</dl>"


def _names(head: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "".join(f"<li>{escape(name)}</li>" for name in names)
    return f"<details><summary>{escape(head)} ({len(names)})</summary><ul>{listed}</ul></details>"


def _table(lines: Sequence[Sequence[str]], *, long: bool = False) -> str:
    return sortable(lines, _cell, long=long)


def _cell(content: str) -> str:
    word = "nothing" if "nothing shared" in content else "shared" if "shared" in content else ""
    return f'<td class="{word}">{escape(content)}</td>' if word else f"<td>{escape(content)}</td>"
