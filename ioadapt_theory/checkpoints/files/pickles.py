"""PyTorch pickles (.bin, .pt, .pth, .ckpt, .tar): weights only, nothing in them is ever executed.

`torch.load(weights_only=True)` onto the meta device tells names, shapes and places without reading values; these are
then read by position as from a safetensors file. Files with strided views are mapped, and the format before torch 1.6
is loaded whole.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint, Computed, TensorInfo
from ioadapt_theory.checkpoints.files.plain import OffsetCheckpoint, PlainFile
from ioadapt_theory.checkpoints.files.weights_only import is_plain_zip, load_weights_only
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    import torch

WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "module", "params")
"""Keys under which training scripts keep the weights; optimizer and history beside them are left alone."""
MAX_DEPTH: Final = 4
"""Depth to which tables are followed."""
MOST_SHARED: Final = 64
"""Names under which the values of a file may be read, on average: tied layers are few."""
SMALLEST: Final = 32
"""Bytes of a file that a tensor, or anything else in a table, takes at least."""
READABLE: Final = frozenset(torch_name for torch_name, _ in DTYPES.values())
"""Names of the torch dtypes that can be compared; tensors of others (complex, quantised) are left out by name."""


class LoadedCheckpoint(Computed):
    """Tensors held in memory, or mapped from a file that has to stay as it is."""

    def __init__(
        self, name: str, file: PlainFile, values: Mapping[str, "torch.Tensor"], metadata: Mapping[str, str]
    ) -> None:
        """Take the tensors as they are, and the file they came from."""
        self.name, self.source, self.metadata = name, str(file.path), metadata
        self.tensors = {key: describe(key, value) for key, value in values.items()}
        self._file, self._values = file, dict(values)

    def make(self, name: str) -> "torch.Tensor":
        """See `Computed.make`."""
        self._file.require_whole(f"tensor {name}")
        return self._values[name]

    def close(self) -> None:
        """Let the tensors go."""
        self._values, self._last = {}, None
        self._file.close()


def describe(name: str, tensor: "torch.Tensor") -> TensorInfo:
    """Return name, dtype code and shape of a tensor."""
    code = next(c for c, (torch_name, _) in DTYPES.items() if f"torch.{torch_name}" == str(tensor.dtype))
    return TensorInfo(name, code, tuple(tensor.shape))


def read(file: PlainFile) -> Checkpoint:
    """Return the tensors of an open file; one that names code, or holds no named tensors, is refused."""
    path, name = file.path, file.path.name.split(".")[0]
    tensors, metadata = named_tensors(load_weights_only(path, "meta"), path, values=False)
    _refuse_more_than_is_there(tensors, file)
    plain = is_plain_zip(path, sys.byteorder)
    places = {key: (file, begin) for key, tensor in tensors.items() if (begin := _place(tensor)) is not None}
    if plain and len(places) == len(tensors):
        infos = {key: describe(key, value) for key, value in tensors.items()}
        return OffsetCheckpoint(name, str(path), infos, places, metadata)
    tensors, metadata = named_tensors(load_weights_only(path, "cpu", mmap=plain), path, values=True)
    return LoadedCheckpoint(name, file, tensors, metadata)


def _refuse_more_than_is_there(tensors: Mapping[str, "torch.Tensor"], file: PlainFile) -> None:
    """Refuse tensors that stand for more than what is stored: few bytes must not become many."""
    for name, tensor in tensors.items():
        there = tensor.untyped_storage().nbytes()
        if tensor.numel() * tensor.element_size() > there:
            shape, size = list(tensor.shape), tensor.element_size()
            msg = f"{file.path} holds {there // size} of the {tensor.numel()} values of tensor {name}, shape {shape} "
            msg += "(it was expanded). Save the state_dict with .contiguous() tensors."
            raise FileFormatError(msg)
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if total > MOST_SHARED * max(file.size, 1 << 20):
        msg = f"{file.path} has {file.size} bytes, but its tensors, which share storage, {total}: refused."
        raise FileFormatError(msg)


def named_tensors(loaded: object, path: Path, *, values: bool) -> tuple[dict[str, "torch.Tensor"], dict[str, str]]:
    """Return the table of weights in what was loaded from a file, with or without values, and what was left out."""
    for _ in range(MAX_DEPTH):
        table = loaded if isinstance(loaded, dict) else {}
        loaded = next((table[key] for key in WRAPPERS if isinstance(table.get(key), dict)), loaded)
    tensors: dict[str, torch.Tensor] = {}
    left_out: list[str] = []
    most = path.stat().st_size // SMALLEST + 64
    for count, (key, value) in enumerate(_entries(loaded, "", MAX_DEPTH)):
        if count > most:
            msg = f"{path} lists more tensors than a file of its size can hold (nested tables): refused."
            raise FileFormatError(msg)
        if value is None:
            continue
        dtype = str(value.dtype).removeprefix("torch.")
        if str(value.layout) == "torch.strided" and dtype in READABLE and not (values and value.is_meta):
            tensors[key] = value
        else:
            left_out.append(key)
    if not tensors or not all(key.isprintable() for key in tensors):
        kind = type(loaded).__name__
        msg = f"{path} holds no table of named tensors (it holds a {kind}). Save the model's state_dict() instead."
        if left_out and not tensors:
            msg = f"{path}: tensor {left_out[0]} has no content, or is of a kind that cannot be read."
        raise FileFormatError(msg)
    return tensors, {"left_out": ", ".join(left_out)} if left_out else {}


def _entries(loaded: object, prefix: str, depth: int) -> Iterator[tuple[str, "torch.Tensor | None"]]:
    """Yield (dotted name, tensor) of nested tables, None for what is no tensor; a table may contain itself."""
    import torch

    if isinstance(loaded, dict) and depth:
        for key, value in loaded.items():
            tensor = isinstance(value, torch.Tensor)
            yield f"{prefix}{key}", value if tensor else None
            if not tensor:
                yield from _entries(value, f"{prefix}{key}.", depth - 1)


def _place(tensor: "torch.Tensor") -> int | None:
    """Return the byte of a zip at which the values of a tensor on the meta device begin; None if they do not lie so."""
    offset = getattr(tensor.untyped_storage(), "_checkpoint_offset", None)  # set by torch.load
    if offset is None or not tensor.is_contiguous() or tensor.is_neg():
        return None
    return int(offset + tensor.storage_offset() * tensor.element_size())
