"""File readers as functions of arbitrary bytes; they return, or raise an error of one sentence."""

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.claims.instances import load
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.formats import open_adapter
from ioadapt_theory.maps.model_map import ModelMap
from ioadapt_theory.models.inputs import read_both
from ioadapt_theory.models.load import load_model

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


def with_values(data: bytes, folder: Path) -> None:
    """Write a safetensors file with the header ``data``, followed by as many zeros as the header announces."""
    size = 0
    with suppress(ValueError, TypeError, AttributeError, LookupError, RecursionError):
        size = max(entry["data_offsets"][1] for key, entry in json.loads(data).items() if key != "__metadata__")
    zeros = bytes(size) if isinstance(size, int) and 0 <= size <= LONGEST else b""
    (folder / "x.safetensors").write_bytes(struct.pack("<Q", len(data)) + data + zeros)


def adapter(data: bytes, folder: Path) -> None:
    """Read an adapter file with the header ``data``."""
    with_values(data, folder)
    open_adapter(folder / "x.safetensors").check()


def mapped(data: bytes, folder: Path) -> None:
    """Read the map of two models with the header ``data``."""
    with_values(data, folder)
    str(ModelMap.load(folder / "x.safetensors"))


def config(data: bytes, folder: Path) -> None:
    shapes = {"A": (2, 4), "B": (6, 2)}
    tensors = {f"base_model.model.a.lora_{end}.weight": torch.zeros(shape) for end, shape in shapes.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_bytes(data)
    open_adapter(folder).check()


def index(data: bytes, folder: Path) -> None:
    for shard in "ab":
        save_file({shard: torch.zeros(2, 3)}, folder / f"model-{shard}.safetensors")
    (folder / "model.safetensors.index.json").write_bytes(data)
    open_checkpoint(str(folder)).close()


def model(data: bytes, folder: Path) -> None:
    """Load a Llama of two layers with the configuration ``data``."""
    if not (folder / "model.safetensors").exists():
        config = json.loads((CORPUS / "model" / "whole.json").read_text())
        LlamaForCausalLM(LlamaConfig(**config)).save_pretrained(folder)
    (folder / "config.json").write_bytes(data)
    load_model(folder)


def tokenizer(data: bytes, folder: Path) -> None:
    """Tokenise a text with the tokenizer ``data``."""
    (folder / "tokenizer.json").write_bytes(data)
    _read(b"a b " * 200, folder / "x.txt")


def text(data: bytes, folder: Path) -> None:
    """Tokenise a text."""
    (folder / "tokenizer.json").write_bytes((CORPUS / "tokenizer" / "whole.json").read_bytes())
    _read(data, folder / "x.txt")


def arrays(data: bytes, folder: Path) -> None:
    _read(data, folder / "x.npz")


def _read(data: bytes, path: Path) -> None:
    path.with_name("tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    path.write_bytes(data)
    both = (str(path.parent), nn.Identity())
    read_both(path, both, both, rows=8)


READERS: dict[str, Callable[[bytes, Path], None]] = {
    reader.__name__: reader
    for reader in (checkpoint, pickle, instance, adapter, mapped, config, index, model, tokenizer, arrays, text)
}


def attempt(name: str, data: bytes, folder: Path) -> str | None:
    """Return the message of the error, or None for a valid file; an unexpected exception is a defect of the reader."""
    try:
        READERS[name](data, folder)
    except IoAdaptError as error:
        return str(error)
    return None
