"""The rows of a comparison from the moments of its layers, and which layers have no angle and why."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from ioadapt_theory.similarity.comparison import Options, Pair, Row
from ioadapt_theory.similarity.matching import Layer, Skipped
from ioadapt_theory.similarity.measures import cosine
from ioadapt_theory.similarity.measures.cosine import Values
from ioadapt_theory.similarity.measures.space import Space
from ioadapt_theory.similarity.streaming.moments import Moments

NOT_FINITE = "holds NaN or infinity"
ZERO = "zero, so no angle is defined"
NO_UPDATE = "no update since the parent, so no angle is defined"
TRIVIAL = "its Gram is a multiple of the identity, so no angle is defined"


def rows_of(
    layers: Sequence[Layer],
    found: Sequence[Moments],
    overlaps: Sequence[cosine.Overlap | None],
    labels: Sequence[str],
    options: Options,
    *,
    updates: bool,
) -> tuple[list[Row], list[Skipped]]:
    """Rows with a cosine of any pair, and what has none and why; ``updates`` says that a parent was taken off."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for k, layer in enumerate(layers):
        name = layer.name.rpartition(".")[0] or layer.name if options.modules else f"{k}"
        groups[name].append(k)
    rows, skipped = [], []
    reason = TRIVIAL if options.space is not Space.WEIGHT else NO_UPDATE if updates else ZERO
    for module, members in groups.items():
        first = layers[max(members, key=lambda k: layers[k].numel)]
        name = module if options.modules else first.name
        row = Row(
            name=name, kind=first.kind, block=first.block, shape=first.shape, members=tuple(layers[k] for k in members)
        )
        broken: set[str] = set()
        zero: list[tuple[str, ...]] = []
        for pair in combinations(range(len(labels)), 2):
            common = [k for k in members if set(pair) <= set(layers[k].models)]
            if not common:
                continue
            parts = cosine.aligned([found[k] for k in common])
            infinite = [labels[i] for i in pair if not cosine.finite(parts, i)]
            broken.update(infinite)
            value = None if infinite else cosine.values(parts, *pair)
            if value is not None:
                row.values[pair] = _detailed(
                    value, [layers[k] for k in common], parts, overlaps[common[0]], pair, options
                )
            elif not infinite:
                zero.append(tuple(labels[i] for i in pair if cosine.norm_sq(parts, i) <= 0))
        rows.append(row)
        if broken:
            skipped.append(Skipped(name, tuple(sorted(broken)), NOT_FINITE))
        if zero:
            skipped.append(Skipped(name, tuple(sorted({x for z in zero for x in z})), reason))
    return [row for row in rows if row.values], skipped


def _detailed(
    value: Values,
    layers: Sequence[Layer],
    parts: Sequence[Moments],
    overlap: cosine.Overlap | None,
    pair: Pair,
    options: Options,
) -> Values:
    """Add what was asked for beside the cosine, and to a space what it would be by chance."""
    if overlap is not None and not math.isnan(overlap[pair]):
        value = replace(value, subspace=float(overlap[pair]))
    if options.space is not Space.WEIGHT:
        known = cosine.by_chance(parts[0], value.cosine, *pair)
        value = replace(value, null=known, error=cosine.rounding(parts[0], *pair))
    elif options.baseline:
        value = replace(value, baseline=cosine.permuted(parts, [x.numel for x in layers], *pair))
    return value
