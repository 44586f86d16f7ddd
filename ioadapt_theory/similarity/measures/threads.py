"""Work over layers, shared out to threads; the results do not depend on their number."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ioadapt_theory.similarity.matching import Layer

MOST = 4
"""Default maximum of threads, each of which has its own buffers."""

Progress = Callable[[int], object]
"""A function that receives the number of elements read."""

T = TypeVar("T")


def usable() -> int:
    """Return the number of usable processors, at most MOST."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(own, MOST)


def over_layers(
    layers: Sequence[Layer], work: Callable[[Layer], T], threads: int, progress: Progress | None = None
) -> list[T]:
    """Apply ``work`` to every layer, the largest first, and return the results in the order of the layers."""
    order = sorted(range(len(layers)), key=lambda k: -layers[k].numel)
    results: dict[int, T] = {}
    with ThreadPoolExecutor(max(1, threads)) as pool:
        running = {k: pool.submit(work, layers[k]) for k in order}
        try:
            for k, future in running.items():
                results[k] = future.result()
                if progress is not None:
                    progress(layers[k].numel)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[k] for k in range(len(layers))]
