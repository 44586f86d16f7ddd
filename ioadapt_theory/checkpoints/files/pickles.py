"""PyTorch pickles (.bin, .pt, .pth, .ckpt, .tar), weights only: mapped from a zip, older ones in memory."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint, Computed, TensorInfo
from ioadapt_theory.checkpoints.files.plain import PlainFile
from ioadapt_theory.checkpoints.files.safe_pickle import load_pickle
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    import torch

WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "module", "params")
"""Keys under which training scripts keep the weights; optimizer and history beside them are left alone."""
MAX_DEPTH: Final = 4
"""Depth to which tables are followed."""
SMALLEST: Final = 32
"""Bytes of a file that a tensor, or anything else in a table, takes at least."""
READABLE: Final = frozenset(torch_name for torch_name, _ in DTYPES.values())
"""Names of the torch dtypes that can be compared; tensors of others (complex, quantised) are left out by name."""


class LoadedCheckpoint(Computed):
    """Tensors held in memory, or mapped from a file that has to stay as it is."""

    def __init__(self, file: PlainFile, values: Mapping[str, "torch.Tensor"], metadata: Mapping[str, str]) -> None:
        """Take the file, and its tensors as they are."""
        self.name, self.source, self.metadata = file.path.name.split(".")[0], str(file.path), metadata
        self.tensors = {key: describe(key, value) for key, value in values.items()}
        self._file, self._values = file, dict(values)

    def make(self, name: str) -> "torch.Tensor":
        """See `Computed.make`."""
        return self._values[name]

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        """See `Checkpoint.bytes_of`."""
        fill = super().bytes_of(name)

        def fill_if_whole(into: memoryview, start: int) -> None:
            self._file.require_whole(f"tensor {name}")
            fill(into, start)

        return fill_if_whole

    def close(self) -> None:
        """Let the tensors go."""
        self._values, self._last = {}, None
        self._file.close()


def describe(name: str, tensor: "torch.Tensor") -> TensorInfo:
    """Return name, dtype code and shape of a tensor."""
    code = next(c for c, (torch_name, _) in DTYPES.items() if f"torch.{torch_name}" == str(tensor.dtype))
    return TensorInfo(name, code, tuple(tensor.shape))


def read(file: PlainFile) -> Checkpoint:
    """Return the tensors of an open file; one that holds no named tensors, or less than it says, is refused."""
    tensors, left_out = named_tensors(load_pickle(file.path), file.path)
    for name, tensor in tensors.items():
        there, size = tensor.untyped_storage().nbytes(), tensor.element_size()
        if tensor.numel() * size > there:
            msg = f"{file.path} holds {there // size} of the {tensor.numel()} values of tensor {name}, shape "
            msg += f"{list(tensor.shape)} (it was expanded). Save the state_dict with .contiguous() tensors."
            raise FileFormatError(msg)
    return LoadedCheckpoint(file, tensors, {"left_out": ", ".join(left_out)} if left_out else {})


def named_tensors(loaded: object, path: Path) -> tuple[dict[str, "torch.Tensor"], list[str]]:
    """Return the table of weights in what was loaded from a file, and the names of what cannot be read."""
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
        if str(value.layout) == "torch.strided" and dtype in READABLE and not value.is_meta:
            tensors[key] = value
        else:
            left_out.append(key)
    if not tensors or not all(key.isprintable() for key in tensors):
        kind = type(loaded).__name__
        msg = f"{path} holds no table of named tensors (it holds a {kind}). Save the model's state_dict() instead."
        if left_out and not tensors:
            msg = f"{path}: tensor {left_out[0]} has no content, or is of a kind that cannot be read."
        raise FileFormatError(msg)
    return tensors, left_out


def _entries(loaded: object, prefix: str, depth: int) -> Iterator[tuple[str, "torch.Tensor | None"]]:
    """Yield (dotted name, tensor) of nested tables, None for what is no tensor; a table may contain itself."""
    import torch

    if isinstance(loaded, dict) and depth:
        for key, value in loaded.items():
            tensor = isinstance(value, torch.Tensor)
            yield f"{prefix}{key}", value if tensor else None
            if not tensor:
                yield from _entries(value, f"{prefix}{key}.", depth - 1)
