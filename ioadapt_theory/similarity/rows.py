"""The rows of a comparison from the moments of its layers, and the layers without a cosine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from ioadapt_theory.similarity.comparison import Options, Pair, Row
from ioadapt_theory.similarity.matching import Layer, Skipped, Space
from ioadapt_theory.similarity.measures import cosine
from ioadapt_theory.similarity.measures.cosine import Moments, Values

NOT_FINITE = "holds NaN, infinity, or numbers whose squares float64 cannot hold"
ZERO = "zero, so no angle is defined"
NO_UPDATE = "no update since the parent, so no angle is defined"
TRIVIAL = "its Gram is a multiple of the identity, so no angle is defined"


def rows_of(
    layers: Sequence[Layer], moments: Sequence[Moments], labels: Sequence[str], options: Options, *, updates: bool
) -> tuple[list[Row], list[Skipped]]:
    """Return the rows, and the layers without any cosine with reasons; ``updates`` says that there is a parent."""
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
        zero: set[str] = set()
        for pair in combinations(range(len(labels)), 2):
            common = [k for k in members if set(pair) <= set(layers[k].models)]
            if not common:
                continue
            parts = [moments[k] for k in common]
            infinite = [labels[i] for i in pair if not cosine.measurable(parts, i)]
            broken.update(infinite)
            value = None if infinite else cosine.values(parts, *pair)
            if value is not None:
                row.values[pair] = _with_null(value, [layers[k].numel for k in common], parts, pair, options)
            elif not infinite:
                zero.update(labels[i] for i in pair if cosine.norm_sq(parts, i) <= 0)
        rows.append(row)
        if broken:
            skipped.append(Skipped(name, tuple(sorted(broken)), NOT_FINITE))
        if zero:
            skipped.append(Skipped(name, tuple(sorted(zero)), reason))
    return [row for row in rows if row.values], skipped


def _with_null(value: Values, sizes: Sequence[int], parts: Sequence[Moments], pair: Pair, options: Options) -> Values:
    """Add the null of unrelated layers: always for spaces, on request for weights."""
    if options.space is not Space.WEIGHT:
        null = cosine.shuffled_channels(parts[0], value.cosine, *pair)
        return replace(value, null=null, error=cosine.rounding(parts[0], *pair))
    if options.null:
        return replace(value, null=cosine.shuffled_entries(parts, sizes, value.cosine, *pair))
    return value
