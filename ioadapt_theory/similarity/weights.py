"""Inner products of a layer of N checkpoints of any dtype, computed in float64 in one pass.

float32 sums are inaccurate at these sizes (for 29.5 M normal values the squared norm is off by 4e-3, and a
self-similarity is 1.004), so values are converted chunk by chunk, which fit into the cache, and summed in float64.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.moments import Moments

CHUNK = 64 * 1024
"""Number of elements of each model per step, chosen so that those of a pair of models fit into the cache."""


def moments(layer: Layer, checkpoints: Sequence[Checkpoint]) -> Moments:
    """Return inner products and squared distances of a layer's tensors."""
    models, count = layer.models, len(checkpoints)
    inner, apart = np.full((count, count), np.nan), np.full((count, count), np.nan)
    pairs = list(combinations_with_replacement(range(len(models)), 2))
    totals, distances = dict.fromkeys(pairs, 0.0), dict.fromkeys(pairs, 0.0)
    for rows in _chunks(layer, checkpoints, models):
        for i, j in pairs:
            totals[i, j] += torch.dot(rows[i], rows[j]).item()
            if i != j:  # |a|² + |b|² - 2ab would cancel for similar models
                difference = rows[i] - rows[j]
                distances[i, j] += torch.dot(difference, difference).item()
    for (i, j), total in totals.items():
        a, b = models[i], models[j]
        inner[a, b] = inner[b, a] = total
        apart[a, b] = apart[b, a] = distances[i, j]
    return Moments(inner, apart)


def whole(checkpoint: Checkpoint, name: str) -> Float64[Tensor, " n"]:
    """Return all elements of a tensor, flattened."""
    return _wide(checkpoint.tensor(name).reshape(-1)).double()


def _chunks(
    layer: Layer, checkpoints: Sequence[Checkpoint], models: Sequence[int]
) -> Iterator[Float64[Tensor, "models n"]]:
    """Yield chunks of the layer, with a row for each model; their buffer is reused."""
    flat = [checkpoints[i].tensor(str(layer.tensors[i])).reshape(-1) for i in models]
    rows = torch.empty(len(models), min(CHUNK, layer.numel), dtype=torch.float64)
    for start in range(0, layer.numel, CHUNK):
        chunk = rows[:, : layer.numel - start]
        for row, elements in zip(chunk, flat, strict=True):
            row.copy_(_wide(elements[start : start + CHUNK]))
        yield chunk


def _wide(elements: Tensor) -> Tensor:
    return elements.float() if elements.dtype.itemsize < 4 else elements  # float16 to float64 directly is slow
