"""Inner products of weights of any dtype, computed in float64 in one pass, and the cosines that follow from them.

float32 sums are inaccurate at these sizes (for 29.5 M normal values the squared norm is off by 4e-3, and a
self-similarity is 1.004), so values are converted chunk by chunk, which fit into the cache, and summed in float64.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer

CHUNK = 64 * 1024
"""Number of elements of each model per step, chosen so that those of a pair of models fit into the cache."""
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


def moments(layer: Layer, checkpoints: Sequence[Checkpoint]) -> Moments:
    """Return inner products and squared distances of a layer's tensors."""
    found = moments_of([checkpoints[i].tensor(str(layer.tensors[i])).reshape(-1) for i in layer.models])
    inner, apart = np.full((2, len(checkpoints), len(checkpoints)), np.nan)
    at = np.ix_(layer.models, layer.models)
    inner[at], apart[at] = found.inner, found.sq_distance
    return Moments(inner, apart)


def moments_of(tensors: Sequence[Shaped[Tensor, " n"]]) -> Moments:
    """Return inner products and squared distances of vectors."""
    count, size = len(tensors), len(tensors[0])
    inner, apart = np.zeros((2, count, count))
    rows = torch.empty(count, min(CHUNK, size), dtype=torch.float64, device=tensors[0].device)
    for start in range(0, size, CHUNK):
        chunk = rows[:, : size - start]
        for row, elements in zip(chunk, tensors, strict=True):
            row.copy_(_wide(elements[start : start + CHUNK]))
        for i, j in combinations_with_replacement(range(count), 2):
            inner[i, j] += torch.dot(chunk[i], chunk[j]).item()
            if i != j:  # |a|² + |b|² - 2ab would cancel for similar models
                difference = chunk[i] - chunk[j]
                apart[i, j] += torch.dot(difference, difference).item()
    return Moments(*(np.triu(sums) + np.triu(sums, 1).T for sums in (inner, apart)))


def whole(checkpoint: Checkpoint, name: str) -> Float64[Tensor, " n"]:
    """Return all elements of a tensor, flattened."""
    return _wide(checkpoint.tensor(name).reshape(-1)).double()


def _wide(elements: Tensor) -> Tensor:
    return elements.float() if elements.dtype.itemsize < 4 else elements  # float16 to float64 directly is slow


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
