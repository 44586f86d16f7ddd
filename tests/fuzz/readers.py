"""File readers as functions of arbitrary bytes; they return, or raise an error of one sentence."""

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import save_file

from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.claims.instances import load
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.formats import open_adapter

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 1 << 16
"""Maximum number of value bytes that a header may announce; the values of larger files are not written."""


def checkpoint(data: bytes, folder: Path, name: str = "x.safetensors") -> None:
    (folder / name).write_bytes(data)
    open_file(folder / name).close()


def pickle(data: bytes, folder: Path) -> None:
    checkpoint(data, folder, "x.bin")


def instance(data: bytes, folder: Path) -> None:
    (folder / "x.json").write_bytes(data)
    load(folder / "x.json")


def adapter(data: bytes, folder: Path) -> None:
    """Read an adapter file with the header ``data``, followed by as many zeros as the header announces."""
    size = 0
    with suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
        size = max(entry["data_offsets"][1] for key, entry in json.loads(data).items() if key != "__metadata__")
    zeros = bytes(size) if isinstance(size, int) and 0 <= size <= LONGEST else b""
    (folder / "x.safetensors").write_bytes(struct.pack("<Q", len(data)) + data + zeros)
    open_adapter(folder / "x.safetensors").check()


def config(data: bytes, folder: Path) -> None:
    tensors = {
        "base_model.model.a.lora_A.weight": torch.zeros(2, 4),
        "base_model.model.a.lora_B.weight": torch.zeros(6, 2),
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_bytes(data)
    open_adapter(folder).check()


READERS: dict[str, Callable[[bytes, Path], None]] = {
    reader.__name__: reader for reader in (checkpoint, pickle, instance, adapter, config)
}


def attempt(name: str, data: bytes, folder: Path) -> str | None:
    """Return the message of the error, or None for a valid file; an unexpected exception is a defect of the reader."""
    try:
        READERS[name](data, folder)
    except IoAdaptError as error:
        return str(error)
    return None
