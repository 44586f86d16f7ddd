"""Unlabelled inputs for two models, read from a file of tensors or text; for prompts see ``prompts``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ioadapt_theory.effect.pairing import Pairing, paired, paired_tokens
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.models.guests import guest, load_tokenizer

TENSORS = (".safetensors", ".npz")
LENGTH, SHORTEST, ROWS = 128, 8, 64
"""Default and minimum number of tokens in a row; rows are shorter if a text is too short for this number of rows."""
ENTRIES = 1 << 29
"""Largest number of entries of the outputs on a text, rows x tokens x vocabulary; fewer rows are taken beyond it."""
UNPACKED, FACTOR = 200_000_000, 10
"""Largest size in bytes of the arrays of an .npz file, of which as many times the size of the file is added."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Inputs of two models.

    Attributes:
        source: batches for the source.
        target: batches for the target; None: the same.
        call: function that runs a model on a batch, if needed.
        need: what the models need, if the inputs tell; see ``transfer``.
        pairing: how two different tokenizers are paired.
    """

    source: list[Any]
    target: list[Any] | None = None
    call: Call | None = None
    need: str | None = None
    pairing: Pairing | None = None


def read_both(
    path: Path, source: tuple[str, nn.Module], target: tuple[str, nn.Module], *, rows: int, length: int | None = None
) -> Batches:
    """Return inputs of both models, each given by its location and itself; texts are paired if tokenizers differ."""
    # ``path``: a .safetensors or .npz file with a tensor for each argument of the model, of which at most ``rows`` rows
    # are used (all if their numbers differ), or for models with a tokenizer a text file, in rows of ``length`` tokens
    if path.suffix in TENSORS:
        return Batches([_tensors(path, rows)])
    text = read_text(path, "text, .safetensors or .npz file")
    if not text.strip():
        msg = f"{path} contains no text; give a file with text."
        raise FileFormatError(msg)
    (folder, model), (other, _) = source, target
    longest = _positions(model, target[1])
    one, two = (load_tokenizer(name, "give the inputs as tensors in a .safetensors file") for name in (folder, other))
    (ids, places), (others, _) = _read(folder, one, path, text), _read(other, two, path, text)
    if torch.equal(ids, others):
        size: int = getattr(getattr(model, "config", None), "vocab_size", None) or len(one)
        starts, length = _rows(path, len(ids), size, rows, length, longest)
        return Batches([{"input_ids": ids[starts[:, None] + torch.arange(length)]}])
    tokens = paired_tokens(one, two)
    starts, length = _rows(path, len(ids), len(tokens) + 1, rows, length, longest)
    texts = [text[places[k][0] : places[k + length - 1][1]] for k in starts.tolist()]
    pairing = paired(texts, one, two, tokens)
    return Batches([pairing.source], [pairing.target], pairing.call, "labels", pairing)


def read_text(path: Path, kind: str) -> str:
    """Read a text file; the FileFormatError for another file asks for a file of this ``kind``."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read ({getattr(error, 'strerror', error)}); give a {kind}."
        raise FileFormatError(msg) from None


def _tensors(path: Path, rows: int) -> dict[str, Any]:
    """Return at most ``rows`` rows of each tensor in a file, or all rows if their numbers of rows differ."""
    try:
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            _require_small(path)
            with np.load(path, allow_pickle=False) as stored:
                tensors = {key: torch.from_numpy(stored[key]) for key in stored.files}
    except FileFormatError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many types of errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        msg = f"{path} cannot be read as a .safetensors or .npz file of named tensors: {reason}."
        raise FileFormatError(msg) from None
    if len({len(t) if t.ndim else 1 for t in tensors.values()}) == 1:
        tensors = {key: t[:rows] if t.ndim else t for key, t in tensors.items()}
    nested: dict[str, Any] = {}
    for key, t in tensors.items():  # added_cond_kwargs.text_embeds is an entry of the argument added_cond_kwargs
        outer, _, inner = key.partition(".")
        nested |= {outer: {**nested.get(outer, {}), inner: t}} if inner else {key: t}
    return nested


def _require_small(path: Path) -> None:
    """Raise FileFormatError if an archive unpacks to much more than its size, before any of it is unpacked."""
    with ZipFile(path) as archive:
        size = sum(item.file_size for item in archive.infolist())
    most = UNPACKED + FACTOR * path.stat().st_size
    if size > most:
        msg = f"{path} unpacks to {size / 1e6:.0f} MB, more than {most / 1e6:.0f} MB; save it without compression."
        raise FileFormatError(msg)


def _read(folder: str, tokenizer: Any, path: Path, text: str) -> tuple[Tensor, list[tuple[int, int]]]:
    """Return the ids of a text's tokens and, from a fast tokenizer, their first characters and ends."""
    with guest(f"{folder} has a tokenizer that fails on {path}", "transformers"):
        fast = getattr(tokenizer, "is_fast", False)
        read = tokenizer(text, truncation=False, verbose=False, return_offsets_mapping=fast)
        return torch.tensor(read["input_ids"]), read.get("offset_mapping", [])


def _positions(*models: nn.Module) -> int:
    """Return the largest number of tokens in a row that all models are made for."""
    found = (getattr(getattr(model, "config", None), "max_position_embeddings", None) for model in models)
    return min((n for n in found if isinstance(n, int) and n > 0), default=1 << 30)


def _rows(path: Path, tokens: int, classes: int, rows: int, length: int | None, longest: int) -> tuple[Tensor, int]:
    """Return where rows of one length start, spread evenly over the text, and the length; see ``ENTRIES``."""
    if length is not None and not 1 <= length <= longest:
        limit = f" and at most {longest}, as a model has so many positions" if length > longest else ""
        msg = f"The length of a row must be at least 1 token{limit}, not {length}."
        raise InvalidValueError(msg)
    least = 3 * (length or SHORTEST)
    if tokens < least:  # `transfer` divides the rows into three parts
        msg = f"{path} must have at least {least} tokens, not {tokens}; give a longer text."
        raise InvalidValueError(msg)
    length = length or min(LENGTH, longest, max(SHORTEST, tokens // ROWS))
    most = tokens // length
    count = min(rows, most, max(ROWS // 2, ENTRIES // (length * classes)))
    return torch.linspace(0, most - 1, count).round().long() * length, length
