"""One pass over N checkpoints: the N x N inner products of every layer, in float64, through reused buffers.

float32 sums are really wrong at these sizes (on 29.5 M normals the squared norm is off by 4e-3, and a self-similarity
comes out as 1.004), so values are widened chunk by chunk and summed in float64. A chunk of all models stays in the
second-level cache; files are read by position and never mapped, so memory does not grow and a file that is cut while
it is read gives an error instead of a killed process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ioadapt_theory.similarity.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.reader import LONGEST, Reader
from ioadapt_theory.similarity.scaling import in_range, may_leave, rescaled
from ioadapt_theory.similarity.workers import Progress, over_layers

ELEMENTS = 120 * 1024
"""Elements of one chunk of all models together; their float64 copies fill 0.94 MB."""
NEAR, NEAR_FAST = 1e-6, 1e-2
"""Relative squared distance below which it is summed from differences, since |a|² + |b|² - 2ab would cancel."""
FEW = 3
"""Models up to which one product with all rows is faster than one with each row, half of whose work is not needed."""


@dataclass(frozen=True, slots=True)
class Moments:
    """What one layer contributes; NaN where a model lacks it.

    Attributes:
        inner: Inner products of the models' tensors, of their updates, or of their centred Grams.
        sq_distance: Squared distances between them.
        sums: Sums of the elements, or None if they were not asked for.
        exponents: All the above are of the tensors (or Grams) over 2^exponents; None where they are as they are.
    """

    inner: Float[np.ndarray, "n n"]
    sq_distance: Float[np.ndarray, "n n"]
    sums: Float[np.ndarray, " n"] | None = None
    exponents: Int[np.ndarray, " n"] | None = None


def moments(
    checkpoints: Sequence[Checkpoint],
    layers: Sequence[Layer],
    *,
    parent: int | None = None,
    sums: bool = False,
    fast: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Moments]:
    """Moments of every layer, in the given order; ``parent`` is the position of the model that is subtracted."""

    def one(layer: Layer, reader: Reader) -> Moments:
        return _layer_moments(layer, reader, len(checkpoints), sums=sums)

    return over_layers(layers, one, lambda: Reader(checkpoints, parent=parent, fast=fast), workers, progress)


def _chunks(layer: Layer, reader: Reader, models: Sequence[int]) -> Iterator[Tensor]:
    """Equal pieces of the models' tensors, a row a model; the same buffer every time."""
    longest = min(LONGEST, ELEMENTS // len(models), layer.numel)
    rows, fill = reader.rows(layer, models, longest)
    last = layer.numel - layer.numel % longest
    for start in range(0, last, longest):
        fill(start)
        yield rows
    if last < layer.numel:
        rows, fill = reader.rows(layer, models, layer.numel - last)
        fill(last)
        yield rows


def _layer_moments(layer: Layer, reader: Reader, count: int, *, sums: bool) -> Moments:
    models = [i for i in layer.models if i != reader.parent]
    total, sizes = _inner(layer, reader, models, sums=sums)
    exponents = None
    if not in_range(total.diagonal(), reader) and may_leave(layer, reader):
        reader, scales = rescaled(layer, reader, models)
        total, sizes = _inner(layer, reader, models, sums=sums)
        exponents = np.zeros(count, dtype=np.int64)
        exponents[models] = scales
    inner = np.full((count, count), np.nan)
    inner[np.ix_(models, models)] = total.numpy()
    moments = Moments(inner, sq_distances(inner), np.full(count, np.nan) if sums else None, exponents)
    if moments.sums is not None:
        moments.sums[models] = sizes.numpy()
    _refine(layer, reader, moments)
    return moments


def _inner(layer: Layer, reader: Reader, models: Sequence[int], *, sums: bool) -> tuple[Tensor, Tensor]:
    total = torch.zeros(len(models), len(models), dtype=torch.float64)
    sizes = torch.zeros(len(models), dtype=torch.float64)
    multiply: list[Callable[[], object]] = []
    known: Tensor | None = None
    for piece in _chunks(layer, reader, models):
        if piece is not known:
            known, multiply = piece, _multiplications(piece, total)
        for step in multiply:
            step()
        if sums:
            sizes += piece.sum(1)
    return total.triu() + total.triu(1).T, sizes


def _multiplications(rows: Tensor, total: Tensor) -> list[Callable[[], object]]:
    """What adds the inner products of the rows, as they then are, to the upper half of ``total``."""
    if rows.dtype is not torch.float64:
        return [lambda: total.add_(rows @ rows.T)]
    if len(rows) <= FEW:
        return [partial(total.addmm_, rows, rows.T)]
    return [partial(total[i, i:].addmv_, rows[i:], rows[i]) for i in range(len(rows))]


def sq_distances(inner: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """|a - b|² = |a|² + |b|² - 2ab, never negative."""
    norms = np.diagonal(inner)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.maximum(norms[:, None] + norms[None, :] - 2 * inner, 0.0)


def _refine(layer: Layer, reader: Reader, moments: Moments) -> None:
    """Sum the distance of near tensors from their differences; equal tensors get equal moments, to the last bit."""
    near = NEAR if reader.dtype is torch.float64 else NEAR_FAST
    norms = np.diagonal(moments.inner)
    pairs = [
        (i, j)
        for i in layer.models
        for j in layer.models
        if i < j and norms[i] > 0 and norms[j] > 0 and moments.sq_distance[i, j] <= near * norms[i]
    ]
    if not pairs:
        return
    models = sorted({i for pair in pairs for i in pair})
    exact = dict.fromkeys(pairs, 0.0)
    for piece in _chunks(layer, reader, models):
        rows = piece.unbind()
        for i, j in pairs:
            one, two = rows[models.index(i)], rows[models.index(j)]
            difference = torch.sub(one, two, out=reader.buffer("difference", one.numel(), reader.dtype))
            exact[i, j] += torch.dot(difference, difference).item()
    for (i, j), value in exact.items():
        moments.sq_distance[i, j] = moments.sq_distance[j, i] = value
        if value == 0:
            moments.inner[j, j] = moments.inner[i, j] = moments.inner[j, i] = moments.inner[i, i]
