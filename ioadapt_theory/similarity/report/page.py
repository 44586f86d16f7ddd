"""A comparison as one HTML page: figures as inline SVG, tables that sort, nothing loaded from elsewhere."""

import io
from collections.abc import Sequence
from html import escape
from typing import Final

from ioadapt_theory.similarity.comparison import Comparison
from ioadapt_theory.similarity.report import plots
from ioadapt_theory.similarity.report.records import GROUPS, model_facts
from ioadapt_theory.similarity.report.tables import grouped, heading, remarks, summary

_STYLE: Final = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.85rem}
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{cursor:pointer}thead th{border-bottom:2px solid #8888}
figure{margin:1rem 0;background:#fff;padding:.5rem;overflow-x:auto}svg{max-width:100%;height:auto}
footer{margin:3rem 0;font-size:.8rem;opacity:.7}
"""
_SCRIPT: Final = """
document.querySelectorAll('thead th').forEach(h => h.addEventListener('click', () => {
  const body = h.closest('table').tBodies[0], k = h.cellIndex, up = h.dataset.up !== '1';
  const value = r => { const t = r.cells[k].textContent, n = parseFloat(t); return isNaN(n) ? t : n; };
  h.dataset.up = up ? '1' : '0';
  [...body.rows].sort((a, b) => { const x = value(a), y = value(b);
    return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1); }).forEach(r => body.append(r));
}));
"""


def to_html(c: Comparison) -> str:
    """The whole page; every name from a file is escaped."""
    title = " | ".join(c.labels)
    models = [["model", "source", "revision", "dtype", "parameters"]]
    for label, model in zip(c.labels, c.models, strict=True):
        models.append([str(value if value is not None else "-") for value in model_facts(label, model).values()])
    layers = [["layer", "kind", "shape", *(f"{c.labels[i]} | {c.labels[j]}" for i, j in c.pairs)]]
    for row in c.rows:
        cosines = [f"{row.values[pair].cosine:.6f}" if pair in row.values else "-" for pair in c.pairs]
        layers.append([row.name, row.kind, " x ".join(map(str, row.shape)), *cosines])
    skipped = [["left out", "of", "reason"], *([s.name, ", ".join(s.models), s.reason] for s in c.skipped)]
    sections = [
        ("Models", _table(models)),
        ("Pairs", _table(summary(c))),
        ("Figure", f"<figure>{_svg(c)}</figure>"),
        *((f"By {by}", _table(grouped(c, by))) for by in GROUPS),
        (f"Layers ({len(c.rows)})", _folded("cosine of every layer; click a head to sort", _table(layers))),
        (f"Left out ({len(c.skipped)})", _folded("what was not compared, and why", _table(skipped))),
    ]
    body = "".join(f"<h2>{escape(head)}</h2>{content}" for head, content in sections)
    notes = "".join(f"<li>{escape(note)}</li>" for note in remarks(c))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{escape(heading(c))}</p><ul>{notes}</ul>{body}"
        f"<footer>Written by ioadapt similarity.</footer><script>{_SCRIPT}</script></body></html>\n"
    )


def _table(lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(x)}</th>" for x in lines[0])
    rows = "".join("<tr>" + "".join(f"<td>{escape(x)}</td>" for x in line) + "</tr>" for line in lines[1:])
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _folded(what: str, content: str) -> str:
    return f"<details><summary>{escape(what)}</summary>{content}</details>"


def _svg(c: Comparison) -> str:
    out = io.StringIO()
    with plots.styled():
        plots.draw(c).savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()[out.getvalue().index("<svg") :]
