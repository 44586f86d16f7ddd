"""Tensors by name, from a safetensors file or a pickle of tensors, through the reader of checkpoints; and JSON."""

import json
import math
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import SourceError, torch_dtype
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.errors import FileFormatError

FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""What the header calls the types that torch converts to float32."""

LONGEST_NAME, MOST_TENSORS = 1000, 100_000
"""Of names that models have, and of tensors that adapters have: a LoRA on every expert of the largest has so many."""


class TensorFile:
    """A file of tensors; what its header says is known at once, numbers are read when asked for.

    Attributes:
        path: where it is.
        size: of the file, in bytes.
        shapes: name -> shape, for every tensor.
        metadata: the header's strings.
        left_out: tensors of a pickle that are of types that are not read.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            FileFormatError: missing, cut, not a file of tensors, or a pickle of anything else.
        """
        self.path = path
        require_file(path)
        if not os.path.exists(path):
            msg = f"{path}: no such file."
            raise FileFormatError(msg)
        try:
            self._file = open_file(path)
        except SourceError as error:
            raise FileFormatError(str(error)) from None
        weakref.finalize(self, self._file.close)
        self.size = os.path.getsize(path)
        if len(self._file.tensors) > MOST_TENSORS:
            msg = f"{path}: {len(self._file.tensors):,} tensors, more than any adapter has ({MOST_TENSORS:,} are read)."
            raise FileFormatError(msg)
        self.shapes = {name: info.shape for name, info in self._file.tensors.items()}
        self.metadata = dict(self._file.metadata)
        self.left_out = [name for name in self.metadata.get("left_out", "").split(", ") if name]
        for name in self.shapes:
            if not is_name(name):
                msg = f"{path}: {name[:60]!r} cannot name a tensor: {len(name)} characters, or unprintable ones."
                raise FileFormatError(msg)

    def dtype(self, name: str) -> torch.dtype:
        """Return the type in which a tensor is stored."""
        return torch_dtype(self._file.tensors[name].dtype)

    def require_floats(self, names: Iterable[str]) -> None:
        """Refuse integers by the header alone.

        Raises:
            FileFormatError: one of these tensors is of another type, and no single number.
        """
        for name in names:
            code = self._file.tensors[name].dtype
            if code not in FLOATS and math.prod(self.shapes[name]) > 1:
                msg = f"{self.path}: tensor {name} has to be floating point, found {code}."
                raise FileFormatError(msg)

    def stored(self, name: str) -> Tensor:
        """Return one tensor as it is stored.

        Raises:
            FileFormatError: it cannot be read, or is not finite.
        """
        info = self._file.tensors[name]
        flat = torch.empty(info.numel, dtype=torch_dtype(info.dtype))
        try:
            self._file.read(name, 0, flat)
        except SourceError as error:
            raise FileFormatError(str(error)) from None
        except NotImplementedError:  # of a pickle on torch's meta device
            msg = f"{self.path}: tensor {name} has no content."
            raise FileFormatError(msg) from None
        whole = flat if flat.dtype is torch.float64 else flat.float()  # not all types of 8 bits know isfinite
        if not whole.isfinite().all():
            msg = f"{self.path}: tensor {name} has to be finite, found NaN or infinity."
            raise FileFormatError(msg)
        return flat.view(info.shape)

    def __getitem__(self, name: str) -> Tensor:
        """Return one tensor, in float32 where it is stored in less.

        Raises:
            FileFormatError: not floating point, or not finite.
        """
        self.require_floats([name])
        tensor = self.stored(name)
        return tensor.to(torch.float64 if tensor.dtype is torch.float64 else torch.float32)


def is_name(text: object) -> bool:
    """Whether a model can have this name, and a sentence: escape sequences would reach the terminal."""
    return isinstance(text, str) and len(text) <= LONGEST_NAME and text.isprintable()


def require_file(path: Path) -> None:
    """Refuse pipes and devices, which could keep one waiting for ever; a missing file is refused when it is opened.

    Raises:
        FileFormatError: something else than a file or folder.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        msg = f"{path}: not a regular file."
        raise FileFormatError(msg)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        FileFormatError: missing, not readable, or not JSON.
    """
    require_file(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        msg = f"{path}: no such file."
        raise FileFormatError(msg) from None
    except (OSError, ValueError) as error:
        msg = f"{path}: not readable as JSON: {error}."
        raise FileFormatError(msg) from None
    return parse_json(text, f"{path}")


def parse_json(text: str, what: str) -> Any:
    """Return the content of JSON; ``what`` it is begins the sentence if it is none.

    Raises:
        FileFormatError: not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{what}: not readable as JSON: {error}."
        raise FileFormatError(msg) from None
