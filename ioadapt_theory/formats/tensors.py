"""Files of named tensors, read through the reader of checkpoints, and written; and files of JSON."""

import json
import math
import os
import shutil
import struct
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import torch_dtype
from ioadapt_theory.checkpoints.files.plain import read_whole
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.results import replacing

FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""Names in the header of the types that torch converts to float32."""
CODES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
"""The types that are written, and what the header calls them."""

LONGEST_NAME, MOST_TENSORS = 1000, 100_000
"""Of names that models have, and of tensors that adapters have: a LoRA on every expert of the largest has so many."""
BAKED_FOR = "ioadapt.baked_for"
"""The header's name for the base that a file was baked for."""

Add = Callable[[str, Tensor], None]
"""Writes one tensor under a name."""


class TensorFile:
    """A file of tensors; its header is read at once, numbers are read when asked for.

    Attributes:
        path: where it is.
        shapes: name -> shape, for every tensor.
        metadata: the header's strings.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, if it is one of tensors with printable names."""
        self.path = path
        if not os.path.exists(path):  # unlike Path's, it has no error for a name that no system takes
            msg = f"{path}: no such file."
            raise FileFormatError(msg)
        self._file = open_file(path)
        weakref.finalize(self, self._file.close)
        if len(self._file.tensors) > MOST_TENSORS:
            msg = f"{path} has {len(self._file.tensors):,} tensors; an adapter may have at most {MOST_TENSORS:,}."
            raise FileFormatError(msg)
        self.shapes = {name: info.shape for name, info in self._file.tensors.items()}
        self.metadata = dict(self._file.metadata)
        for name in self.shapes:
            if not is_name(name):
                msg = f"{path}: tensor name {name[:60]!r} has to be printable and at most {LONGEST_NAME} long."
                raise FileFormatError(msg)

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
        info = self._file.tensors[name]
        flat = torch.empty(info.numel, dtype=torch_dtype(info.dtype))
        self._file.read(name, 0, flat)
        whole = flat if flat.dtype is torch.float64 else flat.float()  # not all types of 8 bits know isfinite
        if not whole.isfinite().all():
            msg = f"{self.path}: tensor {name} has to be finite, found NaN or infinity."
            raise FileFormatError(msg)
        return flat.view(info.shape)

    def __getitem__(self, name: str) -> Tensor:
        """Return one tensor of floating-point numbers, in float32 where it is stored in less."""
        self.require_floats([name])
        tensor = self.stored(name)
        return tensor.to(torch.float64 if tensor.dtype is torch.float64 else torch.float32)


def is_name(text: object) -> bool:
    """Whether a model can have this name, and a sentence: escape sequences would reach the terminal."""
    return isinstance(text, str) and len(text) <= LONGEST_NAME and text.isprintable()


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return parse_json(read_whole(path), f"{path}")


def parse_json(text: str | bytes, what: str) -> Any:
    """Return the content of JSON; ``what`` it is begins the sentence if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{what}: not readable as JSON: {error}."
        raise FileFormatError(msg) from None


@contextmanager
def writing(path: Path, metadata: Mapping[str, str], former: Path | None = None) -> Iterator[Add]:
    """Write a safetensors file one tensor at a time; it takes the place of ``path`` when the block ends well."""
    if path.is_dir():
        msg = f"{path} is a folder, but this format is one file; give a file name."
        raise InvalidValueError(msg)
    header: dict[str, object] = {}  # ours, as safetensors' own writer shuffles metadata: equal content, equal bytes
    with replacing(path) as temporary, tempfile.TemporaryFile(dir=path.parent) as data:

        def add(name: str, tensor: Tensor) -> None:
            if name in header:
                msg = f"Tensor {name} would be written twice: this format gives two layers one name; take another."
                raise FileFormatError(msg)
            start = data.tell()
            data.write(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
            offsets = [start, data.tell()]
            header[name] = {"dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}

        yield add  # until here metadata may grow
        text = json.dumps({"__metadata__": {"format": "pt", **metadata}, **header}).encode()
        text += b" " * (-len(text) % 8)
        data.seek(0)
        with temporary.open("wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            shutil.copyfileobj(data, out)
        if former is not None:  # the configuration of the former file: never new tensors under an old one
            former.unlink(missing_ok=True)


def require_folder(path: Path) -> None:
    """Refuse a file where a folder is to be written."""
    if path.exists() and not path.is_dir():
        msg = f"{path} is a file, but this format is a folder; give another name."
        raise InvalidValueError(msg)
