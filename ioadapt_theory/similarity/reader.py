"""Reads pieces of tensors by position and widens them to float64, through buffers that are never given back."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from ioadapt_theory.similarity.checkpoint import DTYPES, Checkpoint, torch_dtype
from ioadapt_theory.similarity.matching import Layer

LONGEST = 32 * 1024
"""Elements of one chunk of one model, at most."""


def stored(layer: Layer, model: int) -> str:
    """The name under which a model that has the layer stores it."""
    name = layer.tensors[model]
    assert name is not None, "only models that have the layer are read"
    return name


class Reader:
    """Reads pieces of the models' tensors as float64 (float32 when fast), less the parent's; one for each thread.

    With exponents, what is read of model i is divided by 2^exponents[i]; see `scaling`.
    """

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        *,
        parent: int | None,
        fast: bool,
        exponents: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self.checkpoints = checkpoints
        self.exponents = exponents
        self.parent = parent
        self.dtype = torch.float32 if fast else torch.float64
        self._buffers: dict[object, Tensor] = {}
        self._staged: dict[tuple[str, int], tuple[Tensor, Tensor | None]] = {}

    def buffer(self, key: object, n: int, dtype: torch.dtype) -> Tensor:
        """The first n elements of the buffer of this key; it stays, so that the heap is not torn into holes."""
        found = self._buffers.get(key)
        if found is None or found.numel() < n:
            found = self._buffers[key] = torch.empty(max(n, LONGEST), dtype=dtype)
            self._staged.clear()
        return found[:n]

    def read(self, layer: Layer, model: int, start: int, out: Tensor) -> None:
        """Fill ``out``, flat and of this reader's dtype, with elements of a model's tensor, less the parent's."""
        self.widen(model, stored(layer, model), start, out)
        if self.parent is not None:
            base = self.buffer("parent", out.numel(), self.dtype)
            self.widen(self.parent, stored(layer, self.parent), start, base)
            out.sub_(base)
        if exponent := self.exponents.get(model, 0):  # in two steps, for 2^-exponent itself may be out of range
            out.mul_(2.0 ** -(exponent // 2)).mul_(2.0 ** -(exponent - exponent // 2))

    def widen(self, model: int, name: str, start: int, out: Tensor) -> None:
        """Fill ``out`` with elements of the tensor that a model stores as ``name``."""
        checkpoint = self.checkpoints[model]
        raw, single = self._stage(checkpoint.tensors[name].dtype, out.numel())
        checkpoint.read(name, start, raw)
        out.copy_(raw if single is None else single.copy_(raw))

    def halves(
        self, layer: Layer, models: Sequence[int], n: int
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor, list[tuple[Checkpoint, str]]] | None:
        """Where all models are read to and widened at once, if they store the layer in one half precision."""
        sources = [(self.checkpoints[model], stored(layer, model)) for model in models]
        code, *others = {checkpoint.tensors[name].dtype for checkpoint, name in sources}
        if others or self.parent is not None or self.exponents or DTYPES[code][1] > 2 or self.dtype is torch.float32:
            return None
        raw, single = (
            self.buffer(k, len(models) * n, d) for k, d in ((code, torch_dtype(code)), ("single", torch.float32))
        )
        raw = raw.view(len(models), n)
        return raw, raw.unbind(), single.view(len(models), n), sources

    def _stage(self, code: str, n: int) -> tuple[Tensor, Tensor | None]:
        """Where n values of a dtype are read to, and where halves are widened first: half -> double is slow."""
        found = self._staged.get((code, n))
        if found is None:
            raw = self.buffer(code, n, torch_dtype(code))
            half = raw.element_size() < 4 and self.dtype is torch.float64
            found = raw, self.buffer("single", n, torch.float32) if half else None
            if len(self._staged) > 64:
                self._staged.clear()
            self._staged[code, n] = found
        return found
