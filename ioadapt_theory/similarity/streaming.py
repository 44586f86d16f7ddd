"""One pass over N checkpoints: the N x N inner products of every layer, in float64, through reused buffers.

float32 sums are really wrong at these sizes (on 29.5 M normals the squared norm is off by 4e-3, and a self-similarity
comes out as 1.004), so values are widened chunk by chunk and summed in float64. A chunk of all models stays in the
second-level cache; files are read by position and never mapped, so memory does not grow and a file that is cut while
it is read gives an error instead of a killed process.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ioadapt_theory.similarity.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.reader import LONGEST, Reader
from ioadapt_theory.similarity.scaling import in_range, may_leave, rescaled

ELEMENTS = 120 * 1024
"""Elements of one chunk of all models together; their float64 copies fill 0.94 MB."""
NEAR, NEAR_FAST = 1e-6, 1e-2
"""Relative squared distance below which it is summed from differences, since |a|² + |b|² - 2ab would cancel."""
FEW = 3
"""Models up to which one product with all rows is faster than one with each row, half of whose work is not needed."""

Progress = Callable[[int], object]
T = TypeVar("T")


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
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Moments]:
    """Moments of every layer, in the given order; ``parent`` is the position of the model that is subtracted."""

    def one(layer: Layer, reader: Reader) -> Moments:
        return _layer_moments(layer, reader, len(checkpoints), sums=sums)

    return over_layers(layers, one, lambda: Reader(checkpoints, parent=parent, fast=fast), threads, progress)


def over_layers(
    layers: Sequence[Layer],
    work: Callable[[Layer, Reader], T],
    reader: Callable[[], Reader],
    threads: int | None,
    progress: Progress | None,
) -> list[T]:
    """Apply ``work`` to every layer, largest first, each thread with a reader of its own."""
    local = threading.local()
    done: dict[int, T] = {}

    def one(position: int) -> None:
        if not hasattr(local, "reader"):
            local.reader = reader()
        done[position] = work(layers[position], local.reader)
        if progress is not None:
            progress(layers[position].numel)

    order = sorted(range(len(layers)), key=lambda i: -layers[i].numel)
    threads = min(threads or 1, max(len(layers), 1))  # a second one was slower: chunks that fit the cache are short
    with single_threaded_torch():
        if threads == 1:
            for position in order:
                one(position)
        else:
            with ThreadPoolExecutor(threads) as pool:
                try:
                    for future in [pool.submit(one, i) for i in order]:
                        future.result()
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
    return [done[i] for i in range(len(layers))]


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """The pool is over layers; threads inside torch's own operations would fight with it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _chunks(layer: Layer, reader: Reader, models: Sequence[int]) -> Iterator[Tensor]:
    """Equal pieces of the models' tensors, a row a model; the same buffer every time."""
    total, count = layer.numel, len(models)
    longest = min(LONGEST, ELEMENTS // count, total)
    rows: list[Tensor] = []
    for start in range(0, total, longest):
        n = min(longest, total - start)
        if not rows or rows[0].numel() != n:
            whole = reader.buffer("rows", count * n, reader.dtype).view(count, n)
            rows, halves = list(whole.unbind()), reader.halves(layer, models, n)
        if halves is None:
            for model, row in zip(models, rows, strict=True):
                reader.read(layer, model, start, row)
        else:  # one widening for all models: fewer, larger operations, so threads wait less for each other
            raw, raws, single, sources = halves
            for (checkpoint, name), row in zip(sources, raws, strict=True):
                checkpoint.read(name, start, row)
            whole.copy_(single.copy_(raw))
        yield whole


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
    targets = [total[i, i:] for i in range(len(models))]
    views: list[tuple[Tensor, Tensor]] = []
    for piece in _chunks(layer, reader, models):
        if not views or views[0][0].shape != piece.shape:
            views = [(piece[i:], piece[i]) for i in range(len(models))]
        if reader.dtype is not torch.float64:
            total += piece @ piece.T
        elif len(models) <= FEW:
            total.addmm_(piece, piece.T)
        else:
            for target, (rows, row) in zip(targets, views, strict=True):
                target.addmv_(rows, row)
        if sums:
            sizes += piece.sum(1)
    return total.triu() + total.triu(1).T, sizes


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
