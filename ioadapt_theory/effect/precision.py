"""Effects are small differences of outputs: in bfloat16 they are rounding, so they are measured in float32."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

HALVES = frozenset({torch.float16, torch.bfloat16})


@contextmanager
def precise(model: nn.Module) -> Iterator[None]:
    """Hold the model's half-precision numbers in float32 for the duration; the same tensors are back afterwards."""
    halves = [t for t in (*model.parameters(), *model.buffers()) if t.dtype in HALVES and not t.is_meta]
    before = [t.data for t in halves]
    for t in halves:
        t.data = t.data.float()
    try:
        yield
    finally:
        for t, data in zip(halves, before, strict=True):
            t.data = data


def widened(batch: Any) -> Any:
    """Return a batch with its half-precision tensors in float32."""
    if isinstance(batch, Tensor):
        return batch.float() if batch.dtype in HALVES else batch
    if isinstance(batch, Mapping):
        return {key: widened(value) for key, value in batch.items()}
    return type(batch)(map(widened, batch)) if isinstance(batch, list | tuple) else batch
