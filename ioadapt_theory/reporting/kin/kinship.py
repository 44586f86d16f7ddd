"""The relation of two models, determined from their weights and, if they were run, from their outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from ioadapt_theory.chance import Null
from ioadapt_theory.reporting.kin.layers import LayerPair

TELLING: Final = 5.0
"""Minimum z of related layers in a permutation test of channels; it is high, since many layers are tested."""
FEW: Final = 0.05
"""Minimum fraction of equal or related layers in related models; a few can look alike by chance."""
SHARED: Final = 0.5
"""Minimum excess over chance of the input or output similarity of two layers that share this space in a different
basis. Models are also related if more than half of their layers are equal, related or share a space."""
ROUNDING: Final = 1e-4
"""Largest relative difference of outputs that is attributed to rounding."""


class Relation(StrEnum):
    """Relation of two models, as printed in reports; related models have similar weights, as after fine-tuning."""

    SAME = "same function"
    RELATED = "related"
    UNRELATED = "unrelated"
    DIFFERENT = "different architecture"
    SMALL = "too small to tell"


@dataclass(frozen=True, slots=True)
class Kinship:
    """The relation of two models, and the evidence for it.

    Attributes:
        relation: the verdict.
        why: the evidence.
        reordered: number of layers whose neurons or heads were reordered for the comparison.
    """

    relation: Relation
    why: str
    reordered: int = 0

    def __str__(self) -> str:
        return f"{self.relation} ({self.why})"


def kinship(
    pairs: Sequence[LayerPair],
    missing: Sequence[str],
    extra: Sequence[str],
    vectors: tuple[Sequence[str], int],
    *,
    orders: int,
    difference: float | None = None,
) -> Kinship:
    """Return the relation of the target to the source.

    ``missing`` and ``extra`` are layers of only one of them, ``vectors`` norms and biases that differ and the number of
    those in both, ``orders`` the number of reordered layers, and ``difference`` is ‖f_T - f_S‖ / ‖f_S‖, if known.
    """
    if difference is not None and difference < ROUNDING:
        what = f"differ by {difference:.1g} of their size" if difference else "are equal"
        return Kinship(Relation.SAME, f"on these inputs the outputs {what}", orders)
    equal = [p for p in pairs if p.likeness.equal]
    changed = [p for p in pairs if not p.likeness.equal]
    related = [p for p in changed if (p.likeness.z or 0.0) >= TELLING]
    others = [p for p in changed if (p.likeness.z or 0.0) < TELLING]
    turned = [p for p in others if _shared(p.sides.input) or _shared(p.sides.output)]
    sizes = sum(p.size != p.there for p in pairs)
    count = len(equal) + len(related)
    if count < max(1, FEW * len(pairs)) and 2 * (count + len(turned)) <= len(pairs):
        return _apart(pairs, len(others), sizes, len(missing) + len(extra))
    parts = [
        (True, f"{len(equal)} of {len(pairs)} layers are equal"),
        (related, f"{len(related)} changed by {100 * median([p.change for p in related] or [0]):.2g} % (median)"),
        (turned, f"{len(turned)} with inputs or outputs that match in another basis"),
        (sizes, f"{sizes} with different sizes"),
        (missing, f"{len(missing)} only in the source"),
        (extra, f"{len(extra)} only in the target"),
        (orders, f"{orders} with permuted neurons or heads"),
        (vectors[0], f"{len(vectors[0])} of {vectors[1]} norms and biases differ"),
    ]
    why = ", ".join(text for applies, text in parts if applies)
    if len(equal) == len(pairs) and not (vectors[0] or missing or extra):
        return Kinship(Relation.SAME, why, orders)
    return Kinship(Relation.RELATED, why, orders)


def _apart(pairs: Sequence[LayerPair], unlike: int, sizes: int, single: int) -> Kinship:
    """Return the verdict on two models with too few related layers.

    ``unlike``, ``sizes`` and ``single`` count layers that are unrelated, differ in size, or exist in one model only.
    """
    if 10 * (sizes + single) > len(pairs) + single:
        other = f"{sizes} of {len(pairs)} layers with different sizes, {single} without a counterpart"
        return Kinship(Relation.DIFFERENT, other)
    if all(p.likeness.most / 2 < TELLING for p in pairs):
        return Kinship(Relation.SMALL, "the layers have so few channels that they could be similar by chance")
    return Kinship(
        Relation.UNRELATED, f"the weights of {unlike} of {len(pairs)} layers are no more similar than by chance"
    )


def _shared(null: Null | None) -> bool:
    return null is not None and (null.excess or 0.0) >= SHARED and (null.z or 0.0) >= TELLING
