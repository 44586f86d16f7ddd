"""How two models are related, from their weights alone: what the layers share, and whose update points where.

A fine-tuned W' = W + D, with D at right angles to W as in high dimension it nearly is, has ⟨W, W'⟩ = ‖W‖² < ‖W'‖²: the
child projects on the parent with 1, the parent on the child with less. Where both have less, both are children of a
third. Where histories leave the same traces in two models the word names all of them: training on another's outputs
looks like training on data; the average of two children is to either as their parent is, since (D₂ - D₁) / 2 beside
W + D₁ projects as -D₁ does; a merge at other weights is to them as a sibling is; and a sibling that hardly left the
parent is to the other as the parent is.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from ioadapt_theory.adapters.rules.verdict import telling
from ioadapt_theory.null import Null
from ioadapt_theory.report.layers import LayerPair

RELATED = 0.1
"""Weight cosine from which a layer was not trained anew, and 5 deviations of unrelated ones, 1 / √(numbers)."""
ALIKE = 0.999
"""Cosine of a side's Grams above which the other side is in another basis, and nothing else changed."""
SPECTRUM = 2e-3
"""Distance of singular values below which a layer is in other bases on both sides; strangers' are ten times that."""
HEALED = 0.15
"""Change up to which what is left of a smaller model was hardly trained further."""
PRESENT = 0.02
"""Part of the layers that may be missing, and by which zeros may grow."""
ROUNDED = {2: 0.6, 3: 0.35, 4: 0.17, 5: 0.09, 6: 0.05, 8: 0.045}
"""Change that codes of so many bits make at most, beside their weights."""
BETWEEN = (0.26, 0.74)
"""Share of siblings, see ``traces``: a parent's is 0 or less, a child's 1 or more."""


class Kin(StrEnum):
    """What the target is to the source."""

    SAME = "same"
    QUANTISED = "quantised copy"
    FINE_TUNED = "fine-tuned"
    DISTILLED = "distilled"
    PRUNED = "pruned"
    MERGED = "merged"
    SIBLING = "sibling"
    STRANGER = "stranger"
    TRAINED = "fine-tuned, distilled, merged or sibling"
    BESIDE = "sibling or merged"

    @property
    def covers(self) -> frozenset["Kin"]:
        """The histories that the word names: one, or those that two models alone do not tell apart."""
        return COARSE.get(self, frozenset({self}))


COARSE = {
    Kin.TRAINED: frozenset({Kin.FINE_TUNED, Kin.DISTILLED, Kin.MERGED, Kin.SIBLING}),
    Kin.BESIDE: frozenset({Kin.SIBLING, Kin.MERGED}),
}


@dataclass(frozen=True, slots=True)
class Kinship:
    """A word and the evidence for it.

    Attributes:
        kin: the word.
        why: the evidence.
        also: what would leave the same traces in these two models.
        turned: whether layers are the same in other coordinates, so that not every adapter means the same there.
        neurons: layers that are compared with their neurons put in order, as match="provenance" puts an adapter's.
    """

    kin: Kin
    why: str
    also: tuple[str, ...] = ()
    turned: bool = False
    neurons: int = 0

    def __str__(self) -> str:
        also = f" ({' or '.join(self.also)} would look alike)" if self.also else ""
        return f"{self.kin}: {self.why}{also}"


