"""A reader of pieces of tensors by position, as float64, with buffers that are reused."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, torch_dtype
from ioadapt_theory.similarity.matching import Layer

LONGEST = 64 * 1024
"""Elements of one chunk of one model, at most."""

Fill = Callable[[int], object]
"""A function that fills its buffer with the elements from a given first one."""

_lock = threading.Lock()
_users, _threads = 0, 1


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """Keep torch's own operations to one thread each: the work is shared out over layers.

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


class Reader(threading.local):
    """A reader of the models' tensors as float64, minus the parent's; each thread has its own buffers."""

    dtype = torch.float64

    def __init__(self, checkpoints: Sequence[Checkpoint], *, parent: int | None) -> None:
        self.checkpoints = checkpoints
        self.parent = parent
        self._buffers: dict[object, Tensor] = {}

    def members(self, layer: Layer) -> list[int]:
        """Return the models that have the layer, the parent aside."""
        return [i for i in layer.models if i != self.parent]

    def buffer(self, key: object, n: int, dtype: torch.dtype) -> Tensor:
        """Return the first n elements of this key's buffer, which is reused to avoid heap fragmentation."""
        kept = self._buffers.get(key)
        if kept is None or kept.numel() < n:
            kept = self._buffers[key] = torch.empty(max(n, LONGEST), dtype=dtype)
        return kept[:n]

    def rows(self, layer: Layer, models: Sequence[int], n: int) -> tuple[Tensor, Fill]:
        """Return a buffer with a row of n elements for each model, and the function that fills it."""
        out = self.buffer("rows", len(models) * n, self.dtype).view(len(models), n)
        return out, self.filler(layer, models, out)

    def filler(self, layer: Layer, models: Sequence[int], out: Tensor, ahead: Sequence[int] = ()) -> Fill:
        """Return a function that fills the rows of ``out`` with elements of the models' tensors, minus the parent's.

        With ``ahead``, row k is read so many elements further on.
        """
        places = ahead or [0] * len(models)
        sources = [(model, str(layer.tensors[model]), place) for model, place in zip(models, places, strict=True)]
        alike = len({self.checkpoints[model].tensors[name].dtype for model, name, _ in sources}) == 1
        if alike:  # one widening for all models: fewer, larger operations
            steps = self._widening(sources, out)
        else:
            each = [self._widening([source], row[None]) for source, row in zip(sources, out, strict=True)]
            steps = list(chain.from_iterable(each))
        if self.parent is not None:
            parent, bases = self.parent, ahead or [0]
            base = self.buffer("parent", len(bases) * out.shape[1], self.dtype).view(len(bases), -1)
            steps += self._widening([(parent, str(layer.tensors[parent]), place) for place in bases], base)
            steps.append(lambda _: out.sub_(base))
        return partial(_in_turn, steps)

    def read(self, layer: Layer, model: int, start: int, out: Tensor) -> None:
        """Fill ``out``, flat and of this reader's dtype, with elements of a model's tensor, minus the parent's."""
        self.filler(layer, [model], out[None])(start)

    def _widening(self, sources: Sequence[tuple[int, str, int]], out: Tensor) -> list[Fill]:
        """Return the steps that fill the rows of ``out``, from sources (model, tensor name, offset) of one dtype."""
        model, name, _ = sources[0]
        dtype = torch_dtype(self.checkpoints[model].tensors[name].dtype)
        raw = out if dtype is self.dtype else self.buffer(dtype, out.numel(), dtype).view(out.shape)
        steps: list[Fill] = [
            _further(self.checkpoints[i].filler(n, row), place) for (i, n, place), row in zip(sources, raw, strict=True)
        ]
        if dtype.itemsize < 4:  # half -> double in one step is slow
            single = self.buffer("single", out.numel(), torch.float32).view(out.shape)
            return [*steps, lambda _: single.copy_(raw), lambda _: out.copy_(single)]
        return steps if raw is out else [*steps, lambda _: out.copy_(raw)]


def _further(fill: Fill, place: int) -> Fill:
    return (lambda start: fill(start + place)) if place else fill


def _in_turn(steps: Sequence[Fill], start: int) -> None:
    for step in steps:
        step(start)
