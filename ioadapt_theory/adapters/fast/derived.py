"""What is computed from parameters and a frozen weight alone, kept for as long as they are what they were.

It serves whatever happens between two steps of an optimizer: accumulation, recomputation, generating token by token,
merging. Small factors are compared with copies, entry by entry: their versions would not tell, since fused optimizers
and writes through ``p.data`` leave them as they are. Of the weight, which is frozen and large, it is the tensor, its
version and a sample of its entries.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from ioadapt_theory.adapters.fast.autograd import is_eager

SAMPLE = 64
"""Entries of a weight that are looked at: a write through ``w.data`` that misses them all is not noticed."""


class Seen(NamedTuple):
    """What a value was computed from, and the value."""

    number: float
    factors: list[Tensor]
    weight: Callable[[], Tensor | None]
    state: tuple[int, int]
    sample: Tensor | None
    value: Tensor


class Derived:
    """Values by name, each computed when it is asked for and not known; copies of a model start without any."""

    def __init__(self) -> None:
        self._kept: dict[str, Seen] = {}

    def __reduce__(self) -> tuple[type["Derived"], tuple[()]]:
        return Derived, ()

    def __call__(
        self,
        name: str,
        compute: Callable[[], Tensor],
        number: float,
        factors: Sequence[Tensor],
        weight: Tensor | None = None,
    ) -> Tensor:
        """``compute()``, a constant of ``number``, ``factors`` and ``weight``, unless it is kept.

        On a CPU only: elsewhere comparing would wait for the device, which takes longer than computing.
        """
        if not all(is_eager(t) and t.is_cpu for t in factors):
            return compute()
        state, sample = _state(weight)
        seen = self._kept.get(name)
        if (
            seen is not None
            and seen.number == number
            and seen.weight() is weight
            and seen.state == state
            and all(map(torch.equal, seen.factors, factors))
            and (sample is None or torch.equal(seen.sample, sample))  # type: ignore[arg-type]
        ):
            return seen.value
        with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
            copies = [t.detach().clone() for t in factors]
            value = compute()
            held = _nothing if weight is None else weakref.ref(weight)
            sample = None if sample is None else sample.clone()
            self._kept[name] = Seen(number, copies, held, state, sample, value)
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


def _state(weight: Tensor | None) -> tuple[tuple[int, int], Tensor | None]:
    """Where a weight lies, its version, and some entries from all its rows and columns."""
    if weight is None:
        return (0, 0), None
    diagonal = weight.detach().diagonal(dim1=0, dim2=1)
    version = 0 if weight.is_inference() else weight._version
    return (weight.data_ptr(), version), diagonal[..., :: max(1, diagonal.shape[-1] // SAMPLE)]


def _nothing() -> None:
    """In the place of a reference to a weight."""


@contextmanager
def cached() -> Iterator[None]:
    """Nothing: kept for programs of before, since what it asked for is done always, and never stale."""
    yield
