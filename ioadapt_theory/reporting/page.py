"""A report as one self-contained HTML page with every layer."""

from collections.abc import Sequence
from html import escape
from typing import Final

from ioadapt_theory.pages import document, folded, table_of
from ioadapt_theory.reporting import text
from ioadapt_theory.reporting.assemble import Report

_STYLE: Final = """
.answer{border-left:.3rem solid #0072B2;padding:.5rem 1rem;background:#0072B218}dt{font-weight:600}
"""


def to_html(report: Report) -> str:
    source, target, adapter = report.names
    title = f"{source} → {target}" + (f": {adapter}" if adapter else "")
    layers = table_of(text.table(report.layers), long=True)
    advice = [f"<dt>{escape(one.how)}</dt><dd>{escape(one.why)}</dd>" for one in report.advice]
    parts = [
        f'<p class="answer">{escape(str(report))}</p>',
        *(f"<p>{escape(line)}</p>" for line in text.facts(report)),
        _section("Advice", f"<dl>{''.join(advice)}</dl>") if advice else "",
        _section(f"Layers ({len(report.layers)})", f"<p>{escape(text.NOTE)}</p>{layers}"),
        _section("Not moved", table_of([["layer", "why"], *map(list, report.lost.items())])) if report.lost else "",
        _names(f"Only in {source}", report.missing),
        _names(f"Only in {target}", report.extra),
    ]
    return document(title, f"{''.join(parts)}<footer>Written by ioadapt report.</footer>", _STYLE)


def _section(head: str, content: str) -> str:
    return f"<h2>{escape(head)}</h2>{content}"


def _names(head: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "".join(f"<li>{escape(name)}</li>" for name in names)
    return folded(f"{head} ({len(names)})", f"<ul>{listed}</ul>")
