"""A cache of values derived from parameters and a frozen weight, valid between two optimizer steps.

Versions alone would not tell of a step: fused optimizers and writes through ``p.data`` leave them as they are. So small
factors are compared with copies, entry by entry, and of the weight, which is frozen and large, a sample of its entries.
"""

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

SAMPLE = 64
"""Number of a weight's entries that are checked; a write through ``w.data`` to other entries is not detected."""
_lock = threading.Lock()
_trusting = 0  # blocks of ``trusting`` that are open, in whatever threads


@contextmanager
def trusting() -> Iterator[None]:
    """Detect changes on accelerators by tensor versions alone for the duration, in all threads."""
    global _trusting
    with _lock:
        _trusting += 1
    try:
        yield
    finally:
        with _lock:
            _trusting -= 1


def may_keep(t: Tensor) -> bool:
    """Whether values derived from this parameter may be cached."""
    return t.is_cpu or _trusting > 0


def is_eager(x: Any) -> bool:
    """Whether this is a plain call on a plain tensor: not traced, compiled, transformed or in forward mode."""
    # torch has no public way to ask for transforms of functions, forward-mode derivatives and modes that look at every
    # operation (fake tensors, selective checkpoints); none of them can follow what is kept or computed by hand
    return (
        not torch.compiler.is_compiling()  # first: torch 2.7 cannot compile the next lines
        and type(x) in {Tensor, nn.Parameter}
        and torch._C._get_tracing_state() is None
        and not torch._C._are_functorch_transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0
        and forward_ad._current_level < 0
    )


def without_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """Compute in the tensors' own dtypes for the duration, on the device of x."""
    off = x.is_meta or not torch.is_autocast_enabled(x.device.type)
    return nullcontext() if off else torch.autocast(x.device.type, enabled=False)


class Derived:
    """Cached values by name, each computed on first use; copies of a model start with an empty cache."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Tensor, Callable[[], Tensor | None], tuple[object, ...], list[Tensor]]] = {}

    def __reduce__(self) -> tuple[type["Derived"], tuple[()]]:
        return Derived, ()

    def __call__(
        self, name: str, compute: Callable[[], Tensor], s: float, factors: Sequence[Tensor], weight: Tensor | None
    ) -> Tensor:
        """Return ``compute()``, which depends on s, the factors and the weight alone, or its cached value."""
        tensors, entries = [*factors], [*factors]
        if weight is not None:
            tensors.append(weight)
            diagonal = weight.diagonal(dim1=0, dim2=1)  # some of all rows and columns
            entries.append(diagonal[..., :: max(1, diagonal.shape[-1] // SAMPLE)])
        if not all(t.is_cpu for t in tensors):
            entries = []  # comparing them would wait for the device
        state = (s, *((t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors))
        if name in self._seen:
            value, held, before, copies = self._seen[name]
            if before == state and held() is weight and all(map(torch.equal, copies, entries)):
                return value
        with torch.inference_mode(False), torch.no_grad():
            copies = [t.detach().clone() for t in entries]
            held = (lambda: None) if weight is None else weakref.ref(weight)
            self._seen[name] = (value := compute()), held, state, copies
        return value

    def forget(self, *names: str) -> None:
        """Drop these cached values, or all."""
        for name in names or tuple(self._seen):
            self._seen.pop(name, None)
