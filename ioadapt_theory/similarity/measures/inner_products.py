"""Inner products of a layer of N checkpoints, of any dtype, in float64, in one pass.

float32 sums are wrong at these sizes (on 29.5 M normals the squared norm is off by 4e-3, and a self-similarity
comes out as 1.004), so values are widened chunk by chunk and summed in float64. A chunk of all models stays in the
cache; files are read by position and never mapped, so memory does not grow and a file that is cut while it is read
gives an error instead of a killed process.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, combinations_with_replacement, pairwise

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.cosine import Moments, sq_distances
from ioadapt_theory.similarity.measures.reader import LONGEST, Reader

ELEMENTS = 256 * 1024
"""Elements of one chunk of all models together; their float64 copies fill 2 MB."""
NEAR = 1e-6
"""Relative squared distance below which differences are summed, since |a|² + |b|² - 2ab would cancel."""


def moments(layer: Layer, reader: Reader, *, sums: bool = False) -> Moments:
    """Return the moments of a layer; ``sums`` asks for the sums of its elements too."""
    models, shape = reader.members(layer), 2 * (len(reader.checkpoints),)
    pairs = list(combinations_with_replacement(models, 2))
    totals, sizes = dict.fromkeys(pairs, 0.0), np.full(shape[:1], np.nan)
    sizes[models] = 0.0
    for rows in _chunks(layer, reader, models):
        row = dict(zip(models, rows, strict=True))
        for i, j in pairs:
            totals[i, j] += torch.dot(row[i], row[j]).item()
        if sums:
            sizes[models] += rows.sum(1).numpy()
    inner = np.full(shape, np.nan)
    for (i, j), total in totals.items():
        inner[i, j] = inner[j, i] = total
    made = Moments(inner, sq_distances(inner), sizes if sums else None)
    _refine(layer, reader, made)
    for model in models:
        if inner[model, model] == 0 and _underflows(layer, reader, model):
            inner[model, model] = np.nan
    return made


def _chunks(layer: Layer, reader: Reader, models: Sequence[int]) -> Iterator[Tensor]:
    """Yield a row of elements for each model, piece by piece, in one buffer."""
    n, longest = layer.numel, min(LONGEST, ELEMENTS // len(models))
    for begin, end in pairwise((0, n - n % longest, n)):
        length = min(longest, end - begin)
        if length:
            rows, fill = reader.rows(layer, models, length)
            for start in range(begin, end, length):
                fill(start)
                yield rows


def _underflows(layer: Layer, reader: Reader, model: int) -> bool:
    """Whether a tensor of norm 0 has nonzero values, whose squares underflow in float64."""
    if reader.checkpoints[model].tensors[str(layer.tensors[model])].dtype != "F64":
        return False
    return any(bool(rows.any()) for rows in _chunks(layer, reader, [model]))


def _refine(layer: Layer, reader: Reader, moments: Moments) -> None:
    """Sum the distance of close tensors from their differences; equal tensors get identical moments."""
    inner, distances = moments.inner, moments.sq_distance
    pairs = [
        (i, j)
        for i, j in combinations(reader.members(layer), 2)
        if inner[i, i] > 0 and inner[j, j] > 0 and distances[i, j] <= NEAR * inner[i, i]
    ]
    if not pairs:
        return
    models = sorted({i for pair in pairs for i in pair})
    exact = dict.fromkeys(pairs, 0.0)
    for rows in _chunks(layer, reader, models):
        row = dict(zip(models, rows, strict=True))
        for i, j in pairs:
            difference = torch.sub(row[i], row[j], out=reader.buffer("difference", rows.shape[1], reader.dtype))
            exact[i, j] += torch.dot(difference, difference).item()
    for (i, j), value in exact.items():
        distances[i, j] = distances[j, i] = value
        if value == 0:
            inner[j, j] = inner[i, j] = inner[j, i] = inner[i, i]
