"""Safetensors files, read with the library of this name."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, OTHER_DTYPES, Checkpoint, TensorInfo
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    import torch

MAX_AXES: Final = 64
"""Maximum number of axes of a tensor in torch."""


class Safetensors(Checkpoint):
    """An open safetensors file; its values are memory-mapped."""

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        self.name, self.source = path.stem, str(path)
        try:
            opened: Any = safe_open
            self._file = opened(path, framework="pt")
            self.metadata = self._file.metadata() or {}
            keys = getattr(self._file, "offset_keys", self._file.keys)()  # in the order of the file since 0.5.3
            slices = {key: self._file.get_slice(key) for key in keys}
        except (SafetensorError, ValueError) as error:
            reason = str(error).removeprefix("Error while deserializing header: ")[:200]
            msg = f"{path} is truncated or has a broken header ({reason}). Delete it and download it again."
            raise FileFormatError(msg) from error
        self.tensors = {key: _info(key, one.get_dtype(), one.get_shape(), path) for key, one in slices.items()}

    def stored(self, name: str) -> "torch.Tensor":
        tensor: torch.Tensor = self._file.get_tensor(name)
        return tensor

    def close(self) -> None:
        self._file = None


def _info(name: str, dtype: str, shape: list[int], path: Path) -> TensorInfo:
    problem = ""
    if not name.isprintable():
        problem = "a name with unprintable characters. Rename the tensor"
    elif dtype not in {*DTYPES, *OTHER_DTYPES}:
        problem = f"the unknown dtype {dtype!r}. Convert the tensor to float32"
    elif len(shape) > MAX_AXES:
        problem = f"shape {shape!r:.80}, of more than {MAX_AXES} axes. Save the file again"
    if problem:
        msg = f"{path}: tensor {name!r} has {problem}."
        raise FileFormatError(msg)
    return TensorInfo(name, dtype, tuple(shape))
