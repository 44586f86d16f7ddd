"""Reading and writing of files of named tensors."""

import json
import math
import os
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.outputs import replacing

FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""Codes of the floating-point dtypes that an adapter's tensors may have."""
LONGEST_NAME = 1000
"""Maximum number of characters in the name of a model or of a layer."""
OURS = "ioadapt."
TARGET = "ioadapt.target"
"""Start of our keys in a file's header, and key of the name of the base model for which a plain LoRA was computed."""


class TensorFile:
    """A file of tensors, whose header is read on opening and whose values are read on demand.

    Attributes:
        path: the path of the file.
        shapes: name -> shape, for every tensor.
        metadata: the header's strings.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not os.path.exists(path):  # unlike Path's method, it does not raise for invalid names
            msg = f"{path} does not exist; give the path of an adapter."
            raise FileFormatError(msg)
        self._file = open_file(path)
        weakref.finalize(self, self._file.close)
        self.shapes = {name: info.shape for name, info in self._file.tensors.items()}
        self.metadata = dict(self._file.metadata)

    def dtype(self, name: str) -> torch.dtype:
        return self._file.dtype_of(name)

    def require_floats(self, names: Iterable[str]) -> None:
        for name in names:
            code = self._file.tensors[name].dtype
            if code not in FLOATS and math.prod(self.shapes[name]) > 1:
                msg = f"{self.path}: tensor {name} must be floating point, not {code}."
                raise FileFormatError(msg)

    def stored(self, name: str) -> Tensor:
        tensor = self._file.tensor(name)
        if not is_finite(tensor):
            msg = f"{self.path}: tensor {name} must be finite, but contains NaN or infinity; download or save it again."
            raise FileFormatError(msg)
        return tensor

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor in float64 if it is stored in float64, else in float32."""
        self.require_floats([name])
        tensor = self.stored(name)
        return tensor.to(torch.float64 if tensor.dtype is torch.float64 else torch.float32)


def is_finite(tensor: Tensor) -> bool:
    whole = tensor if tensor.dtype is torch.float64 else tensor.float()  # isfinite lacks some 8-bit dtypes
    return bool(whole.isfinite().all())


def is_name(text: object) -> bool:
    """Return whether a value is a short string without unprintable characters, such as those that control terminals."""
    return isinstance(text, str) and len(text) <= LONGEST_NAME and text.isprintable()


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write finite tensors to a safetensors file atomically; equal content gives equal bytes."""
    if path.is_dir():
        msg = f"{path} is a folder, but this format is a single file; give a file name."
        raise InvalidValueError(msg)
    own = {name: t.detach().to("cpu", memory_format=torch.contiguous_format, copy=True) for name, t in tensors.items()}
    for name, tensor in own.items():
        if not is_finite(tensor):
            msg = f"{path}: {name} contains NaN or infinity; nothing was written."
            raise InvalidValueError(msg)
    content = memoryview(save(own, {"format": "pt", **metadata}))
    end = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(bytes(content[8:end]))
    entries["__metadata__"] = dict(sorted(entries["__metadata__"].items()))  # the library shuffles them
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)  # as the library does, so that values are aligned
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines((len(header).to_bytes(8, "little"), header, content[end:]))


def require_folder(path: Path) -> None:
    if file := next((p for p in (path, *path.parents) if p.exists() and not p.is_dir()), None):
        msg = f"{file} is a file, but this format is a folder; give another name."
        raise InvalidValueError(msg)
