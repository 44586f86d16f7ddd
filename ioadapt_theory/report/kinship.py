"""How two models are related, from their weights alone: what the layers share, and whose update points where.

A fine-tuned W' = W + D, with D at right angles to W as in high dimension it nearly is, has ⟨W, W'⟩ = ‖W‖² < ‖W'‖²: the
child projects on the parent with 1, the parent on the child with less. Where both have less, both are children of a
third.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from ioadapt_theory.adapters.rules.verdict import telling
from ioadapt_theory.report.layers import LayerPair

RELATED = 0.1
"""Weight cosine from which a layer was not trained anew, and 5 deviations of unrelated ones, 1 / √(numbers)."""
PRUNED = 0.95
"""Weight cosine above which what is left of a smaller model was not trained much further."""
LOW_RANK = 0.35
"""Part of its singular values that the update of a merged adapter has at most."""
BETWEEN = (0.3, 0.7)
"""The share of a sibling, see ``share``; a parent's is 0, a child's 1, and those of trained networks scatter."""
MOST = 0.7
"""Part of the layers whose share lies there, for siblings: real fine-tuning has shares of all kinds."""


class Kin(StrEnum):
    """What the target is to the source."""

    SAME = "same"
    FINE_TUNED = "fine-tuned"
    DISTILLED = "distilled"
    PRUNED = "pruned"
    MERGED = "merged"
    SIBLING = "sibling"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Kinship:
    """A word and the evidence for it."""

    kin: Kin
    why: str

    def __str__(self) -> str:
        return f"{self.kin}: {self.why}"


def kinship(
    pairs: Sequence[LayerPair], missing: Sequence[str], extra: Sequence[str], vectors: tuple[int, int] = (0, 0)
) -> Kinship:
    """What the target is to the source.

    Args:
        pairs: layers that both have.
        missing: layers of the source without a counterpart.
        extra: layers of the target that the source lacks.
        vectors: norms and biases that differ, and all that both have.
    """
    alike = [p for p in pairs if p.sides.cosine is not None]
    cosines = [p.sides.cosine or 0.0 for p in alike]
    equal = sum(p.equal for p in alike)
    related = [
        p
        for p, c in zip(alike, cosines, strict=True)
        if c >= max(RELATED, 5 / math.sqrt(math.prod(p.size))) and not p.equal
    ]
    known = equal + len(related)
    facing = sum(telling(p.sides.input) or telling(p.sides.output) for p in pairs)
    if known * 2 < len(alike) or not alike:
        return Kinship(Kin.STRANGER, f"{known} of {len(alike)} layers are kin by weights, {facing} share a side")
    lacking, which = max((missing, "target"), (extra, "source"), key=lambda entry: len(entry[0]))
    part = len(lacking) / (len(lacking) + len(pairs))
    middle = median(cosines)
    told = (
        f"{equal} of {len(alike)} layers equal, the others changed by {100 * median(map(change, related)):.2g} %"
        if related
        else ""
    )
    if part > 0.02:
        word = Kin.PRUNED if middle >= PRUNED else Kin.DISTILLED
        return Kinship(word, f"{len(lacking)} layers are missing in the {which}; {told or 'the others are equal'}")
    if not related and known == len(alike):
        if vectors[0] or extra:
            more = f", {len(extra)} more in the target" if extra else ""
            return Kinship(
                Kin.FINE_TUNED, f"all {equal} layers are equal, {vectors[0]} of {vectors[1]} norms and biases not{more}"
            )
        return Kinship(Kin.SAME, f"all {equal} layers are equal")
    if not related:
        return Kinship(Kin.FINE_TUNED, f"{equal} of {len(alike)} layers equal, the others trained anew")
    shares = [share(p) for p in related]
    between = sum(BETWEEN[0] < x < BETWEEN[1] for x in shares)
    if between >= MOST * len(shares):
        return Kinship(Kin.SIBLING, f"{told}; neither projects fully on the other in {between} of {len(shares)}")
    ranks = [p.rank for p in related if p.rank is not None]
    if ranks and median(ranks) <= LOW_RANK:
        return Kinship(Kin.MERGED, f"{told}; updates of low rank, {100 * median(ranks):.0f} % of all directions")
    if any("cond_proj" in name or "guidance" in name for name in extra):
        return Kinship(Kin.DISTILLED, f"{told}; the target is told its guidance")
    lean = median(shares) - sum(BETWEEN) / 2
    noise = 1 / math.sqrt(sum(math.prod(p.size) * change(p) ** 2 for p in related))
    if abs(lean) < 2 * noise:
        return Kinship(Kin.FINE_TUNED, f"{told}, too little to tell which was first")
    return Kinship(Kin.FINE_TUNED, f"{told}; by the projections the {'target' if lean < 0 else 'source'} is the child")


def share(pair: LayerPair) -> float:
    """What W' lacks of projecting fully on W, as a part of what both lack: 0 for a parent W, 1 for a parent W'."""
    c, ratio = pair.sides.cosine or 0.0, pair.sides.ratio or 1.0
    one, two = 1 - c * ratio, 1 - c / ratio
    return one / (one + two) if one + two else 0.5


def change(pair: LayerPair) -> float:
    """‖W' - W‖ / ‖W‖."""
    c, ratio = pair.sides.cosine or 0.0, pair.sides.ratio or 1.0
    return math.sqrt(max(1 + ratio * ratio - 2 * c * ratio, 0.0))
