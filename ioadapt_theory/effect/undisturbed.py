"""Running a model without changing it: frozen, in evaluation mode, and in float32 only where that is asked for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import mapped

HALVES = frozenset({torch.float16, torch.bfloat16})
LARGE = 1 << 26
"""Bytes of a buffer above which no copy is kept; only packed weights are so large, and no forward pass changes them."""


@contextmanager
def undisturbed(model: nn.Module, *, precise: bool = False) -> Iterator[None]:
    """Inside ``with``, keep the model in evaluation mode and frozen, without gradient checkpointing; undo all changes.

    Buffers that a forward pass changes are restored, too. If ``precise``, half-precision weights are in float32 inside
    the block, except those that are on the meta device; no second copy of them is kept.
    """
    modes = {part: part.training for part in model.modules()}
    flags = {p: p.requires_grad for p in model.parameters()}
    checkpointed = [part for part in modes if getattr(part, "gradient_checkpointing", False) is True]
    held = [(part, key, t) for part in modes for key, t in part._buffers.items() if t is not None]
    copies = {t: t.detach().clone() for _, _, t in held if not t.is_meta and t.nbytes <= LARGE}
    halves = [t for t in (*flags, *model.buffers()) if precise and t.dtype in HALVES and not t.is_meta]
    places = Counter(t.untyped_storage().data_ptr() for t in halves)
    alone = {
        t for t in halves if places[t.untyped_storage().data_ptr()] == 1 and t.untyped_storage().nbytes() == t.nbytes
    }
    before = {t: (t.dtype, None if t in alone else t.data) for t in halves}
    model.eval()
    for p in flags:
        p.requires_grad_(False)
    for part in checkpointed:
        part.gradient_checkpointing = False  # type: ignore[assignment]
    for t in halves:
        t.data = t.data.float()
    try:
        yield
    finally:
        for t, (dtype, data) in before.items():
            t.data = t.data.to(dtype) if data is None else data  # exact: float32 holds every half-precision number
        with torch.no_grad():
            for part, key, t in held:
                part._buffers[key] = t
                if t in copies and not torch.equal(t, copies[t]):
                    t.copy_(copies[t])
        for part in checkpointed:
            part.gradient_checkpointing = True  # type: ignore[assignment]
        for p, flag in flags.items():
            p.requires_grad_(flag)
        for part, mode in modes.items():
            part.training = mode


def fitted(batch: Any, model: nn.Module) -> Any:
    """Return the batch, detached, on the device of the model's first parameter, and its floats in that dtype."""
    floats = (p for p in model.parameters() if p.is_floating_point() and p.element_size() > 1)  # not float8
    if (like := next(floats, None)) is None:
        return mapped(batch, Tensor.detach)

    def of(x: Tensor) -> Tensor:
        device = x.device if like.is_meta else like.device
        return x.detach().to(device, like.dtype if x.is_floating_point() else x.dtype)

    return mapped(batch, of)
