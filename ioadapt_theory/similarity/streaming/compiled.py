"""The sums of a pair of layers by compiled loops (the extra ``fast``): float64, at the speed of memory, without torch.

A chunk of each model is widened to float32 where it lies in the processor's cache, and summed there.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib.util import find_spec
from itertools import combinations

import numpy as np

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.streaming.forked import Progress
from ioadapt_theory.similarity.streaming.moments import Moments

CHUNK = 64 * 1024
"""Elements of one model at a time; two of them in both precisions fill three quarters of a MB."""
RAW: Mapping[str, type[np.generic]] = {"F16": np.uint16, "BF16": np.uint16, "F32": np.float32}
"""Dtypes that are read here, as numpy sees their bytes."""


@cache
def usable() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def moments(
    checkpoints: Sequence[Checkpoint], layers: Sequence[Layer], *, workers: int = 1, progress: Progress | None = None
) -> dict[int, Moments]:
    """Moments by position of those layers whose bytes can be had and are of a dtype in RAW; see ``inner_products``.

    Workers are threads: the loops do not hold the interpreter's lock.
    """
    todo = {k: fills for k, layer in enumerate(layers) if (fills := _fills(checkpoints, layer)) is not None}
    order = sorted(todo, key=lambda k: -layers[k].numel)
    found: dict[int, Moments] = {}

    def took(k: int, result: Moments) -> None:
        found[k] = result
        if progress is not None:
            progress(layers[k].numel)

    one = partial(_moments, len(checkpoints))
    if workers == 1 or len(order) < 2:
        for k in order:
            took(k, one(layers[k].numel, todo[k]))
        return found
    with ThreadPoolExecutor(workers) as threads:
        running = {k: threads.submit(one, layers[k].numel, todo[k]) for k in order}
        try:
            for k, future in running.items():
                took(k, future.result())
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return found


Fills = dict[int, tuple[str, Callable[[memoryview, int], object]]]
"""Model -> dtype, and what fills a buffer with the bytes from an element on."""


def _fills(checkpoints: Sequence[Checkpoint], layer: Layer) -> Fills | None:
    found: Fills = {}
    for model, name in enumerate(layer.tensors):
        if name is None:
            continue
        info = checkpoints[model].tensors[name]
        fill = checkpoints[model].bytes_of(name) if info.dtype in RAW else None
        if fill is None:
            return None
        found[model] = (info.dtype, fill)
    return found


def _moments(count: int, numel: int, fills: Fills) -> Moments:
    """Inner products and squared distances of one layer."""
    from ioadapt_theory.kernels import products, widen_bfloat, widen_half

    widen = {"F16": widen_half, "BF16": widen_bfloat}
    inner, squares = np.full((count, count), np.nan), np.full((count, count), np.nan)
    at = np.ix_([*fills], [*fills])
    inner[at] = squares[at] = 0.0
    first, second, *_ = fills
    size = min(CHUNK, numel)
    raw = {model: np.empty(size, RAW[dtype]) for model, (dtype, _) in fills.items()}
    wide = {model: raw[model] if dtype == "F32" else np.empty(size, np.float32) for model, (dtype, _) in fills.items()}
    for start in range(0, numel, CHUNK):
        n = min(CHUNK, numel - start)
        for model, (dtype, fill) in fills.items():
            fill(raw[model][:n].view(np.uint8).data, start)
            if dtype != "F32":
                widen[dtype](raw[model][:n], wide[model][:n])
        for i, j in combinations(fills, 2):
            aa, inner_part, bb, apart = products(wide[i][:n], wide[j][:n])
            inner[i, j] += inner_part
            squares[i, j] += apart
            if i == first:
                inner[j, j] += bb
                inner[i, i] += aa if j == second else 0.0
    for i, j in combinations(fills, 2):
        squares[j, i] = squares[i, j]
        if squares[i, j] == 0:
            inner[j, j] = inner[i, j] = inner[i, i]
        inner[j, i] = inner[i, j]
    return Moments(inner, squares)
