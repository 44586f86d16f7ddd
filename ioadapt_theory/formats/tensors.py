"""Files of named tensors, read through the reader of checkpoints, and written; and files of JSON."""

import json
import math
import os
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import torch_dtype
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.results import replacing

FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""Names in the header of the types that torch converts to float32."""
LONGEST_NAME = 1000
"""Characters of the names that models have."""
BAKED_FOR = "ioadapt.baked_for"
"""The header's name for the base that a file was baked for."""


class TensorFile:
    """A file of tensors; its header is read at once, numbers are read when asked for.

    Attributes:
        path: where it is.
        shapes: name -> shape, for every tensor.
        metadata: the header's strings.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, if it is one of tensors."""
        self.path = path
        if not os.path.exists(path):  # unlike Path's, it has no error for a name that no system takes
            msg = f"{path}: no such file."
            raise FileFormatError(msg)
        self._file = open_file(path)
        weakref.finalize(self, self._file.close)
        self.shapes = {name: info.shape for name, info in self._file.tensors.items()}
        self.metadata = dict(self._file.metadata)

    def dtype(self, name: str) -> torch.dtype:
        """Return the type in which a tensor is stored."""
        return torch_dtype(self._file.tensors[name].dtype)

    def require_floats(self, names: Iterable[str]) -> None:
        """Refuse, by the header alone, tensors of integers that are more than a single number."""
        for name in names:
            code = self._file.tensors[name].dtype
            if code not in FLOATS and math.prod(self.shapes[name]) > 1:
                msg = f"{self.path}: tensor {name} has to be floating point, found {code}."
                raise FileFormatError(msg)

    def stored(self, name: str) -> Tensor:
        """Return one tensor as it is stored; every number has to be finite."""
        tensor = self._file.tensor(name)
        whole = tensor if tensor.dtype is torch.float64 else tensor.float()  # not all types of 8 bits know isfinite
        if not whole.isfinite().all():
            msg = f"{self.path}: tensor {name} has to be finite, found NaN or infinity."
            raise FileFormatError(msg)
        return tensor

    def __getitem__(self, name: str) -> Tensor:
        """Return one tensor of floating-point numbers, in float32 where it is stored in less."""
        self.require_floats([name])
        tensor = self.stored(name)
        return tensor.to(torch.float64 if tensor.dtype is torch.float64 else torch.float32)


def is_name(text: object) -> bool:
    """Whether a model can have this name, and a sentence: escape sequences would reach the terminal."""
    return isinstance(text, str) and len(text) <= LONGEST_NAME and text.isprintable()


def parse_json(text: str | bytes, what: str) -> Any:
    """Return the content of JSON; ``what`` it is begins the sentence if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{what}: not readable as JSON: {error}."
        raise FileFormatError(msg) from None


def write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], former: Path | None = None) -> None:
    """Write a safetensors file, whole or not at all; ``former`` is the configuration of the file that it replaces."""
    if path.is_dir():
        msg = f"{path} is a folder, but this format is one file; give a file name."
        raise InvalidValueError(msg)
    own = {name: t.detach().to("cpu", memory_format=torch.contiguous_format, copy=True) for name, t in tensors.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(own, {"format": "pt", **metadata}))
        if former is not None:  # never new tensors under an old configuration
            former.unlink(missing_ok=True)


def require_folder(path: Path) -> None:
    """Refuse a file where a folder is to be written."""
    if path.exists() and not path.is_dir():
        msg = f"{path} is a file, but this format is a folder; give another name."
        raise InvalidValueError(msg)
