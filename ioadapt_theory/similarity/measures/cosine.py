"""Cosine, distance and norm ratio from the sums of one layer, and the null of unrelated layers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ioadapt_theory import null
from ioadapt_theory.null import Null, Profile

LEAST, MOST = float(np.finfo(np.float64).tiny) * 2.0**40, float(np.finfo(np.float64).max) / 2.0**40
"""Range of sums of squares without underflow or overflow; only values stored in float64 can leave it."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over one layer; NaN where a model lacks it, or where its squares leave the range of float64.

    Attributes:
        inner: Inner products of the models' tensors, of their updates, or of their centred Grams.
        sq_distance: Squared distances between them.
        sums: Sums of the elements, or None if not requested.
        profiles: What the null needs of each centred Gram; None for weights.
        errors: Bound of the rounding errors of ``inner``, for Grams; None for weights.
    """

    inner: Float[np.ndarray, "n n"]
    sq_distance: Float[np.ndarray, "n n"]
    sums: Float[np.ndarray, " n"] | None = None
    profiles: tuple[Profile | None, ...] | None = None
    errors: Float[np.ndarray, "n n"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Similarity of one layer of model a and model b.

    Attributes:
        cosine: ⟨a, b⟩ / (‖a‖‖b‖), in [-1, 1]; exactly 1 for equal tensors.
        relative_distance: ‖a - b‖ / ‖a‖.
        norm_ratio: ‖b‖ / ‖a‖.
        null: The cosine's null under unrelated layers, if requested.
        error: Bound of the rounding error of the cosine of a space.
    """

    cosine: float
    relative_distance: float
    norm_ratio: float
    null: Null | None = None
    error: float | None = None


def sq_distances(inner: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """Return |a - b|² = |a|² + |b|² - 2ab, never negative."""
    norms = np.diagonal(inner)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.maximum(norms[:, None] + norms[None, :] - 2 * inner, 0.0)


def in_range(square: float) -> bool:
    """Whether a sum of squares is finite and not lost to underflow."""
    return square == 0 or LEAST <= square <= MOST


def norm_sq(parts: Sequence[Moments], i: int) -> float:
    """Return ‖W_i‖² over the tensors of one layer."""
    return math.fsum(float(p.inner[i, i]) for p in parts)


def measurable(parts: Sequence[Moments], i: int) -> bool:
    """Whether all of model i's tensors of a layer are finite and have finite squares."""
    return all(in_range(float(p.inner[i, i])) for p in parts)


def values(parts: Sequence[Moments], i: int, j: int) -> Values | None:
    """Return the similarity of models i and j over the tensors of one layer; None if a norm is zero: no angle."""
    aa, bb = norm_sq(parts, i), norm_sq(parts, j)
    ab, dd = (
        math.fsum(float(m[i, j]) for m in ms) for ms in ([p.inner for p in parts], [p.sq_distance for p in parts])
    )
    if aa <= 0 or bb <= 0:
        return None
    a, b, d = math.sqrt(aa), math.sqrt(bb), math.sqrt(dd)
    cosine = 1.0 if dd == 0 else max(-1.0, min(1.0, ab / (a * b)))
    return Values(cosine=cosine, relative_distance=d / a, norm_ratio=b / a)


def shuffled_entries(parts: Sequence[Moments], sizes: Sequence[int], cosine: float, i: int, j: int) -> Null:
    """Return the cosine of two weights with its null, in which the entries of one tensor are shuffled at random.

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
    return Null(cosine, mean, math.sqrt(variance))


def shuffled_channels(part: Moments, cosine: float, i: int, j: int) -> Null | None:
    """Return the cosine of two spaces with its null, in which the channels of one side are shuffled at random."""
    one, two = (None, None) if part.profiles is None else (part.profiles[i], part.profiles[j])
    if one is None or two is None:
        return None
    norms = math.sqrt(part.inner[i, i]) * math.sqrt(part.inner[j, j])
    return replace(null.beside(float(part.inner[i, j]), norms, one, two), cosine=cosine)


def rounding(part: Moments, i: int, j: int) -> float | None:
    """Return a bound of the rounding error of a space's cosine; None for weights.

    With x the relative errors of the three inner products, |x_ab| + (x_aa + x_bb) / 2, and a part in fifty for squares.
    """
    if part.errors is None:
        return None
    a, b, e = float(part.inner[i, i]), float(part.inner[j, j]), part.errors
    norms = float(e[i, i]) / a, float(e[j, j]) / b
    error = 1.02 * (float(e[i, j]) / (math.sqrt(a) * math.sqrt(b)) + sum(norms) / 2)
    return error if max(norms) < 0.01 else 2.0  # no two cosines are further apart