def kinship(
    pairs: Sequence[LayerPair],
    missing: Sequence[str],
    extra: Sequence[str],
    vectors: tuple[Sequence[str], int] = ((), 0),
    *,
    within: Mapping[str, float] | None = None,
    neurons: int = 0,
    quantised: tuple[str, str] = ("", ""),
) -> Kinship:
    """What the target is to the source.

    Args:
        pairs: layers that both have.
        missing: layers of the source without a counterpart.
        extra: layers of the target that the source lacks.
        vectors: norms and biases that differ, and the number of all that both have.
        within: layers of unequal sizes that are part of each other, and the cosine of that part.
        neurons: layers that were held together with their neurons in another order.
        quantised: how source and target are quantised, where they are.
    """
    within = within or {}
    alike = [p for p in pairs if p.sides.cosine is not None]
    equal = [p for p in alike if p.equal]
    near = [p for p in alike if not p.equal and _related(p)]
    turned = [p for p in alike if not p.equal and not _related(p) and _turned(p)]
    known, every = len(equal) + len(near) + len(turned) + len(within), len(pairs)
    if known * 2 < every or not every:
        facing = sum(telling(p.sides.input) or telling(p.sides.output) for p in pairs)
        return Kinship(Kin.STRANGER, f"{known} of {every} layers are kin by weights, {facing} share a side")
    told = _told(equal, near, turned, every, neurons)
    moved = median(map(change, near)) if near else 0.0
    narrow = [math.sqrt(max(2 - 2 * c, 0.0)) for c in within.values()]
    lacking, which = max((missing, "target"), (extra, "source"), key=lambda entry: len(entry[0]))
    if within or len(lacking) > PRESENT * (len(lacking) + every):
        what = f"{len(within)} layers have fewer channels" if within else f"{len(lacking)} layers are missing"
        where = which if not within else _narrower(pairs, within)
        word = Kin.PRUNED if max([moved, *narrow[:1]]) <= HEALED else Kin.DISTILLED
        return Kinship(word, f"{what} in the {where}; {told}")
    if len(vectors[0]) * 2 <= vectors[1] and (rounded := _rounded(near, quantised)):
        return Kinship(Kin.QUANTISED, f"{rounded}; {told}")
    if not any(quantised) and (zeroed := _zeroed(near)):
        return Kinship(Kin.PRUNED, f"{zeroed}; {told}")
    if not near:
        return _unmoved(told, equal, turned, every, extra, vectors, neurons)
    if any("cond_proj" in name or "guidance" in name for name in extra):
        return Kinship(Kin.DISTILLED, f"{told}; the target is told its guidance")
    return _trained(told, near, most=2 * len(near) > every)


def _trained(told: str, near: Sequence[LayerPair], *, most: bool) -> Kinship:
    """Parent, child or, where most layers changed, sibling, by the share of all these layers together."""
    shares = [(p.traces.share, p.traces.certainty) for p in near if p.traces is not None and p.traces.share is not None]
    share, error = _together(shares)
    plain = median(map(_plain, near))
    low, high = BETWEEN[0] + error, BETWEEN[1] - error
    if most and low < share < high and low < plain < high:  # whether or not something decayed
        why = f"{told}; neither projects fully on the other, the source moved {100 * share:.0f} % of the way"
        return Kinship(Kin.BESIDE, why)
    ranks = [p.traces.rank for p in near if p.traces is not None and p.traces.rank is not None]
    ends = [rank for rank in ranks if rank < 1]
    if 2 * len(ends) > len(ranks):
        return Kinship(
            Kin.MERGED, f"{told}; the change has {100 * median(ends):.0f} % of all directions, as adapters do"
        )
    if abs(share - 0.5) < 2 * error or (share < 0.5) != (plain < 0.5):  # or decay or growth is as large as the change
        return Kinship(Kin.TRAINED, f"{told}; the projections do not tell which was first")
    child = "target" if share < 0.5 else "source"
    why = f"{told}; by the projections the {child} is the child, or has a sibling that hardly left their parent"
    return Kinship(Kin.TRAINED, why)


