"""The sums of pairs of layers by a compiled loop (the extra ``fast``): float64, as fast as memory, without torch."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations

import numpy as np

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.kernels import LANES, products
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.streaming.forked import Progress
from ioadapt_theory.similarity.streaming.moments import Moments

CHUNK = 64 * 1024
"""Elements of one model at a time; those of a pair stay in the cache."""
RAW: Mapping[str, type[np.generic]] = {"F16": np.uint16, "BF16": np.uint16, "F32": np.float32}
"""Dtypes that are read here, as numpy sees their bytes."""


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
    inner, squares = np.full((count, count), np.nan), np.full((count, count), np.nan)
    length = -(-min(CHUNK, numel) // LANES) * LANES
    raw = {model: np.empty(length, RAW[dtype]) for model, (dtype, _) in fills.items()}
    sums = {pair: np.zeros(4) for pair in combinations(fills, 2)}
    steps = [
        partial(products(fills[i][0], fills[j][0]), raw[i].ctypes.data, raw[j].ctypes.data, length, out.ctypes.data)
        for (i, j), out in sums.items()
    ]
    for start in range(0, numel, CHUNK):
        n = min(CHUNK, numel - start)
        for model, (_, fill) in fills.items():
            fill(raw[model][:n].view(np.uint8).data, start)
            raw[model][n:] = 0
        for step in steps:
            step()
    for (i, j), (aa, ab, bb, apart) in sums.items():
        inner[i, i], inner[j, j] = aa, bb
        inner[i, j] = inner[j, i] = ab
        squares[i, j] = squares[j, i] = apart
        squares[i, i] = squares[j, j] = 0.0
    return Moments(inner, squares)
