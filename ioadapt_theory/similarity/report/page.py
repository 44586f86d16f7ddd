"""A comparison as a self-contained HTML page: figures as inline SVG, and tables that sort and filter."""

import io
from html import escape

from ioadapt_theory.pages import document, folded, table_of
from ioadapt_theory.similarity.report import plots
from ioadapt_theory.similarity.report.as_json import model_facts
from ioadapt_theory.similarity.report.order import GROUPS, in_order
from ioadapt_theory.similarity.report.tables import grouped, heading, pair_name, remarks, summary
from ioadapt_theory.similarity.result import Comparison


def to_html(c: Comparison) -> str:
    title = " | ".join(c.labels)
    models = [["model", "source", "revision", "dtype", "parameters"]]
    for name, model in zip(c.labels, c.models, strict=True):
        models.append([str(value if value is not None else "-") for value in model_facts(name, model).values()])
    skipped = [["left out", "of", "reason"], *([s.name, ", ".join(s.models), s.reason] for s in c.skipped)]
    sections = [
        ("Models", table_of(models)),
        ("Pairs", table_of(summary(c))),
        ("Figure", f'<figure tabindex="0">{_svg(c)}</figure>'),
        *((f"By {by}", table_of(grouped(c, by))) for by in GROUPS),
        (f"Layers ({len(c.rows)})", folded("every layer, in the network's order", table_of(_layers(c), long=True))),
        (f"Left out ({len(c.skipped)})", folded("skipped tensors, with reasons", table_of(skipped, long=True))),
    ]
    notes = [f"<li>{escape(note)}</li>" for note in remarks(c)]
    listed = f"<ul>{''.join(notes)}</ul>" if notes else ""
    body = "".join(f"<h2>{escape(head)}</h2>{content}" for head, content in sections)
    return document(title, f"<p>{escape(heading(c))}</p>{listed}{body}<footer>Written by ioadapt similarity.</footer>")


def _layers(c: Comparison) -> list[list[str]]:
    lines = [["layer", "kind", "shape", *(pair_name(c, pair) for pair in c.pairs)]]
    for row in in_order(c):
        cells = [f"{row.values[pair].cosine:.6f}" if pair in row.values else "-" for pair in c.pairs]
        lines.append([row.name, row.layer.kind, " x ".join(map(str, row.layer.shape)), *cells])
    return lines


def _svg(c: Comparison) -> str:
    out = io.StringIO()
    with plots.styled():
        plots.draw(c).savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()[out.getvalue().index("<svg") :]
