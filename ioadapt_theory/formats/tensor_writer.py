"""Safetensors files written one tensor at a time: they appear when they are whole."""

import json
import shutil
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.results import replacing

BAKED_FOR = "ioadapt.baked_for"
"""The header's name for the base that a file was baked for."""
CODES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


class TensorWriter:
    """Collects tensors on disk, one at a time, and knows the header once all have come."""

    def __init__(self, data: tempfile._TemporaryFileWrapper) -> None:  # type: ignore[type-arg]
        self._data = data
        self._header: dict[str, object] = {}

    def add(self, name: str, tensor: Tensor) -> None:
        """Append one tensor; nothing of it stays in memory."""
        if name in self._header:
            msg = f"Tensor {name} would be written twice: this format gives two layers the same name."
            raise FileFormatError(msg)
        start = self._data.tell()
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        self._data.write(flat.numpy().tobytes())
        offsets = [start, self._data.tell()]
        self._header[name] = {"dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}

    def finish(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the safetensors file: header, then the data."""
        header = json.dumps({"__metadata__": {"format": "pt", **metadata}, **self._header}).encode()
        header += b" " * (-len(header) % 8)
        self._data.seek(0)
        with path.open("wb") as out:
            out.write(struct.pack("<Q", len(header)) + header)
            shutil.copyfileobj(self._data, out)


@contextmanager
def writing(path: Path, metadata: dict[str, str], former: Path | None = None) -> Iterator[TensorWriter]:
    """Yield a writer whose file takes the place of ``path`` when the block ends well; ``metadata`` may grow in it.

    Before that ``former`` is removed, which describes the file that was there: never new tensors under an old config.

    Raises:
        InvalidValueError: there is a folder of this name.
    """
    if path.is_dir():
        msg = f"{path} is a folder; this format is one file."
        raise InvalidValueError(msg)
    with replacing(path) as temporary, tempfile.TemporaryFile(dir=path.parent) as data:
        writer = TensorWriter(data)  # type: ignore[arg-type]
        yield writer
        writer.finish(temporary, metadata)
        if former is not None:
            former.unlink(missing_ok=True)


def require_folder(path: Path) -> None:
    """Refuse a file where a folder is to be written.

    Raises:
        InvalidValueError: there is a file of this name.
    """
    if path.exists() and not path.is_dir():
        msg = f"{path} is a file; this format is a folder."
        raise InvalidValueError(msg)
