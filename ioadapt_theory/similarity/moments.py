"""Cosine, distance and norm ratio from the sums of one layer."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST, MOST = float(np.finfo(np.float64).tiny) * 2.0**40, float(np.finfo(np.float64).max) / 2.0**40
"""Range of sums of squares without underflow or overflow; only values stored in float64 can leave it."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over one layer of n models; NaN for models that lack it.

    Attributes:
        inner: Inner products of the models' tensors, or of trace-free Gram matrices.
        sq_distance: Squared distances between the same tensors or matrices.
    """

    inner: Float[np.ndarray, "n n"]
    sq_distance: Float[np.ndarray, "n n"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Similarity of one layer of two models, whose tensors or Gram matrices are a and b.

    Attributes:
        cosine: ⟨a, b⟩ / (‖a‖‖b‖), in [-1, 1]; exactly 1 for equal tensors.
        relative_distance: ‖a - b‖ / ‖a‖.
        norm_ratio: ‖b‖ / ‖a‖.
    """

    cosine: float
    relative_distance: float
    norm_ratio: float


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
