"""The common interface of all sources of weights: named tensors of known shape, whose values are read on demand."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.errors import FileFormatError, IoAdaptError

if TYPE_CHECKING:
    import torch

DTYPES: Mapping[str, str] = MappingProxyType({
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
})  # fmt: skip
"""Safetensors code of each supported dtype -> name of the torch dtype."""

READABLE: Final = {f"torch.{name}": code for code, name in DTYPES.items()}
"""Torch dtype that can be read, as text -> its code; tensors of others (complex, quantised) are left out."""

OTHER_DTYPES: Final = frozenset({"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "C64"})
"""Codes of dtypes that files may contain but whose values cannot be read."""


class SourceError(IoAdaptError, OSError):
    """Error: weights are unavailable, for example because of a missing file, a gated repository or a broken network."""


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
    def key(self) -> tuple[int, ...]:
        """The shape without trailing 1s, such as [320, 320] for a 1 x 1 convolution [320, 320, 1, 1]."""
        end = next((i for i in range(len(self.shape), 0, -1) if self.shape[i - 1] != 1), 0)
        return self.shape[:end]

    @property
    def is_float(self) -> bool:
        return self.dtype in DTYPES and self.dtype.startswith(("F", "BF"))


class Checkpoint(ABC):
    """An open checkpoint. Use it as a context manager; several threads may read at once.

    Attributes:
        name: Short name for tables, such as the alias, or the file name without its extension.
        source: Location of the weights: a path, a repository id with a file, or a package with a folder.
        revision: The commit on the hub, or the version of the package; None for local files.
        tensors: Name of a tensor -> TensorInfo.
        metadata: The file's metadata (strings). `left_out` lists the tensors that cannot be read, if there are any.
        config: The content of the config.json next to the weights, or {}; not trusted.
        parts: The wrapped checkpoints, which are closed with this one.
    """

    name: str
    source: str
    revision: str | None = None
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = MappingProxyType({})
    config: Mapping[str, Any] = MappingProxyType({})
    parts: "Collection[Checkpoint]" = ()

    @abstractmethod
    def stored(self, name: str) -> "torch.Tensor":
        """Return a tensor, which may share memory with the file."""

    def tensor(self, name: str) -> "torch.Tensor":
        """Return a tensor, which may share memory with the file; raise FileFormatError for a dtype without values."""
        self.dtype_of(name)
        return self.stored(name)

    def dtype_of(self, name: str) -> "torch.dtype":
        """Return the torch dtype of a tensor; raise FileFormatError if it is one of ``OTHER_DTYPES``."""
        import torch

        if (code := self.tensors[name].dtype) not in DTYPES:
            msg = f"{self.source}: tensor {name} has dtype {code}, which cannot be read; convert it to float32."
            raise FileFormatError(msg)
        dtype: torch.dtype = getattr(torch, DTYPES[code])
        return dtype

    def close(self) -> None:
        """Close the files; may be called twice."""
        for part in self.parts:
            part.close()

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class InMemory(Checkpoint):
    """Tensors on the CPU, by name; those of dtypes that cannot be read are left out."""

    def __init__(self, name: str, source: str, values: Mapping[str, "torch.Tensor"]) -> None:
        self.name, self.source = name, source
        self.values = {key: value for key, value in values.items() if str(value.dtype) in READABLE}
        self.tensors = {k: TensorInfo(k, READABLE[str(v.dtype)], tuple(v.shape)) for k, v in self.values.items()}

    def stored(self, name: str) -> "torch.Tensor":
        return self.values[name].detach().resolve_neg()

    def close(self) -> None:
        self.values = {}


Ranges = list[tuple[int, int]]
"""Row ranges [start, stop) of a tensor, in order."""


class View(Checkpoint):
    """Tensors of other checkpoints, or some of their rows, under new names."""

    def __init__(self, name: str, source: str, origins: Mapping[str, tuple[Checkpoint, str, Ranges | None]]) -> None:
        """Create a view; `origins` maps new names to checkpoint, stored name, and row ranges or None for all rows."""
        self.name, self.source, self._origins = name, source, origins
        self.parts = {part for part, _, _ in origins.values()}
        self.tensors = {}
        for new, (part, old, rows) in origins.items():
            info = part.tensors[old]
            shape = info.shape if rows is None else (sum(b - a for a, b in rows), *info.shape[1:])
            self.tensors[new] = TensorInfo(new, info.dtype, shape)

    def stored(self, name: str) -> "torch.Tensor":
        import torch

        part, old, rows = self._origins[name]
        whole = part.tensor(old)
        return whole if rows is None else torch.cat([whole[start:stop] for start, stop in rows])
