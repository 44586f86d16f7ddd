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
from ioadapt_theory.similarity.comparison import Comparison, Options, Pair, Row
from ioadapt_theory.similarity.measures.cosine import Values
from ioadapt_theory.similarity.measures.space import Space
from ioadapt_theory.similarity.report.order import place

GROUPS: Final[dict[str, Callable[[Row], str]]] = {"kind": lambda row: row.kind, "block": lambda row: row.block}
"""What --by groups the layers by."""


def to_json(c: Comparison, by: Sequence[str] = ()) -> dict[str, Any]:
    """Every figure, under the documented keys."""
    found: dict[str, Any] = {
        "schema": 1,
        "models": [model_facts(label, model) for label, model in zip(c.labels, c.models, strict=True)],
        "match": str(c.options.match),
        "space": str(c.options.space),
        "layers": [_layer(c, row) for row in c.rows],
        "pairs": [_pair(c, pair) for pair in c.pairs],
        "skipped": [{"name": s.name, "models": list(s.models), "reason": s.reason} for s in c.skipped],
    }
    if chosen := _chosen(c.options):
        found["options"] = chosen
    if c.parent is not None:
        found["parent"] = c.parent
    if by:
        found["groups"] = [group for one in by for group in _groups(c, one)]
    return found


def model_facts(label: str, model: Checkpoint) -> dict[str, Any]:
    """What a table says of a model; several dtypes are joined, the most frequent first."""
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


def _facts(options: Options) -> dict[str, Any]:
    return {
        "only": sorted(options.only),
        "layer": "module" if options.modules else "tensor",
        "mean": "parameters" if options.weighted else "uniform",
        "shared": options.shared,
        "subspace": options.subspace,
    }


def _chosen(options: Options) -> dict[str, Any]:
    """The options that change figures, where they are not the defaults."""
    default = _facts(Options())
    return {key: value for key, value in _facts(options).items() if value != default[key]}


def _layer(c: Comparison, row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "shape": list(row.shape),
        "values": {f"{c.labels[i]}|{c.labels[j]}": _values(v) for (i, j), v in row.values.items()},
    }


def _values(v: Values) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cosine": v.cosine,
        "relative_distance": v.relative_distance,
        "norm_ratio": v.norm_ratio,
    }
    if v.baseline is not None:
        found["baseline"] = {"mean": v.baseline[0], "sd": v.baseline[1]}
    if v.null is not None:
        found |= {"null_mean": v.null.mean, "null_sd": v.null.sd, "z": v.null.z, "excess": v.null.excess}
    if v.error is not None:
        found["error"] = v.error
    if v.subspace is not None:
        found["subspace"] = v.subspace
    return found


def _pair(c: Comparison, pair: Pair) -> dict[str, Any]:
    everything, low = c.mean(pair), c.lowest(pair)
    found: dict[str, Any] = {
        "a": c.labels[pair[0]],
        "b": c.labels[pair[1]],
        "common_layers": everything.layers,
        "common_parameters": everything.parameters,
        "mean": everything.mean,
        "lowest": {"fraction": c.options.lowest, "layers": low.layers, "mean": low.mean},
    }
    if (base := c.baseline(pair)) is not None and c.options.space is Space.WEIGHT:
        found["baseline"] = {"mean": base.mean, "sd": base.sd}
    elif base is not None:
        found |= {"null_mean": base.mean, "null_sd": base.sd, "z": base.z, "excess": c.excess(pair)}
        found["shared"] = c.shared(pair)
    if c.options.subspace is not None:
        found["subspace"] = c.subspace(pair)
    return found


def in_order(c: Comparison) -> list[Row]:
    """The rows as the network computes; in the file they are sorted as it was written."""
    return sorted(c.rows, key=lambda row: place(row.name))


def groups(c: Comparison, by: str) -> Iterator[tuple[str, Comparison]]:
    """Name and rows of every group, in one walk; the blocks in the network's order, the kinds in ours.

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
    """One line a layer and pair."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = ["cosine", "relative_distance", "norm_ratio"]
    spaces = c.options.space is not Space.WEIGHT
    columns += ["null_mean", "null_sd", "z", "excess", "error"] * spaces
    columns += ["baseline_mean", "baseline_sd"] * (c.options.baseline and not spaces)
    columns += ["subspace"] * (c.options.subspace is not None)
    writer.writerow(["name", "kind", "block", "shape", "a", "b", *columns])
    for row in c.rows:
        for (i, j), v in row.values.items():
            figures = [v.cosine, v.relative_distance, v.norm_ratio, *(v.baseline or ())]
            if spaces:
                figures += [v.null.mean, v.null.sd, v.null.z, v.null.excess] if v.null is not None else [None] * 4
                figures.append(v.error)
            figures += [v.subspace] * (c.options.subspace is not None)
            place = [row.name, row.kind, row.block, "x".join(map(str, row.shape)), c.labels[i], c.labels[j]]
            writer.writerow([*place, *("" if x is None else repr(x) for x in figures)])
    return out.getvalue()
