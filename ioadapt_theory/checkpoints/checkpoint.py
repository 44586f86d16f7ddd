"""The common interface of all sources of weights: named tensors of known shape, whose values are read in pieces."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ioadapt_theory.errors import FileFormatError, InvalidValueError, IoAdaptError

if TYPE_CHECKING:
    import torch

DTYPES: Mapping[str, tuple[str, int]] = MappingProxyType({
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1), "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U64": ("uint64", 8), "U32": ("uint32", 4), "U16": ("uint16", 2), "U8": ("uint8", 1), "BOOL": ("bool", 1),
})  # fmt: skip
"""Safetensors code of each supported dtype -> name of the torch dtype, bytes per element."""

OTHER_DTYPES: Mapping[str, int] = MappingProxyType({"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "C64": 64})
"""Code of each dtype that files may contain but whose values cannot be read -> bits per element."""


class SourceError(IoAdaptError, OSError):
    """Error: weights are unavailable, for example because of a missing file, a gated repository or a broken network."""


@cache
def torch_dtype(code: str) -> "torch.dtype":
    import torch

    dtype: torch.dtype = getattr(torch, DTYPES[code][0])
    return dtype


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor's name, dtype and shape; the dtype is a safetensors code such as F16, BF16 or F8_E4M3."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        bits = OTHER_DTYPES[self.dtype] if self.dtype in OTHER_DTYPES else 8 * DTYPES[self.dtype][1]
        return -(-self.numel * bits // 8)

    @property
    def key(self) -> tuple[int, ...]:
        """The shape without trailing 1s, such as [320, 320] for a 1 x 1 convolution [320, 320, 1, 1]."""
        end = next((i for i in range(len(self.shape), 0, -1) if self.shape[i - 1] != 1), 0)
        return self.shape[:end]

    @property
    def is_float(self) -> bool:
        return self.dtype in DTYPES and self.dtype.startswith(("F", "BF"))


class Checkpoint(ABC):
    """An open checkpoint. Use it as a context manager; several threads or forked processes may read at once.

    Attributes:
        name: Short name for tables, such as the alias, or the file name without its extension.
        source: Location of the weights: a path, a repository id with a file, or a package with a folder.
        revision: The commit on the hub, or the version of the package; None for local files.
        tensors: Name of a tensor -> TensorInfo.
        metadata: The file's metadata (strings). `left_out` lists the tensors that cannot be read, if there are any.
        config: The content of the config.json next to the weights, or {}; not trusted.
    """

    name: str
    source: str
    revision: str | None = None
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = MappingProxyType({})
    config: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        """Return a function that fills a buffer with the bytes of a tensor, from a given element on."""

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """Return a function that fills `out` (flat, in the stored dtype) with values from a given element on."""
        import torch

        self.dtype_of(name)
        info = self.tensors[name]
        fill, into = self.bytes_of(name), out.view(torch.uint8).numpy().data

        def fill_from(start: int) -> None:
            if not 0 <= start <= info.numel - len(out):
                msg = f"Elements [{start}, {start + len(out)}) are not all in tensor {name} of {info.numel} elements."
                raise InvalidValueError(msg)
            fill(into, start)

        return fill_from

    def read(self, name: str, start: int, out: "torch.Tensor") -> None:
        """Fill `out` with the elements of a tensor, from element `start` on; see `filler`."""
        self.filler(name, out)(start)

    def tensor(self, name: str) -> "torch.Tensor":
        import torch

        info = self.tensors[name]
        flat = torch.empty(info.numel, dtype=self.dtype_of(name))
        self.read(name, 0, flat)
        return flat.view(info.shape)

    def dtype_of(self, name: str) -> "torch.dtype":
        """Return the torch dtype of a tensor; raise FileFormatError if it is one of ``OTHER_DTYPES``."""
        if (code := self.tensors[name].dtype) not in DTYPES:
            msg = f"{self.source}: tensor {name} has dtype {code}, which cannot be read; convert it to float32."
            raise FileFormatError(msg)
        return torch_dtype(code)

    def parts(self) -> "Collection[Checkpoint]":
        """Return the wrapped checkpoints, which are closed with this one."""
        return ()

    def close(self) -> None:
        """Close the files, after which reading raises an error; may be called twice."""
        for part in self.parts():
            part.close()

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


Ranges = list[tuple[int, int]]
"""Row ranges [start, stop) of a tensor, in order."""
NONE: Mapping[str, Ranges] = MappingProxyType({})


class View(Checkpoint):
    """Tensors of other checkpoints, or some of their rows, under new names."""

    def __init__(
        self, name: str, source: str, origins: Mapping[str, tuple[Checkpoint, str]], rows: Mapping[str, Ranges] = NONE
    ) -> None:
        """Create a view; `origins` maps new names to checkpoint and stored name, `rows` some of them to row ranges."""
        self.name, self.source, self._origins, self._rows = name, source, origins, rows
        self.tensors = {}
        for new, (part, old) in origins.items():
            shape = part.tensors[old].shape
            if new in self._rows:
                shape = (sum(b - a for a, b in self._rows[new]), *shape[1:])
            self.tensors[new] = TensorInfo(new, part.tensors[old].dtype, shape)

    def parts(self) -> Collection[Checkpoint]:
        return {part for part, _ in self._origins.values()}

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
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
