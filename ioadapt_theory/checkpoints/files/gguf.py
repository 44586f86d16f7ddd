"""GGUF files of llama.cpp: the library `gguf` tells the layout and undoes the quantisation, bytes are read by position.

Names of Llama's relatives become those of transformers, and the rows of their queries and keys go back to the order
that transformers has (llama.cpp pairs the two halves of every head). Other architectures keep GGUF's names.
"""

import math
import re
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.checkpoints.checkpoint import TensorInfo
from ioadapt_theory.checkpoints.files.computed import Computed
from ioadapt_theory.checkpoints.files.plain import PlainFile
from ioadapt_theory.errors import FileFormatError, MissingExtraError

if TYPE_CHECKING:
    import torch

RELATIVES: Final = ("llama", "mistral3", "qwen2", "qwen3")
"""Architectures whose blocks are those of Llama."""
TURNED: Final = ("llama", "mistral3")
"""Architectures whose queries and keys are in llama.cpp's order."""
NAMES: Final = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""Name of a module in GGUF -> in transformers, within its block or outside of all."""


class GgufCheckpoint(Computed):
    """The tensors of one file, each float32 when it is read."""

    def __init__(self, file: PlainFile, name: str, stored: dict[str, Any], heads: dict[str, int], kind: str) -> None:
        """Take the library's tensors by the names they get, and of turned ones how many heads they have."""
        self.name, self.source, self.revision = name, str(file.path), None
        kinds = sorted({t.tensor_type.name for t in stored.values()})
        self.metadata = {"architecture": kind, "quantised": f"{len(stored)} tensors by GGUF ({', '.join(kinds)})"}
        self.tensors = {
            new: TensorInfo(new, "F32", tuple(int(n) for n in reversed(t.shape))) for new, t in stored.items()
        }
        self._file, self._stored, self._heads = file, stored, heads

    def make(self, name: str) -> "torch.Tensor":
        """See `Computed.make`."""
        import numpy as np
        import torch
        from gguf import quants

        stored, shape = self._stored[name], self.tensors[name].shape
        content = bytearray(int(stored.n_bytes))
        self._file.fill(memoryview(content), int(stored.data_offset), f"tensor {name}")
        rows = np.frombuffer(content, np.uint8).reshape(*shape[:-1], -1)
        try:
            values = quants.dequantize(rows, stored.tensor_type).reshape(shape)
        except (NotImplementedError, ValueError) as error:
            msg = f"{self.source}: {name} of type {stored.tensor_type.name} cannot be made a weight ({error})."
            raise FileFormatError(msg) from error
        if heads := self._heads.get(name):
            values = values.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    def close(self) -> None:
        """Close the file."""
        self._last = None
        self._file.close()


def read(file: PlainFile, name: str | None) -> GgufCheckpoint:
    """See `readers.Read`."""
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise MissingExtraError("gguf", "gguf") from error
    try:
        told = GGUFReader(file.path)
        kind = _said(told, "general.architecture")
        tensors = {str(t.name): t for t in told.tensors}
        heads = {end: _said(told, f"{kind}.attention.{key}") for end, key in HEADS.items()} if kind in TURNED else {}
    except Exception as error:  # a broken file makes the library raise nearly anything
        reason = f"{type(error).__name__}: {str(error)[:80]}"
        msg = f"{file.path} is no whole GGUF file ({reason}). Delete it and download it again."
        raise FileFormatError(msg) from error
    stored, turned = {}, {}
    for old, tensor in tensors.items():
        shape = tuple(int(n) for n in tensor.shape)
        _require(file, old, tensor, shape)
        if tensor.tensor_type.name.startswith(("I8", "I16", "I32", "I64")):
            continue
        new = _renamed(old) if kind in RELATIVES else old
        stored[new] = tensor
        end = old.split(".")[-2] if "." in old else ""
        if (count := heads.get(end)) is not None:
            if type(count) is not int or count < 1 or not shape or shape[-1] % (2 * count):
                msg = f"{file.path} gives {count} heads, which do not divide {old} of shape {list(reversed(shape))}."
                raise FileFormatError(msg)
            turned[new] = count
    if not stored:
        msg = f"{file.path} holds no weights, only what GGUF says beside them. Take the file of the model itself."
        raise FileFormatError(msg)
    return GgufCheckpoint(file, name or file.path.stem, stored, turned, str(kind))


HEADS: Final = {"attn_q": "head_count", "attn_k": "head_count_kv"}
"""Module whose rows are turned -> key that says of how many heads it is."""


def _said(told: Any, key: str) -> Any:
    """What a file says under a key, None if nothing."""
    field = told.get_field(key)
    return None if field is None else field.contents()


def _require(file: PlainFile, name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    """Refuse a tensor that lies outside the file, has too few bytes, or a name that cannot be printed."""
    end = int(tensor.data_offset) + int(tensor.n_bytes)
    if not name.isprintable() or not all(shape) or end > file.size or math.prod(shape) > 64 * file.size:
        msg = f"{file.path} gives tensor {name!r} the shape {list(shape)} and bytes up to {end} of {file.size}. "
        msg += "Delete it and download it again."
        raise FileFormatError(msg)


def _renamed(name: str) -> str:
    block = re.fullmatch(r"blk\.(\d+)\.(\w+)\.(\w+)", name)
    module, _, end = name.rpartition(".")
    if block and block[2] in NAMES:
        return f"model.layers.{block[1]}.{NAMES[block[2]]}.{block[3]}"
    return f"{NAMES[module]}.{end}" if module in NAMES else name
