"""From the inner products of one layer to its cosine, distance and norm ratio, and what unrelated layers give."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ioadapt_theory import null
from ioadapt_theory.null import Null
from ioadapt_theory.similarity.streaming.moments import Moments, sq_distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Similarity of one layer of model a and model b.

    Attributes:
        cosine: ⟨a, b⟩ / (‖a‖‖b‖), in [-1, 1]; exactly 1 for equal tensors.
        relative_distance: ‖a - b‖ / ‖a‖; None where it is beyond the range of float64.
        norm_ratio: ‖b‖ / ‖a‖; None where it is beyond that range.
        baseline: Mean and standard deviation of the cosine if the two had nothing to do with each other.
        subspace: Overlap of the leading singular subspaces, in [0, 1].
        null: Of a space: the cosine beside what unrelated channels would give.
        error: Of a space: what rounding changes of the cosine at most.
    """

    cosine: float
    relative_distance: float | None
    norm_ratio: float | None
    baseline: tuple[float, float] | None = None
    subspace: float | None = None
    null: Null | None = None
    error: float | None = None


Overlap = Float[np.ndarray, "n n"]

LOWEST = -(1 << 20)
"""Below every exponent of two that a float64, or its fourth power, can have."""


def norm_sq(parts: Sequence[Moments], i: int) -> float:
    """‖W_i‖² over the tensors of one layer."""
    return math.fsum(float(p.inner[i, i]) for p in parts)


def values(parts: Sequence[Moments], i: int, j: int) -> Values | None:
    """Similarity of models i and j over the tensors of one layer; None if a norm is zero, so no angle is defined."""
    aa, bb = norm_sq(parts, i), norm_sq(parts, j)
    ab, dd = (
        math.fsum(float(m[i, j]) for m in ms) for ms in ([p.inner for p in parts], [p.sq_distance for p in parts])
    )
    if aa <= 0 or bb <= 0:
        return None
    norms = math.sqrt(aa) * math.sqrt(bb)
    scales = parts[0].exponents
    if scales is not None and scales[i] != scales[j]:
        return _apart(max(-1.0, min(1.0, ab / norms)), math.sqrt(bb) / math.sqrt(aa), int(scales[j] - scales[i]))
    cosine = 1.0 if dd == 0 else max(-1.0, min(1.0, ab / norms))
    a, b, d = math.sqrt(aa), math.sqrt(bb), math.sqrt(dd)
    return Values(cosine=cosine, relative_distance=d / a, norm_ratio=b / a)


def _apart(cosine: float, ratio: float, exponent: int) -> Values:
    """Similarity of two models whose norms are many orders of magnitude apart, ‖b‖ / ‖a‖ = ratio · 2^exponent."""
    with np.errstate(over="ignore", under="ignore"):
        true = float(np.ldexp(ratio, exponent))
    distance = math.hypot(1 - true * cosine, true * math.sqrt(1 - cosine * cosine)) if math.isfinite(true) else None
    return Values(
        cosine=cosine,
        relative_distance=distance if distance is not None and math.isfinite(distance) else None,
        norm_ratio=true if math.isfinite(true) and true >= sys.float_info.min else None,
    )


def aligned(parts: Sequence[Moments]) -> Sequence[Moments]:
    """The same moments, each model over one power of two for all tensors of a layer."""
    if len(parts) == 1 or all(p.exponents is None for p in parts):
        return parts
    each = [np.zeros(len(p.inner), dtype=np.int64) if p.exponents is None else p.exponents for p in parts]
    present = [np.where(np.diagonal(p.inner) > 0, e, LOWEST) for p, e in zip(parts, each, strict=True)]
    common = np.max(present, axis=0)  # zeros have no scale
    found = []
    for part, exponents in zip(parts, each, strict=True):
        shift = np.minimum(exponents - common, 0)
        inner = np.ldexp(part.inner, shift[:, None] + shift)
        alike = (exponents[:, None] == exponents) & (shift[:, None] == shift)
        distances = np.where(alike, np.ldexp(part.sq_distance, 2 * shift), sq_distances(inner))
        sums = None if part.sums is None else np.ldexp(part.sums, shift)
        found.append(Moments(inner, distances, sums, common))
    return found


def finite(parts: Sequence[Moments], i: int) -> bool:
    """Whether all of model i's tensors of a layer are finite."""
    return all(math.isfinite(p.inner[i, i]) for p in parts)


def permuted(parts: Sequence[Moments], sizes: Sequence[int], i: int, j: int) -> tuple[float, float]:
    """Mean and standard deviation of the cosine when the entries of one tensor are shuffled at random.

    Exact, not sampled: n ā b̄ / (‖a‖‖b‖), and (‖a‖² - n ā²)(‖b‖² - n b̄²) / ((n - 1) ‖a‖²‖b‖²) under the root.
    """
    aa, bb = norm_sq(parts, i), norm_sq(parts, j)
    mean, variance = 0.0, 0.0
    for part, n in zip(parts, sizes, strict=True):
        assert part.sums is not None, "asked for with the moments"
        a, b = float(part.sums[i]) / math.sqrt(aa), float(part.sums[j]) / math.sqrt(bb)
        mean += a * b / n
        if n > 1:
            left = max(float(part.inner[i, i]) / aa - a * a / n, 0.0)
            variance += left * max(float(part.inner[j, j]) / bb - b * b / n, 0.0) / (n - 1)
    return mean, math.sqrt(variance)


def rounding(part: Moments, i: int, j: int) -> float | None:
    """What rounding changes of a space's cosine at most; None of anything else.

    With x the relative errors of the three inner products, |x_ab| + (x_aa + x_bb) / 2, and a part in fifty for squares.
    """
    if part.errors is None:
        return None
    a, b, e = float(part.inner[i, i]), float(part.inner[j, j]), part.errors
    norms = float(e[i, i]) / a, float(e[j, j]) / b
    found = 1.02 * (float(e[i, j]) / (math.sqrt(a) * math.sqrt(b)) + sum(norms) / 2)
    return found if max(norms) < 0.01 else 2.0  # no two cosines are further apart


def by_chance(part: Moments, cosine: float, i: int, j: int) -> Null | None:
    """The cosine of a space beside what unrelated channels would give; None of anything else."""
    one, other = (None, None) if part.profiles is None else (part.profiles[i], part.profiles[j])
    if one is None or other is None:
        return None
    mean, sd = null.moments(one, other)
    norms = math.sqrt(part.inner[i, i]) * math.sqrt(part.inner[j, j])
    return Null(cosine, mean / norms, sd / norms)
