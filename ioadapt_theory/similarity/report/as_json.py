"""A comparison as JSON. The keys are stable; some appear only with certain options."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint
from ioadapt_theory.similarity.report.order import groups
from ioadapt_theory.similarity.result import ROLES, Comparison, Pair, Row


def to_json(c: Comparison, by: Sequence[str] = ()) -> dict[str, Any]:
    """Return the comparison as data for JSON; ``by`` are the groupings to include, "kind" or "block"."""
    content: dict[str, Any] = {
        "schema": 1,
        "models": [model_facts(label, model) for label, model in zip(c.labels, c.models, strict=True)],
        "space": str(c.options.space),
        "layers": [_layer(c, row) for row in c.rows],
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


def _layer(c: Comparison, row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.layer.kind,
        "shape": list(row.layer.shape),
        "values": {f"{c.labels[i]}|{c.labels[j]}": asdict(v) for (i, j), v in row.values.items()},
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
