"""A sketch of a checkpoint: a few hundred numbers a tensor that keep the distances of models.

CountSketch (Charikar, Chen, Farach-Colton 2002): the elements of a tensor get random signs, equal ones in every model,
and are summed into k buckets. It is linear, so the sketch of a difference is the difference of sketches, and the
square of its norm is ‖a - b‖² on average, with a relative deviation of √(2/k) for a tensor and less for a model. The
bucket of an element is its position modulo a prime, so that no column falls into one bucket.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo, torch_dtype
from ioadapt_theory.errors import InvalidValueError

KILOBYTES: Final = 700
"""Of a model's sketch, by default; 256 buckets a tensor for SD-1.5."""
CHUNK: Final = 1 << 20
"""Elements that are read at once."""
SIGNS: Final = 1 << 21
"""Signs that are drawn once; each chunk takes a run of them, from a start that its name and position choose."""


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor's sketch.

    Attributes:
        buckets: (k,) sums; the elements themselves where there are no more than k.
        square: ‖tensor‖², exact.
    """

    buckets: Float[np.ndarray, " k"]
    square: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """A model's sketch: tensors by name and shape, and what it was made with."""

    name: str
    source: str
    buckets: int
    parts: Mapping[str, Part]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers."""
        return sum(part.buckets.nbytes + 8 for part in self.parts.values())


def buckets_for(checkpoint: Checkpoint, kilobytes: int = KILOBYTES) -> int:
    """How many buckets a tensor make a sketch of about this size; at least 16."""
    sizes = sorted(info.numel for info in checkpoint.tensors.values() if info.is_float)
    numbers = kilobytes * 1000 // 4
    for taken, size in enumerate(sizes):
        if size * (len(sizes) - taken) >= numbers:
            return max(16, numbers // (len(sizes) - taken))
        numbers -= size
    return max(16, sizes[-1] if sizes else 0)


def sketch(checkpoint: Checkpoint, buckets: int) -> Sketch:
    """Read a checkpoint once.

    Raises:
        InvalidValueError: fewer than 8 buckets.
        SourceError: the file became shorter.
    """
    if buckets < 8:
        msg = f"A sketch needs at least 8 buckets a tensor to tell anything, got {buckets}."
        raise InvalidValueError(msg)
    parts, left = {}, {}
    for name, info in checkpoint.tensors.items():
        if not info.is_float or not info.numel:
            left[name] = f"not floating point ({info.dtype})" if info.numel else "no elements"
            continue
        key = key_of(info)
        part = _part(read_chunks(checkpoint, info), key, info, buckets)
        if np.isfinite(part.square):
            parts[key] = part
        else:
            left[name] = "holds NaN or infinity"
    return Sketch(checkpoint.name, checkpoint.source, buckets, parts, left)


def merge(one: Sketch, two: Sketch) -> Sketch:
    """The sketch of a model that lies in two places, as shards or parts do.

    Raises:
        InvalidValueError: unlike buckets, or a tensor that both have.
    """
    if one.buckets != two.buckets:
        msg = f"Sketches of {one.buckets} and of {two.buckets} buckets have no common distances: make them anew."
        raise InvalidValueError(msg)
    if both := sorted(one.parts.keys() & two.parts.keys()):
        msg = f"{one.name} and {two.name} both hold {both[0]}, so they are no two parts of one model."
        raise InvalidValueError(msg)
    return Sketch(one.name, one.source, one.buckets, {**one.parts, **two.parts}, {**one.left_out, **two.left_out})


def key_of(info: TensorInfo) -> str:
    """Name and shape: what two models have in common."""
    return f"{info.name} {'x'.join(map(str, info.key))}"


def read_chunks(checkpoint: Checkpoint, info: TensorInfo, step: int = CHUNK) -> Iterator[Tensor]:
    """The elements in their order, in float32, or float64 where they are stored so."""
    raw = torch.empty(min(step, info.numel), dtype=torch_dtype(info.dtype))
    for start in range(0, info.numel, step):
        here = raw[: min(step, info.numel - start)]
        checkpoint.read(info.name, start, here)
        yield here.clone() if raw.dtype in (torch.float32, torch.float64) else here.float()


def _part(chunks: Iterator[Tensor], key: str, info: TensorInfo, buckets: int) -> Part:
    k = _modulus(buckets, info.shape)
    exact = info.numel <= buckets
    size = info.numel if exact else k
    found, square, place = torch.zeros(size, dtype=torch.float64), 0.0, 0
    for number, x in enumerate(chunks):
        square += float(x.double().square().sum())
        if exact:
            found += x
            continue
        signed = x * _signs(key, number, len(x))
        first = place % k
        padded = torch.nn.functional.pad(signed, (first, -(first + len(x)) % k))
        found += padded.view(-1, k).sum(0, dtype=torch.float64)
        place += len(x)
    return Part(found.float().numpy(), square)


def _signs(key: str, number: int, n: int) -> Tensor:
    digest = hashlib.sha256(f"{key}|{number}".encode()).digest()
    start = int.from_bytes(digest[:8], "little") % (SIGNS - CHUNK)
    return _table()[start : start + n]


@cache
def _table() -> Tensor:
    bits = np.random.Generator(np.random.Philox(20261126)).integers(0, 256, SIGNS // 8, dtype=np.uint8)
    return torch.from_numpy(np.unpackbits(bits)).float().mul_(2).sub_(1)


@cache
def _modulus(buckets: int, shape: tuple[int, ...]) -> int:
    """The largest prime up to ``buckets`` that divides no side of the tensor."""
    for n in range(buckets, 1, -1):
        if all(n % p for p in range(2, int(n**0.5) + 1)) and all(side % n for side in shape):
            return n
    return buckets
