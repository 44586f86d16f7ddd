"""A comparison as tables for the terminal with notes, as JSON, and as a page with figures and sortable tables."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from textwrap import fill
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint
from ioadapt_theory.pages import WIDTH, aligned, document, folded, table_of
from ioadapt_theory.similarity.report import plots
from ioadapt_theory.similarity.report.order import GROUPS, groups, in_order
from ioadapt_theory.similarity.result import ROLES, Comparison, Pair, heading, role


def summary(c: Comparison) -> list[list[str]]:
    lines = [["pair", "layers", "params", "mean", "lowest", "weights", "norms", "biases"]]
    for pair in c.pairs:
        everything, low = c.mean(pair), c.lowest(pair)
        roles = [c.mean(pair, lambda row, r=r: role(row.layer.kind) == r) for r in ROLES]  # type: ignore[misc]
        line = [pair_name(c, pair), str(everything.layers), f"{everything.parameters / 1e6:.1f} M"]
        line += [cell(m.mean) for m in (everything, low, *roles)]
        lines.append(line)
    return lines


def grouped(c: Comparison, by: str) -> list[list[str]]:
    lines = [[by, *["pair"] * (len(c.pairs) > 1), "mean", "layers"]]
    for name, group, pair in groups(c, by):
        mean = group.mean(pair)
        lines.append([name, *[pair_name(c, pair)] * (len(c.pairs) > 1), cell(mean.mean), str(mean.layers)])
    return lines


def pair_name(c: Comparison, pair: Pair) -> str:
    return " | ".join(c.labels[i] for i in pair)


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def to_table(c: Comparison, by: Sequence[str] = (), width: int = WIDTH) -> str:
    """Return the comparison as text for the terminal; ``by`` are the groupings to include, "kind" or "block"."""
    tables = [summary(c), *(grouped(c, one) for one in by)]
    return "\n".join([fill(heading(c), width) + "\n", *(aligned(table, width, least=width) for table in tables)])


def remarks(c: Comparison) -> list[str]:
    """Return the notes on a comparison that belong on stderr."""
    counts = Counter(
        f"only in {', '.join(s.models)}" if s.reason == "in no other model" else s.reason.split(": ")[0].split(" (")[0]
        for s in c.skipped
    )
    left_out = [f"left out: {'; '.join(f'{reason} ({n})' for reason, n in counts.most_common())}"] if counts else []
    undefined = [f"{s.name} of {', '.join(s.models)}: {s.reason}" for s in c.skipped if "NaN" in s.reason]
    more = [f"left out for the same reason: {len(undefined) - 5} more"] if len(undefined) > 5 else []
    empty = [f"{pair_name(c, pair)}: no common layers" for pair in c.pairs if c.mean(pair).mean is None]
    return [*c.notes, *(f"{note}." for note in (*empty, *left_out, *undefined[:5], *more))]


def to_json(c: Comparison, by: Sequence[str] = ()) -> dict[str, Any]:
    """Return the comparison as data for JSON, whose keys are stable; some appear only with certain options."""
    content: dict[str, Any] = {
        "schema": 1,
        "models": [model_facts(label, model) for label, model in zip(c.labels, c.models, strict=True)],
        "space": str(c.options.space),
        "layers": [
            {
                "name": row.name,
                "kind": row.layer.kind,
                "shape": list(row.layer.shape),
                "values": {f"{c.labels[i]}|{c.labels[j]}": asdict(v) for (i, j), v in row.values.items()},
            }
            for row in c.rows
        ],
        "pairs": [_pair(c, pair) for pair in c.pairs],
        "skipped": [{"name": s.name, "models": list(s.models), "reason": s.reason} for s in c.skipped],
    }
    if c.options.only != frozenset(ROLES):
        content["options"] = {"only": sorted(c.options.only)}
    if by:
        content["groups"] = []
        for one in by:
            for name, group, (i, j) in groups(c, one):
                mean, between = group.mean((i, j)), {"a": c.labels[i], "b": c.labels[j]}
                content["groups"].append({"by": one, "name": name, **between, "layers": mean.layers, "mean": mean.mean})
    return content


def model_facts(label: str, model: Checkpoint) -> dict[str, Any]:
    """Return a model's name, source, revision, dtype and size; several dtypes are joined, the most frequent first."""
    sizes: dict[str, int] = {}
    for info in model.tensors.values():
        sizes[info.dtype] = sizes.get(info.dtype, 0) + info.numel
    return {
        "name": label,
        "source": model.source,
        "revision": model.revision,
        "dtype": "+".join(DTYPES.get(code, code) for code in sorted(sizes, key=lambda code: -sizes[code])),
        "parameters": sum(info.numel for info in model.tensors.values() if info.is_float),
    }


def _pair(c: Comparison, pair: Pair) -> dict[str, Any]:
    everything, low = c.mean(pair), c.lowest(pair)
    return {
        "a": c.labels[pair[0]],
        "b": c.labels[pair[1]],
        "common_layers": everything.layers,
        "common_parameters": everything.parameters,
        "mean": everything.mean,
        "lowest": {"fraction": c.options.lowest, "layers": low.layers, "mean": low.mean},
    }


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
