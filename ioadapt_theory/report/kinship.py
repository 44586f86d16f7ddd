"""Say how two models are related, from their weights alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from ioadapt_theory.null import Null
from ioadapt_theory.report.layers import LayerPair

TELLING: Final = 5.0
"""Standard deviations over permuted channels from which a layer is related; many layers are asked."""
FEW: Final = 0.05
"""Part of the layers that has to be related, and one at least: heavy tails agree by chance here and there."""
SHARED: Final = 0.5
"""Excess of a side from which a layer counts as the same in other coordinates; a half of all layers has to."""
EXACT: Final = 0.9999
"""Cosine from which channels were kept as they were."""


ROUNDING: Final = 1e-4
"""Relative difference of outputs that rounding makes."""


class Relation(StrEnum):
    """What two models are to each other."""

    SAME = "same function"
    RELATED = "related"
    COPY = "quantised or pruned copy"
    UNRELATED = "unrelated"
    DIFFERENT = "different architecture"
    SMALL = "too small to tell"


@dataclass(frozen=True, slots=True)
class Kinship:
    """A word and the evidence for it.

    Attributes:
        relation: the word.
        why: the evidence.
        reordered: layers that are compared with their neurons or heads put in order.
        heads: whether heads are among these.
    """

    relation: Relation
    why: str
    reordered: int = 0
    heads: bool = False

    def __str__(self) -> str:
        return f"{self.relation} ({self.why})"


def kinship(
    pairs: Sequence[LayerPair],
    missing: Sequence[str],
    extra: Sequence[str],
    vectors: tuple[Sequence[str], int] = ((), 0),
    *,
    kept: Mapping[str, float] | None = None,
    added: bool = False,
    reordered: int = 0,
    heads: bool = False,
    difference: float | None = None,
) -> Kinship:
    """Say what the target is to the source.

    Args:
        pairs: layers that both have.
        missing: layers of the source without a counterpart.
        extra: layers of the target that the source lacks.
        vectors: norms and biases that differ, and the number of all that both have.
        kept: layers with fewer channels that are found in the wider layer, and the median cosine of these.
        added: whether layers that only one model has are doubles of others, or of a kind that these are not.
        reordered: layers that were compared with their channels in another order.
        heads: whether attention heads are among these channels.
        difference: ‖f_T - f_S‖ / ‖f_S‖ of the models' outputs on inputs, where they were run.
    """
    if difference is not None and difference < ROUNDING:
        return Kinship(Relation.SAME, f"on these inputs the outputs differ by {difference:.1g}", reordered, heads)
    kept = kept or {}
    alike = [p for p in pairs if p.likeness is not None]
    equal = [p for p in alike if p.likeness and p.likeness.equal]
    changed = [p for p in alike if p.likeness and not p.likeness.equal]
    related = [p for p in changed if _related(p)]
    turned = [p for p in changed if not _related(p) and _turned(p)]
    count = len(equal) + len(related) + len(kept)
    if count < max(1, FEW * len(pairs)) and 2 * (count + len(turned)) <= len(pairs):
        return _apart(pairs, alike, [*missing, *extra])
    why = [f"{len(equal)} of {len(pairs)} layers are equal"]
    if related:
        why.append(f"{len(related)} changed by {100 * median(p.change for p in related):.2g} %")
    if turned:
        why.append(f"{len(turned)} share a side in other coordinates")
    if len(alike) < len(pairs):
        why.append(f"{len(pairs) - len(alike)} have another size")
    if vectors[0]:
        why.append(f"{len(vectors[0])} of {vectors[1]} norms and biases differ")
    if missing or extra:
        why.append(f"{len(missing)} only in the source, {len(extra)} only in the target")
    if reordered:
        why.append(f"neurons or heads of {reordered} layers stand in another order")
    told = ", ".join(why)
    if len(equal) == len(pairs) and not (vectors[0] or missing or extra):
        return Kinship(Relation.SAME, told, reordered, heads)
    if not added and (which := _copied(pairs, missing, extra, vectors, kept)):
        return Kinship(Relation.COPY, f"{which}; {told}", reordered, heads)
    return Kinship(Relation.RELATED, told, reordered, heads)


def _apart(pairs: Sequence[LayerPair], alike: Sequence[LayerPair], single: Sequence[str]) -> Kinship:
    """Of models that share nothing."""
    if 2 * sum(p.size != p.there and p.size == p.there[::-1] for p in pairs) > len(pairs):
        return Kinship(Relation.DIFFERENT, "one of the two is transposed: torch stores a layer as outputs x inputs")
    if 10 * (len(pairs) - len(alike) + len(single)) > len(pairs) + len(single):
        other = f"{len(pairs) - len(alike)} of {len(pairs)} layers have another size, {len(single)} no counterpart"
        return Kinship(Relation.DIFFERENT, other)
    if all(p.likeness is None or p.likeness.most / 2 < TELLING for p in pairs):
        return Kinship(Relation.SMALL, "layers of so few channels would look the same by chance")
    return Kinship(Relation.UNRELATED, f"no more than chance is shared in {len(pairs)} layers")


def _related(pair: LayerPair) -> bool:
    return pair.likeness is not None and pair.likeness.z is not None and pair.likeness.z >= TELLING


def _turned(pair: LayerPair) -> bool:
    return _shared(pair.sides.input) or _shared(pair.sides.output)


def _shared(null: Null | None) -> bool:
    known = null is not None and null.excess is not None and null.z is not None
    return known and null.excess >= SHARED and null.z >= TELLING  # type: ignore[union-attr, operator]


def _copied(
    pairs: Sequence[LayerPair],
    missing: Sequence[str],
    extra: Sequence[str],
    vectors: tuple[Sequence[str], int],
    kept: Mapping[str, float],
) -> str:
    """Say which model is a copy of the other, and of what kind; "" where more was changed than rounding or removal."""
    changed = [p for p in pairs if p.likeness is None or not p.likeness.equal]
    copies = [p.likeness for p in changed if p.likeness is not None and p.likeness.copy]
    cut = [p for p in changed if kept.get(p.name, 0.0) > EXACT]
    if len(copies) + len(cut) < len(changed) or (missing and extra) or 2 * len(vectors[0]) > max(vectors[1], 1):
        return ""
    who = {one.copied for one in copies} - {""}
    kinds = {one.copy for one in copies} - {"unclear"}
    if missing or extra:
        who.add("target" if missing else "source")
        kinds.add(f"{len(missing or extra)} layers removed")
    if cut:
        if not _inside(pairs, cut):
            return ""
        who |= {"target" if sum(p.there) < sum(p.size) else "source" for p in cut}
        kinds.add(f"{len(cut)} layers with fewer channels")
    if len(who) > 1 or not kinds:
        return ""
    names = {"rounded": "numbers are rounded", "zeroed": "numbers are set to zero"}
    what = ", ".join(sorted(names.get(one, one) for one in kinds))
    return f"the {who.pop()} is the copy: {what}" if who else f"of one {what}"


def _inside(pairs: Sequence[LayerPair], cut: Sequence[LayerPair]) -> bool:
    """Whether channels are lost inside the network, and not in its vocabulary, its features or its classes."""
    order = {p.name: k for k, p in enumerate(pairs)}
    outputs = {p.size[1]: order[p.name] for p in reversed(cut) if p.size[1] != p.there[1]}
    inputs = {p.size[0]: order[p.name] for p in cut if p.size[0] != p.there[0]}
    return outputs.keys() == inputs.keys() and all(outputs[w] < inputs[w] for w in outputs)