def _together(shares: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The mean share of layers, each with 1 / its variance, and its error: larger where they differ by more (Birge)."""
    certainty = sum(c for _, c in shares)
    if not certainty:
        return 0.5, math.inf
    mean = sum(s * c for s, c in shares) / certainty
    spread = sum(c * (s - mean) ** 2 for s, c in shares) / max(len(shares) - 1, 1)
    return mean, math.sqrt(max(spread, 1.0) / certainty)


def _plain(pair: LayerPair) -> float:
    """The share of a layer if nothing decayed or grew: what W' lacks of projecting on W, of what both lack."""
    c, ratio = pair.sides.cosine or 0.0, pair.sides.ratio or 1.0
    one, two = 1 - c * ratio, 1 - c / ratio
    return one / (one + two) if one + two else 0.5


def _unmoved(
    told: str,
    equal: Sequence[LayerPair],
    turned: Sequence[LayerPair],
    every: int,
    extra: Sequence[str],
    vectors: tuple[Sequence[str], int],
    neurons: int,
) -> Kinship:
    """Where every layer is equal, in other coordinates or anew."""
    if len(equal) + len(turned) < every:
        return Kinship(Kin.FINE_TUNED, f"{told}, the others trained anew")
    kept = [{side for side in ("input", "output") if _exact(getattr(p.sides, side))} for p in turned]
    if any(kept) and len(set().union(*kept)) < 2:  # a basis that is left has to be entered elsewhere
        return Kinship(Kin.FINE_TUNED, f"{told}, and on one side only")
    names = {p.name for p in turned}
    apart = [name for name in vectors[0] if name.rpartition(".")[0] not in names]
    if apart or extra:
        more = f", {len(extra)} more in the target" if extra else ""
        return Kinship(Kin.FINE_TUNED, f"{told}, {len(apart)} of {vectors[1]} norms and biases not{more}")
    return Kinship(Kin.SAME, told, turned=bool(turned), neurons=neurons)


def _told(
    equal: Sequence[LayerPair], near: Sequence[LayerPair], turned: Sequence[LayerPair], every: int, neurons: int
) -> str:
    parts = [f"all {every} layers are equal" if len(equal) == every else f"{len(equal)} of {every} layers equal"]
    if turned:
        parts.append(f"{len(turned)} the same in other coordinates")
    if near:
        parts.append(f"the others changed by {100 * median(map(change, near)):.2g} %")
    if neurons:
        parts.append(f"once the neurons of {neurons} layers are put in order")
    return ", ".join(parts)


def _related(pair: LayerPair) -> bool:
    count = 1 if pair.traces is None else pair.traces.count
    return (pair.sides.cosine or 0.0) >= min(0.5, max(RELATED, 5 / math.sqrt(count)))


def _turned(pair: LayerPair) -> bool:
    """Whether a layer is another one's in other bases: one side or the singular values are the same."""
    if _exact(pair.sides.input) or _exact(pair.sides.output):
        return True
    spectrum = None if pair.traces is None else pair.traces.spectrum
    return spectrum is not None and spectrum < SPECTRUM


def _exact(null: Null | None) -> bool:
    return null is not None and null.cosine > ALIKE and telling(null)


def _zeroed(near: Sequence[LayerPair]) -> str:
    """Numbers that are zero in one of the two and were not in the other, with the rest as it was or trained on."""
    found = [p.traces for p in near if p.traces is not None and p.traces.codes is None]  # one code is zero
    if 2 * len(found) <= len(near):
        return ""
    for k, which in ((1, "target"), (0, "source")):
        more = [t.zeros[k] - t.zeros[1 - k] for t in found]
        whole = [t.kept for t in found]
        if more and median(more) > 5 * PRESENT and median(whole) > 0.5:
            return f"{100 * median(more):.0f} % of the {which}'s numbers are zero"
    return ""


def _rounded(near: Sequence[LayerPair], quantised: tuple[str, str]) -> str:
    """The codes that explain the whole change, where one of the two is made of codes."""
    changes = [change(p) for p in near]
    for method, which in zip(quantised, ("source", "target"), strict=True):
        most = max((ROUNDED[bits] for bits in bits_of(method)), default=0.0)
        if method and changes and sorted(changes)[int(0.9 * (len(changes) - 1))] <= most:
            return f"the {which} has {method}, and the weights are the same to the precision of its codes"
    seen = [(p.traces.codes, c) for p, c in zip(near, changes, strict=True) if p.traces and p.traces.codes is not None]
    if 2 * len(seen) > len(near) and median(c / max(left, 1e-12) for left, c in seen) < 1.5:
        return "the weights of one are codes, and those of the other the same to their precision"
    return ""


def bits_of(method: str) -> list[int]:
    """The bits of the codes that a method names: fp8, nf4, GPTQ, 4 bits, Q5_K."""
    named = {int(n) for n in re.findall(r"(?:fp|int|nf|q|iq|tq|mxfp)(\d)|(\d) bits", method.lower()) for n in n if n}
    known = sorted(bits for bits in named if bits in ROUNDED)
    return known or ([4] if method else [])


def _narrower(pairs: Sequence[LayerPair], within: Mapping[str, float]) -> str:
    pair = next(p for p in pairs if p.name in within)
    return "target" if math.prod(pair.there) < math.prod(pair.size) else "source"


def change(pair: LayerPair) -> float:
    """‖W' - W‖ / ‖W‖."""
    c, ratio = pair.sides.cosine or 0.0, pair.sides.ratio or 1.0
    return math.sqrt(max(1 + ratio * ratio - 2 * c * ratio, 0.0))
