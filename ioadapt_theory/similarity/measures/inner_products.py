"""Inner products of a layer of N checkpoints, of any dtype, in float64, in one pass.

float32 sums are really wrong at these sizes (on 29.5 M normals the squared norm is off by 4e-3, and a self-similarity
comes out as 1.004), so values are widened chunk by chunk and summed in float64. A chunk of all models stays in the
cache; files are read by position and never mapped, so memory does not grow and a file that is cut while it is read
gives an error instead of a killed process.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.cosine import Moments, sq_distances
from ioadapt_theory.similarity.measures.reader import LONGEST, Fill, Reader

ELEMENTS = 256 * 1024
"""Elements of one chunk of all models together; their float64 copies fill 2 MB."""
NEAR = 1e-6
"""Relative squared distance below which it is summed from differences, since |a|² + |b|² - 2ab would cancel."""
SHORT = 8 * 1024
"""Elements of one dot product, at most: above 10000 OpenBLAS wakes threads for it, which cost more than they do."""


def moments(layer: Layer, reader: Reader, *, sums: bool = False) -> Moments:
    """Return the moments of a layer; ``sums`` asks for the sums of its elements too."""
    count = len(reader.checkpoints)
    models = reader.members(layer)
    total, sizes = _inner(layer, reader, models, sums=sums)
    inner = np.full((count, count), np.nan)
    inner[np.ix_(models, models)] = total
    made = Moments(inner, sq_distances(inner), np.full(count, np.nan) if sums else None)
    if made.sums is not None:
        made.sums[models] = sizes
    _refine(layer, reader, made)
    for model in models:
        if inner[model, model] == 0 and _underflows(layer, reader, model):
            inner[model, model] = np.nan
    return made


def _underflows(layer: Layer, reader: Reader, model: int) -> bool:
    """Whether a tensor whose squares are all zero is not: of float64 alone, whose smallest squares are lost."""
    if reader.checkpoints[model].tensors[str(layer.tensors[model])].dtype != "F64":
        return False
    for rows, fill, starts in _passes(layer, reader, [model]):
        for start in starts:
            fill(start)
            if rows.any():
                return True
    return False


def _passes(layer: Layer, reader: Reader, models: Sequence[int]) -> Iterator[tuple[Tensor, Fill, range]]:
    """Yield a buffer with a row a model, what fills it with equal pieces of their tensors, and where these begin.

    First the long pieces, then one of whole blocks of SHORT, then what is left.
    """
    n, longest = layer.numel, max(SHORT, min(LONGEST, ELEMENTS // len(models) // SHORT * SHORT))
    for begin, end in pairwise((0, n - n % longest, n - n % SHORT, n)):
        if begin < end:
            length = min(longest, end - begin)
            yield *reader.rows(layer, models, length), range(begin, end, length)


def _inner(
    layer: Layer, reader: Reader, models: Sequence[int], *, sums: bool
) -> tuple[Float[np.ndarray, "m m"], Float[np.ndarray, " m"]]:
    """Return inner products and sums of the models' tensors; infinity or NaN is the caller's to see."""
    total, sizes = np.zeros((len(models), len(models))), np.zeros(len(models))
    for rows, fill, starts in _passes(layer, reader, models):
        dots, part = _dots(rows)
        summed = np.zeros(part.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            for start in starts:
                fill(start)
                for left, right, out in dots:
                    np.matmul(left, right, out)
                np.add(summed, part, summed)
                if sums:
                    sizes += rows.sum(1).numpy()
            total += summed.sum(2)
    return np.triu(total) + np.triu(total, 1).T, sizes


def _dots(rows: Tensor) -> tuple[list[tuple[np.ndarray, np.ndarray, np.ndarray]], Float[np.ndarray, "m m blocks"]]:
    """Return products of each row with itself and those below, block by block, and the array that they fill."""
    m, n = rows.shape
    blocks = rows.view(m, -1, min(SHORT, n)).numpy()
    part = np.zeros((m, m, blocks.shape[1]), blocks.dtype)
    return [(blocks[i:, :, None], blocks[i, :, :, None], part[i, i:, :, None, None]) for i in range(m)], part


def _refine(layer: Layer, reader: Reader, moments: Moments) -> None:
    """Sum the distance of near tensors from their differences; equal tensors get equal moments, to the last bit."""
    norms = np.diagonal(moments.inner)
    pairs = [
        (i, j)
        for i in layer.models
        for j in layer.models
        if i < j and norms[i] > 0 and norms[j] > 0 and moments.sq_distance[i, j] <= NEAR * norms[i]
    ]
    if not pairs:
        return
    models = sorted({i for pair in pairs for i in pair})
    exact = dict.fromkeys(pairs, 0.0)
    for rows, fill, starts in _passes(layer, reader, models):
        row = dict(zip(models, rows, strict=True))
        for start in starts:
            fill(start)
            for i, j in pairs:
                difference = torch.sub(row[i], row[j], out=reader.buffer("difference", rows.shape[1], reader.dtype))
                exact[i, j] += torch.dot(difference, difference).item()
    for (i, j), value in exact.items():
        moments.sq_distance[i, j] = moments.sq_distance[j, i] = value
        if value == 0:
            moments.inner[j, j] = moments.inner[i, j] = moments.inner[j, i] = moments.inner[i, i]
