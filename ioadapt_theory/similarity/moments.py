"""Cosine, distance and norm ratio from the sums of one layer, and the null distribution for unrelated layers."""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ioadapt_theory import chance
from ioadapt_theory.chance import Null, Profile

LEAST, MOST = float(np.finfo(np.float64).tiny) * 2.0**40, float(np.finfo(np.float64).max) / 2.0**40
"""Range of sums of squares without underflow or overflow; only values stored in float64 can leave it."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over one layer of n models; NaN for models that lack it.

    Attributes:
        inner: Inner products of the models' tensors, or of trace-free Gram matrices.
        sq_distance: Squared distances between the same tensors or matrices.
        sums: Sums of the elements; None for Gram matrices.
        profiles: The sums over each Gram matrix that its null distribution needs; None for weights.
    """

    inner: Float[np.ndarray, "n n"]
    sq_distance: Float[np.ndarray, "n n"]
    sums: Float[np.ndarray, " n"] | None = None
    profiles: tuple[Profile | None, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Similarity of one layer of two models, whose tensors or Gram matrices are a and b.

    Attributes:
        cosine: ⟨a, b⟩ / (‖a‖‖b‖), in [-1, 1]; exactly 1 for equal tensors.
        relative_distance: ‖a - b‖ / ‖a‖.
        norm_ratio: ‖b‖ / ‖a‖.
        null: The cosine with its null distribution, for unrelated layers; None if not requested or not defined.
    """

    cosine: float
    relative_distance: float
    norm_ratio: float
    null: Null | None = None


def in_range(square: float) -> bool:
    """Return whether a sum of squares is 0, or far enough from float64's limits to have no underflow or overflow."""
    return square == 0 or LEAST <= square <= MOST


def values(m: Moments, i: int, j: int) -> Values | None:
    """Return the similarity of models i and j; None if a norm is zero."""
    aa, bb, ab, dd = (float(x) for x in (m.inner[i, i], m.inner[j, j], m.inner[i, j], m.sq_distance[i, j]))
    if aa <= 0 or bb <= 0:
        return None
    if dd == 0:
        return Values(cosine=1.0, relative_distance=0.0, norm_ratio=1.0)
    a, b = math.sqrt(aa), math.sqrt(bb)
    return Values(cosine=max(-1.0, min(1.0, ab / (a * b))), relative_distance=math.sqrt(dd) / a, norm_ratio=b / a)


def shuffled_entries(m: Moments, n: int, cosine: float, i: int, j: int) -> Null:
    """Return the cosine of weights a and b with its null distribution under random permutations of b's n entries.

    With the mean entries ā and b̄, the distribution has exactly the mean n ā b̄ / (‖a‖‖b‖) and the variance
    (‖a‖² - n ā²)(‖b‖² - n b̄²) / ((n - 1) ‖a‖²‖b‖²).
    """
    assert m.sums is not None, "the moments were computed without the null"
    a, b = (float(m.sums[k]) / math.sqrt(m.inner[k, k]) for k in (i, j))
    variance = max(1 - a * a / n, 0.0) * max(1 - b * b / n, 0.0) / max(n - 1, 1)
    return Null(cosine, a * b / n, math.sqrt(variance) if n > 1 else 0.0)


def shuffled_channels(m: Moments, cosine: float, i: int, j: int) -> Null | None:
    """Return the cosine of two Gram matrices with its null distribution over orders of channels; None if unknown."""
    one, two = (None, None) if m.profiles is None else (m.profiles[i], m.profiles[j])
    if one is None or two is None:
        return None
    norms = math.sqrt(m.inner[i, i]) * math.sqrt(m.inner[j, j])
    return replace(chance.beside(float(m.inner[i, j]), norms, one, two), cosine=cosine)
