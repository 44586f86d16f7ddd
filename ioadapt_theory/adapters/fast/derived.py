"""What is computed from parameters and a frozen weight alone, kept for as long as they are what they were.

It serves whatever happens between two steps of an optimizer: accumulation, recomputation, generating token by token,
merging. Versions alone would not tell: fused optimizers and writes through ``p.data`` leave them as they are. So small
factors are compared with copies, entry by entry, and of the weight, which is frozen and large, a sample of its entries.
"""

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

SAMPLE = 64
"""Entries of a weight that are looked at: a write through ``w.data`` that misses them all is not noticed."""
_lock = threading.Lock()
_trusting = 0  # blocks of ``cached`` that are open, in whatever threads


@contextmanager
def cached() -> Iterator[None]:
    """Keep what depends on parameters alone on accelerators too, where comparing would wait for the device.

    There it goes by the versions of tensors, so nothing may write through ``p.data`` inside, nor a fused optimizer: for
    what lies between two steps, or for generating. On a CPU it changes nothing, since all is compared there.
    """
    global _trusting
    with _lock:
        _trusting += 1
    try:
        yield
    finally:
        with _lock:
            _trusting -= 1


def is_kept(t: Tensor) -> bool:
    """Whether what is derived from this parameter may be kept."""
    return t.is_cpu or _trusting > 0


class Seen(NamedTuple):
    """A value, and what it was computed from."""

    value: Tensor
    weight: Callable[[], Tensor | None]
    state: tuple[object, ...]
    entries: list[Tensor]


class Derived:
    """Values by name, each computed when it is asked for and not known; copies of a model start without any."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def __reduce__(self) -> tuple[type["Derived"], tuple[()]]:
        return Derived, ()

    def __call__(
        self, name: str, compute: Callable[[], Tensor], s: float, factors: Sequence[Tensor], weight: Tensor | None
    ) -> Tensor:
        """``compute()``, a constant of the number s, the factors and the weight, unless it is kept; for eager calls."""
        tensors = factors if weight is None else (*factors, weight)
        state = (s, *((t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors))
        entries = [*factors] if weight is None else [*factors, _sample(weight)]
        seen = self._seen.get(name)
        if seen is not None and seen.state == state and seen.weight() is weight:
            if not all(t.is_cpu for t in tensors) or all(map(torch.equal, seen.entries, entries)):
                return seen.value
        with torch.inference_mode(False), torch.no_grad():
            copies = [t.detach().clone() for t in entries]
            value = compute()
            self._seen[name] = Seen(value, _nothing if weight is None else weakref.ref(weight), state, copies)
        return value

    def forget(self, name: str) -> None:
        """Compute this value again when it is asked for next."""
        self._seen.pop(name, None)


def _sample(weight: Tensor) -> Tensor:
    """Some entries, from all rows and columns."""
    diagonal = weight.diagonal(dim1=0, dim2=1)
    return diagonal[..., :: max(1, diagonal.shape[-1] // SAMPLE)]


def _nothing() -> None:
    """In the place of a reference to a weight."""
