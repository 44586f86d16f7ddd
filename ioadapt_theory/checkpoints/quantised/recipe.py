"""A weight that is stored as codes: what it is made of, and how to make it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    from torch import Tensor

Stored = Mapping[str, "Tensor"]
"""Role of a stored tensor in a recipe -> its values."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one weight is made.

    Attributes:
        method: What it is quantised by, for people.
        shape: Of the weight.
        parts: Role -> stored name of what it is made of.
        beside: Stored names that belong to it and are not needed: scales of activations, formats.
        make: Takes the parts by role and returns the weight, float32.
    """

    method: str
    shape: tuple[int, ...]
    parts: Mapping[str, str]
    beside: Sequence[str]
    make: Callable[[Stored], "Tensor"]


def read_whole(checkpoint: Checkpoint, name: str) -> "Tensor":
    """A stored tensor with its shape."""
    import torch

    from ioadapt_theory.checkpoints.checkpoint import torch_dtype

    info = checkpoint.tensors[name]
    out = torch.empty(info.numel, dtype=torch_dtype(info.dtype))
    checkpoint.read(name, 0, out)
    return out.view(info.shape)


def require(info: TensorInfo, shape: tuple[int, ...], weight: str) -> None:
    """Refuse a part whose shape does not fit the weight that it belongs to.

    Raises:
        FileFormatError: With both shapes.
    """
    if info.shape != shape:
        msg = f"{info.name} has shape {list(info.shape)}, where {weight} needs {list(shape)}."
        raise FileFormatError(msg)


def block_of(n: int, count: int) -> int | None:
    """Size of `count` blocks that cover n, the last of which may be cut: a power of two, or what divides n; or None."""
    if not n or not count:
        return None
    powers = (1 << k for k in range(n.bit_length() + 1))
    whole = n // count if n % count == 0 else None
    return next((b for b in powers if -(-n // b) == count), whole)


def blocks_of(scale: TensorInfo, shape: Sequence[int], told: Sequence[int] | None) -> tuple[int, ...] | None:
    """Sizes of the blocks of a weight that have a scale each, as told or by the shapes; None if these are no scales."""
    if len(scale.shape) != len(shape):
        return None
    found = told if told is not None else [block_of(n, count) for n, count in zip(shape, scale.shape, strict=True)]
    sizes = tuple(b for b in found if b is not None)
    fit = all(-(-n // b) == count for n, b, count in zip(shape, sizes, scale.shape, strict=False))
    return sizes if fit and len(sizes) == len(shape) else None


def spread(scale: "Tensor", shape: Sequence[int], blocks: Sequence[int]) -> "Tensor":
    """Scales of blocks as large as the weight."""
    wide = scale.float()
    for axis, (n, block) in enumerate(zip(shape, blocks, strict=True)):
        if wide.shape[axis] not in (1, n):
            wide = wide.repeat_interleave(block, axis).narrow(axis, 0, n)
    return wide
