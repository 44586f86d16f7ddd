"""Inner products of a layer of N checkpoints of any dtype, computed in float64 in one pass.

float32 sums are inaccurate at these sizes (for 29.5 M normal values the squared norm is off by 4e-3, and a
self-similarity is 1.004), so values are converted chunk by chunk and summed in float64. A chunk fits into the
cache; files are read by position and not memory-mapped, so memory does not grow, and a file that is truncated while it
is read gives an error instead of a killed process.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, torch_dtype
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.moments import Moments

CHUNK = 64 * 1024
"""Number of elements of each model per step, chosen so that those of a pair of models fit into the cache."""


def moments(layer: Layer, checkpoints: Sequence[Checkpoint]) -> Moments:
    """Return inner products, squared distances and sums of a layer's tensors."""
    models, count = layer.models, len(checkpoints)
    inner, apart, sums = np.full((count, count), np.nan), np.full((count, count), np.nan), np.full(count, np.nan)
    pairs = list(combinations_with_replacement(range(len(models)), 2))
    totals, distances = dict.fromkeys(pairs, 0.0), dict.fromkeys(pairs, 0.0)
    sums[list(models)] = 0.0
    for rows in _chunks(layer, checkpoints, models):
        sums[list(models)] += rows.sum(1).numpy()
        for i, j in pairs:
            totals[i, j] += torch.dot(rows[i], rows[j]).item()
            if i != j:  # |a|² + |b|² - 2ab would cancel for similar models
                difference = rows[i] - rows[j]
                distances[i, j] += torch.dot(difference, difference).item()
    for (i, j), total in totals.items():
        a, b = models[i], models[j]
        inner[a, b] = inner[b, a] = total
        apart[a, b] = apart[b, a] = distances[i, j]
    return Moments(inner, apart, sums)


def whole(checkpoint: Checkpoint, name: str) -> Float64[Tensor, " n"]:
    """Return all elements of a tensor, flattened."""
    out = torch.empty(checkpoint.tensors[name].numel, dtype=torch.float64)
    _widening(checkpoint, name, out)(0)
    return out


def _chunks(
    layer: Layer, checkpoints: Sequence[Checkpoint], models: Sequence[int]
) -> Iterator[Float64[Tensor, "models n"]]:
    """Yield chunks of the layer, with a row for each model; their buffer is reused."""
    length = min(CHUNK, layer.numel)
    rows = torch.empty(len(models), length, dtype=torch.float64)
    fills = [_widening(checkpoints[i], str(layer.tensors[i]), row) for i, row in zip(models, rows, strict=True)]
    for start in range(0, layer.numel, length):
        begin = min(start, layer.numel - length)  # the last chunk is as long as the others, so it begins earlier
        for fill in fills:
            fill(begin)
        rows[:, : start - begin] = 0.0  # elements that are already counted
        yield rows


def _widening(checkpoint: Checkpoint, name: str, out: Float64[Tensor, " n"]) -> Callable[[int], object]:
    """Return a function that fills ``out`` with the elements of a tensor, from a given element on."""
    dtype = torch_dtype(checkpoint.tensors[name].dtype)
    if dtype is torch.float64:
        return checkpoint.filler(name, out)
    stored = torch.empty(len(out), dtype=dtype)
    fill = checkpoint.filler(name, stored)

    def widened(start: int) -> None:
        fill(start)
        out.copy_(stored.float() if dtype.itemsize < 4 else stored)  # converting float16 to float64 directly is slow

    return widened
