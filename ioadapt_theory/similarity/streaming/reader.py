"""Reads pieces of tensors by position and widens them to float64, through buffers that are never given back."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from types import MappingProxyType

import torch
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, torch_dtype
from ioadapt_theory.similarity.matching import Layer

LONGEST = 64 * 1024
"""Elements of one chunk of one model, at most."""

Fill = Callable[[int], object]
"""Fills the buffer it was made for with the elements from a given first one on."""


def stored(layer: Layer, model: int) -> str:
    """The name under which a model that has the layer stores it."""
    name = layer.tensors[model]
    assert name is not None, "only models that have the layer are read"
    return name


class Reader:
    """Reads pieces of the models' tensors as float64, less the parent's; one for each worker.

    With exponents, what is read of model i is divided by 2^exponents[i]; see `overflow`.
    """

    dtype = torch.float64

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        *,
        parent: int | None,
        exponents: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self.checkpoints = checkpoints
        self.exponents = exponents
        self.parent = parent
        self._buffers: dict[object, Tensor] = {}

    def buffer(self, key: object, n: int, dtype: torch.dtype) -> Tensor:
        """The first n elements of the buffer of this key; it stays, so that the heap is not torn into holes."""
        found = self._buffers.get(key)
        if found is None or found.numel() < n:
            found = self._buffers[key] = torch.empty(max(n, LONGEST), dtype=dtype)
        return found[:n]

    def rows(self, layer: Layer, models: Sequence[int], n: int) -> tuple[Tensor, Fill]:
        """A buffer with a row of n elements for each model, of this reader's dtype, and what fills it."""
        out = self.buffer("rows", len(models) * n, self.dtype).view(len(models), n)
        return out, self.filler(layer, models, out)

    def filler(self, layer: Layer, models: Sequence[int], out: Tensor, ahead: Sequence[int] = ()) -> Fill:
        """What fills the rows of ``out`` with elements of the models' tensors, less the parent's.

        With ``ahead``, row k is read so many elements further on.
        """
        places = ahead or [0] * len(models)
        sources = [(model, stored(layer, model), place) for model, place in zip(models, places, strict=True)]
        alike = len({self.checkpoints[model].tensors[name].dtype for model, name, _ in sources}) == 1
        if alike:  # one widening for all models: fewer, larger operations
            steps = self._widening(sources, out)
        else:
            each = [self._widening([source], row[None]) for source, row in zip(sources, out, strict=True)]
            steps = list(chain.from_iterable(each))
        if self.parent is not None:
            bases = ahead or [0]
            base = self.buffer("parent", len(bases) * out.shape[1], self.dtype).view(len(bases), -1)
            steps += self._widening([(self.parent, stored(layer, self.parent), place) for place in bases], base)
            steps.append(lambda _: out.sub_(base))
        exponents = [self.exponents.get(model, 0) for model in models]
        if any(exponents):
            halves = [(2.0 ** -(e // 2), 2.0 ** -(e - e // 2)) for e in exponents]  # 2^-e itself may be out of range
            first, second = torch.tensor(halves, dtype=self.dtype).T.unsqueeze(2)
            steps.append(lambda _: out.mul_(first).mul_(second))
        return partial(_in_turn, steps)

    def read(self, layer: Layer, model: int, start: int, out: Tensor) -> None:
        """Fill ``out``, flat and of this reader's dtype, with elements of a model's tensor, less the parent's."""
        self.filler(layer, [model], out[None])(start)

    def widen(self, model: int, name: str, start: int, out: Tensor) -> None:
        """Fill ``out`` with elements of the tensor that a model stores as ``name``."""
        _in_turn(self._widening([(model, name, 0)], out[None]), start)

    def _widening(self, sources: Sequence[tuple[int, str, int]], out: Tensor) -> list[Fill]:
        """What, in turn, fills the rows of ``out``, each from a model, a name and how far ahead; all of one dtype."""
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
