"""Weights in PyTorch pickles (.bin, .pt, .pth, .ckpt, .pth.tar).

Zip files are memory-mapped. Files in the format before torch 1.6 are loaded into memory.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.files.plain import PlainFile
from ioadapt_theory.checkpoints.files.safe_pickle import Inert, load_pickle
from ioadapt_theory.checkpoints.memory import READABLE, InMemory
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    import torch

WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "module", "params")
"""Keys under which training scripts store the weights; other entries, such as the optimizer, are ignored."""
MAX_DEPTH: Final = 4
"""Depth of nested dictionaries in a pickle up to which tensors are read."""
SMALLEST: Final = 32
"""Minimum number of bytes in the file for each entry of a dictionary after the first 64."""


class LoadedCheckpoint(InMemory):
    """Tensors in memory, or memory-mapped from a file that must not change."""

    def __init__(self, file: PlainFile, values: Mapping[str, "torch.Tensor"], metadata: Mapping[str, str]) -> None:
        super().__init__(file.path.name.split(".")[0], str(file.path), values)
        self.metadata, self._file = metadata, file

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        fill = super().bytes_of(name)

        def fill_checked(into: memoryview, start: int) -> None:
            self._file.require_whole(f"tensor {name}")
            fill(into, start)

        return fill_checked

    def close(self) -> None:
        self.values = {}
        self._file.close()


def read(file: PlainFile) -> Checkpoint:
    tensors, left_out = named_tensors(load_pickle(file.path), file.path)
    for name, tensor in tensors.items():
        there, size = tensor.untyped_storage().nbytes(), tensor.element_size()
        if tensor.numel() * size > there:
            msg = f"{file.path} contains only {there // size} of {tensor.numel()} values of tensor {name}, which was"
            msg += f" expanded to shape {list(tensor.shape)}. Call .contiguous() on the tensor before saving."
            raise FileFormatError(msg)
    return LoadedCheckpoint(file, tensors, {"left_out": ", ".join(left_out)} if left_out else {})


def named_tensors(loaded: object, path: Path) -> tuple[dict[str, "torch.Tensor"], dict[str, str]]:
    """Return the tensors by name, and the properties of tensors that cannot be read, also by name."""
    for _ in range(MAX_DEPTH):
        table = loaded if isinstance(loaded, dict) else {}
        loaded = next((table[key] for key in WRAPPERS if isinstance(table.get(key), dict)), loaded)
    tensors: dict[str, torch.Tensor] = {}
    left_out: dict[str, str] = {}
    most = path.stat().st_size // SMALLEST + 64
    for count, (key, value) in enumerate(_entries(loaded, "", MAX_DEPTH)):
        if count > most:
            msg = f"{path} has more than {most} entries, too many for its size. Save only the model's state_dict()."
            raise FileFormatError(msg)
        if value is None:
            continue
        if str(value.layout) == "torch.strided" and str(value.dtype) in READABLE and not value.is_meta:
            tensors[key] = value
        else:
            dtype = str(value.dtype).removeprefix("torch.")
            left_out[key] = f"layout {value.layout}, dtype {dtype}, device {value.device}"
    if not tensors or not all(key.isprintable() for key in tensors):
        kind = "a custom class" if isinstance(loaded, Inert) else f"type {type(loaded).__name__}"
        msg = f"{path} contains an object of {kind} without named tensors. Save the model's state_dict() instead."
        if tensors:
            odd = next(key for key in tensors if not key.isprintable())
            msg = f"{path}: the name of tensor {odd!r} has unprintable characters; rename the tensor."
        elif left_out:
            name, why = next(iter(left_out.items()))
            msg = f"{path} has no tensor that can be read: {name} has {why}. Save dense float32 tensors on the CPU."
        raise FileFormatError(msg)
    return tensors, left_out


def _entries(loaded: object, prefix: str, depth: int) -> Iterator[tuple[str, "torch.Tensor | None"]]:
    """Yield the dotted name of each entry of nested dictionaries, with its tensor, or None if it is something else."""
    import torch

    if isinstance(loaded, dict) and depth:
        for key, value in loaded.items():
            tensor = isinstance(value, torch.Tensor)
            yield f"{prefix}{key}", value if tensor else None
            if not tensor:
                yield from _entries(value, f"{prefix}{key}.", depth - 1)
