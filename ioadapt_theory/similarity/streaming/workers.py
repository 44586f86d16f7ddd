"""Work over layers, in this process or in forked ones; the results are the same to the last bit.

Processes and not threads: the chunks that fit the cache keep torch busy for microseconds, and threads that take turns
at the interpreter's lock as often as that are slower than one alone. A forked process has the open files and imported
modules already, so it starts in milliseconds; where there is no safe fork (macOS, Windows) one process does it all.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from typing import TypeVar

import torch

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.streaming.forked import Progress, forks, share_out
from ioadapt_theory.similarity.streaming.reader import Reader

SHARE = 64 * 1024 * 1024
"""Elements that a worker has to get to be worth its start, which costs about as much as reading these."""

T = TypeVar("T")

_lock = threading.Lock()
_users, _threads = 0, 1


def over_layers(
    layers: Sequence[Layer],
    work: Callable[[Layer, Reader], T],
    reader: Callable[[], Reader],
    workers: int,
    progress: Progress | None,
) -> list[T]:
    """Apply ``work`` to every layer, largest first, each worker with a reader of its own.

    Raises:
        SourceError: a worker could not be started; and whatever ``work`` raises.
        WorkerError: a worker was ended from outside.
    """
    done: dict[int, T] = {}

    def each(positions: Iterator[int], deliver: Callable[[int, T], object]) -> None:
        own = reader()
        for position in positions:
            deliver(position, work(layers[position], own))

    def took(position: int, result: T) -> None:
        done[position] = result
        if progress is not None:
            progress(layers[position].numel)

    order = sorted(range(len(layers)), key=lambda i: -layers[i].numel)
    count = _count(layers, workers)
    with single_threaded_torch():
        if count == 1 or not share_out(order, count, each, took):
            each(iter(order), took)
    return [done[i] for i in range(len(layers))]


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """The work is divided over layers; threads inside torch's own operations would fight with it.

    The number of threads is one for the whole process: uses may overlap, and the last to end restores it.
    """
    global _users, _threads
    with _lock:
        if not _users:
            _threads = torch.get_num_threads()
            torch.set_num_threads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                torch.set_num_threads(_threads)


def _count(layers: Sequence[Layer], workers: int) -> int:
    """How many of the workers that were asked for are worth their start."""
    if not forks() or current_process().daemon:  # a daemon may have no children
        return 1
    return max(1, min(workers, len(layers), sum(x.numel * len(x.models) for x in layers) // SHARE))
