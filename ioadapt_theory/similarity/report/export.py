"""A comparison as JSON and CSV. The JSON's keys are stable; further ones appear only with the options they need."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint
from ioadapt_theory.checkpoints.names.kinds import KINDS
from ioadapt_theory.errors import UnknownNameError
from ioadapt_theory.null import Null
from ioadapt_theory.similarity.comparison import Comparison, Options, Pair, Row
from ioadapt_theory.similarity.matching import Space
from ioadapt_theory.similarity.measures.cosine import Values
from ioadapt_theory.similarity.report.order import place

GROUPS: Final[dict[str, Callable[[Row], str]]] = {"kind": lambda row: row.kind, "block": lambda row: row.block}
"""Keys of --by."""


def to_json(c: Comparison, by: Sequence[str] = ()) -> dict[str, Any]:
    """Return all values under the documented keys."""
    content: dict[str, Any] = {
        "schema": 1,
        "models": [model_facts(label, model) for label, model in zip(c.labels, c.models, strict=True)],
        "match": str(c.options.match),
        "space": str(c.options.space),
        "layers": [_layer(c, row) for row in c.rows],
        "pairs": [_pair(c, pair) for pair in c.pairs],
        "skipped": [{"name": s.name, "models": list(s.models), "reason": s.reason} for s in c.skipped],
    }
    if chosen := _chosen(c.options):
        content["options"] = chosen
    if c.parent is not None:
        content["parent"] = c.parent
    if by:
        content["groups"] = [group for one in by for group in _groups(c, one)]
    return content


def model_facts(label: str, model: Checkpoint) -> dict[str, Any]:
    """Return the table's facts about a model; several dtypes are joined, the most frequent first."""
    sizes: dict[str, int] = {}
    for info in model.tensors.values():
        sizes[info.dtype] = sizes.get(info.dtype, 0) + info.numel
    return {
        "name": label,
        "source": model.source,
        "revision": model.revision,
        "dtype": "+".join(
            DTYPES[code][0] if code in DTYPES else code for code in sorted(sizes, key=lambda code: -sizes[code])
        ),
        "parameters": sum(info.numel for info in model.tensors.values() if info.is_float),
    }


def _chosen(options: Options) -> dict[str, Any]:
    """Return the options that change values and differ from their defaults."""
    chosen = {
        "only": sorted(options.only) if options.only != Options().only else None,
        "layer": "module" if options.modules else None,
        "mean": "parameters" if options.weighted else None,
        "in_all_models": options.in_all_models or None,
    }
    return {key: value for key, value in chosen.items() if value is not None}


def _layer(c: Comparison, row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "shape": list(row.shape),
        "values": {f"{c.labels[i]}|{c.labels[j]}": _values(v) for (i, j), v in row.values.items()},
    }


def _values(v: Values) -> dict[str, Any]:
    content = {"cosine": v.cosine, "relative_distance": v.relative_distance, "norm_ratio": v.norm_ratio}
    if v.null is not None:
        content |= _null(v.null)
    if v.null is not None and v.error is not None:
        content |= {"too_small": v.null.too_small, "error": v.error}
    return content


def _null(null: Null) -> dict[str, Any]:
    return {"null_mean": null.mean, "null_sd": null.sd, "z": null.z, "p": null.p, "excess": null.excess}


def _pair(c: Comparison, pair: Pair) -> dict[str, Any]:
    everything, low = c.mean(pair), c.lowest(pair)
    content: dict[str, Any] = {
        "a": c.labels[pair[0]],
        "b": c.labels[pair[1]],
        "common_layers": everything.layers,
        "common_parameters": everything.parameters,
        "mean": everything.mean,
        "lowest": {"fraction": c.options.lowest, "layers": low.layers, "mean": low.mean},
    }
    if (null := c.null(pair)) is not None:
        content |= _null(null) | {"excess": c.excess(pair)}
        content["beyond_chance"] = c.beyond_chance(pair)
        if c.options.space is not Space.WEIGHT:
            content["too_small"] = c.too_small(pair)
    return content


def in_order(c: Comparison) -> list[Row]:
    """Return the rows in the order in which the network computes."""
    return sorted(c.rows, key=lambda row: place(row.name))


def groups(c: Comparison, by: str) -> Iterator[tuple[str, Comparison]]:
    """Yield the name and rows of every group; blocks in the network's order, kinds in a fixed order.

    Raises:
        UnknownNameError: ``by`` is not one of GROUPS.
    """
    if by not in GROUPS:
        raise UnknownNameError("grouping", by, GROUPS)
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in in_order(c):
        rows[GROUPS[by](row)].append(row)
    for name in sorted(rows, key=KINDS.index) if by == "kind" else rows:
        yield name, replace(c, rows=tuple(rows[name]))


def _groups(c: Comparison, by: str) -> Iterator[dict[str, Any]]:
    for name, group in groups(c, by):
        for pair in c.pairs:
            mean = group.mean(pair)
            yield {
                "by": by,
                "name": name,
                "a": c.labels[pair[0]],
                "b": c.labels[pair[1]],
                "layers": mean.layers,
                "mean": mean.mean,
            }


def to_csv(c: Comparison) -> str:
    """Return one line for each layer and pair."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    nulls = c.options.null or c.options.space is not Space.WEIGHT
    columns = [
        "cosine",
        "relative_distance",
        "norm_ratio",
        *["null_mean", "null_sd", "z", "p", "excess", "error"] * nulls,
    ]
    writer.writerow(["name", "kind", "block", "shape", "a", "b", *columns])
    for row in c.rows:
        for (i, j), v in row.values.items():
            figures: list[float | None] = [v.cosine, v.relative_distance, v.norm_ratio]
            if nulls:
                figures += [*(_null(v.null).values() if v.null is not None else [None] * 5), v.error]
            layer = [row.name, row.kind, row.block, "x".join(map(str, row.shape)), c.labels[i], c.labels[j]]
            writer.writerow([*layer, *("" if x is None else repr(x) for x in figures)])
    return out.getvalue()
