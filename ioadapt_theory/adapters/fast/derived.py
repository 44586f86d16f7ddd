"""Keeping what depends on parameters alone, for as long as they stay as they are: for generating token by token."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_kept: dict[tuple[int, int], tuple[object, object, Tensor]] | None = None


@contextmanager
def cached() -> Iterator[None]:
    """Compute DoRA's gains once for the duration, in calls without gradients; nothing may change a parameter inside.

    The counterpart of ``torch.nn.utils.parametrize.cached``. A change cannot be noticed safely (writing through
    ``p.data``, as moving averages do, leaves no trace), so it is the caller who says that there is none.
    """
    global _kept
    before, _kept = _kept, {}
    try:
        yield
    finally:
        _kept = before


def kept(family: object, base: object, compute: Callable[[], Tensor]) -> Tensor:
    """``compute()``, once within ``cached`` for this family on this base."""
    if _kept is None or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return compute()
    key = id(family), id(base)
    if key not in _kept:
        _kept[key] = family, base, compute()  # holding them, so that no other object gets their ids
    return _kept[key][2]
