"""The common form of all sources of weights: named tensors known from a header, values read piece by piece."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ioadapt_theory.errors import InvalidValueError, IoAdaptError

if TYPE_CHECKING:
    import torch

DTYPES: Mapping[str, tuple[str, int]] = MappingProxyType({
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1), "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U64": ("uint64", 8), "U32": ("uint32", 4), "U16": ("uint16", 2), "U8": ("uint8", 1), "BOOL": ("bool", 1),
})  # fmt: skip
"""Code of a dtype (those of safetensors) that we compute with -> name of the torch dtype, bytes of one element."""

OTHER_DTYPES: Mapping[str, int] = MappingProxyType({"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "C64": 64})
"""Code of a dtype that a file may have and we do not compute with -> bits of one element."""


class SourceError(IoAdaptError, OSError):
    """Weights that cannot be had: no such file, gated or unknown repository, no network, no space, a read cut short."""


@cache
def torch_dtype(code: str) -> "torch.dtype":
    """Return the torch dtype of a code of `DTYPES`."""
    import torch

    dtype: torch.dtype = getattr(torch, DTYPES[code][0])
    return dtype


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor as its header tells it; dtype is a safetensors code such as F16, BF16, F8_E4M3."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the stored values."""
        bits = OTHER_DTYPES[self.dtype] if self.dtype in OTHER_DTYPES else 8 * DTYPES[self.dtype][1]
        return -(-self.numel * bits // 8)

    @property
    def key(self) -> tuple[int, ...]:
        """The shape without trailing 1s: a 1 x 1 convolution [320, 320, 1, 1] is the matrix [320, 320]."""
        end = next((i for i in range(len(self.shape), 0, -1) if self.shape[i - 1] != 1), 0)
        return self.shape[:end]

    @property
    def is_float(self) -> bool:
        """Whether these are floating-point numbers that we compute with (counters, masks and codes are not)."""
        return self.dtype in DTYPES and self.dtype.startswith(("F", "BF"))


class Checkpoint(ABC):
    """An open checkpoint. Use as a context manager; several threads or forked processes may read at once.

    Attributes:
        name: Short name for tables: the alias, or the last part of the path or hub id.
        source: Where the weights come from: the file or folder, or `repo/id` and file.
        revision: The commit on the hub, or the version of the package; None for local files.
        tensors: Name -> TensorInfo, in the order of the file.
        metadata: What the file says of itself, and what was `left_out` or `quantised` (strings).
        config: What config.json beside the weights says of the model; not trusted.
    """

    name: str
    source: str
    revision: str | None = None
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = MappingProxyType({})
    config: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        """Return what fills a buffer with the bytes of a tensor's elements from the given one on, without torch."""

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """Return what fills `out`, flat and of the stored dtype, with a tensor's elements from the given one on."""
        import torch

        info = self.tensors[name]
        if info.dtype not in DTYPES:
            msg = f"{name} is {info.dtype}, whose values cannot be read."
            raise InvalidValueError(msg)
        fill, into = self.bytes_of(name), out.view(torch.uint8).numpy().data

        def fill_from(start: int) -> None:
            if not 0 <= start <= info.numel - len(out):
                msg = f"{name} has {info.numel} elements; [{start}, {start + len(out)}) is not within them."
                raise InvalidValueError(msg)
            fill(into, start)

        return fill_from

    def read(self, name: str, start: int, out: "torch.Tensor") -> None:
        """Fill `out` once; see `filler`."""
        self.filler(name, out)(start)

    def tensor(self, name: str) -> "torch.Tensor":
        """Return a tensor whole, of the stored dtype."""
        import torch

        info = self.tensors[name]
        flat = torch.empty(info.numel, dtype=torch_dtype(info.dtype))
        self.read(name, 0, flat)
        return flat.view(info.shape)

    def parts(self, names: Collection[str] | None = None) -> "Mapping[Checkpoint, Collection[str]]":
        """Return the checkpoints in which tensors (None: all) lie, and their names there; none for a file."""
        return {}

    def prepare(self, names: Collection[str] | None = None) -> None:
        """Download the files that hold `names` (None: all), as reading does otherwise; nothing half-written stays."""
        for part, inside in self.parts(names).items():
            part.prepare(inside)

    def close(self) -> None:
        """Close the files; reading afterwards raises. May be called twice."""
        for part in self.parts():
            part.close()

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Computed(Checkpoint):
    """A checkpoint whose weights are computed when they are read; the last one is kept, as readers ask for pieces."""

    _last: "tuple[str, Callable[[], Any]] | None" = None

    @abstractmethod
    def make(self, name: str) -> "torch.Tensor":
        """Return a weight, of its dtype."""

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        """See `Checkpoint.bytes_of`."""
        last = self._last
        if last is None or last[0] != name:
            last = self._last = name, cache(partial(self._bytes, name))
        content, size = last[1], DTYPES[self.tensors[name].dtype][1]

        def fill(into: memoryview, start: int) -> None:
            into[:] = content()[start * size : start * size + len(into)]

        return fill

    def _bytes(self, name: str) -> Any:
        import torch

        return self.make(name).detach().reshape(-1).resolve_neg().view(torch.uint8).numpy().data


Ranges = list[tuple[int, int]]
"""Rows of a tensor, as [start, stop) in order."""
NONE: Mapping[str, Ranges] = MappingProxyType({})


class View(Checkpoint):
    """Tensors of other checkpoints under names of our choice, or some rows of them."""

    def __init__(
        self, name: str, source: str, origins: Mapping[str, tuple[Checkpoint, str]], rows: Mapping[str, Ranges] = NONE
    ) -> None:
        """Take, for each new name, the checkpoint and the name in it; and which rows, where these are not all."""
        self.name, self.source, self._origins, self._rows = name, source, origins, rows
        self.tensors = {}
        for new, (part, old) in origins.items():
            shape = part.tensors[old].shape
            if new in self._rows:
                shape = (sum(b - a for a, b in self._rows[new]), *shape[1:])
            self.tensors[new] = TensorInfo(new, part.tensors[old].dtype, shape)

    def parts(self, names: Collection[str] | None = None) -> Mapping[Checkpoint, Collection[str]]:
        """See `Checkpoint.parts`."""
        inside: dict[Checkpoint, list[str]] = {}
        for name in self._origins if names is None else names:
            part, old = self._origins[name]
            inside.setdefault(part, []).append(old)
        return inside

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        """See `Checkpoint.bytes_of`."""
        part, old = self._origins[name]
        fill, rows, info = part.bytes_of(old), self._rows.get(name), self.tensors[name]
        if rows is None:
            return fill
        size, width = DTYPES[info.dtype][1], math.prod(info.shape[1:])

        def fill_rows(into: memoryview, start: int) -> None:
            stop, before = start + len(into) // size, 0
            for a, b in rows:
                first, last = max(start, before), min(stop, before + (b - a) * width)
                if first < last:
                    fill(into[(first - start) * size : (last - start) * size], a * width + first - before)
                before += (b - a) * width

        return fill_rows
