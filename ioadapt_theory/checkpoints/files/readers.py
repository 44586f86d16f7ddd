"""The reader for each type of weights file, chosen by the extension; safetensors are read with their library."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, OTHER_DTYPES, Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.files import pickles
from ioadapt_theory.checkpoints.files.plain import size_of
from ioadapt_theory.errors import FileFormatError, UnsupportedError

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


READERS: Final[Mapping[str, Callable[[Path], Checkpoint]]] = {
    ".safetensors": Safetensors,
    **dict.fromkeys((".bin", ".pt", ".pth", ".ckpt", ".pth.tar"), pickles.read),
}
"""Extension -> the function that opens a file; files with other extensions are read as safetensors."""

SUFFIXES: Final = tuple(READERS)

QUANTISED: Final = {
    "qweight": "GPTQ or AWQ", "absmax": "bitsandbytes", "SCB": "bitsandbytes", "weight_packed": "compressed-tensors",
    "weight_scale": "compressed-tensors or fp8", "weight_scale_inv": "fp8 in blocks", "weight_scale_2": "NVFP4",
    "scale_weight": "ComfyUI's fp8", "codebooks": "AQLM", "Qidxs": "QuIP#", "trellis": "EXL3", "q_weight": "EXL2",
    "W_q": "HQQ", "proj_blocks": "MXFP4",
}  # fmt: skip
"""Last part of a tensor's name -> the quantisation that it indicates."""


def is_weights(name: str) -> bool:
    return name.endswith(SUFFIXES)


def is_file(part: str) -> bool:
    """Return whether a path has the extension of a weights file or of an index; other paths are treated as folders."""
    return part.endswith((*SUFFIXES, ".json"))


def open_file(path: Path) -> Checkpoint:
    """Open a file of weights; raise UnsupportedError if they are quantised, FileFormatError if the file is invalid."""
    _refuse_other_kinds(path)
    opened = next((read for end, read in READERS.items() if path.name.endswith(end)), Safetensors)(path)
    for name in opened.tensors:
        if by := QUANTISED.get(name.rpartition(".")[2]):
            msg = f"{opened.source} has a quantisation that is not supported (tensor {name}: {by}). Use the unquantised"
            msg += " model, or load this one with transformers, call model.dequantize() and save the result."
            raise UnsupportedError(msg)
    return opened


def _refuse_other_kinds(path: Path) -> None:
    size, again = size_of(path), "Delete it and download it again."
    with path.open("rb") as file:
        start = file.read(200)
    if size == 0:
        problem = f"empty. {again}"
    elif start.startswith(b"version https://git-lfs"):
        target = re.search(rb"\nsize (\d+)", start)
        to = f" to {target[1].decode()} bytes" if target else ""
        problem = f"a git-LFS pointer{to}, not the weights. Run `git lfs pull` in its repository."
    elif re.match(rb"\s*<[!?A-Za-z]", start):
        problem = f"a web page, not weights (a login or error page?). {again}"
    elif start.startswith(b"PK") and path.suffix == ".safetensors":
        problem = "a zip file, not a safetensors file. If it is a PyTorch pickle, rename it to .bin."
    elif start.startswith(b"GGUF") or path.suffix == ".gguf":
        problem = "a GGUF file, which is not supported. Use the safetensors file that it was converted from."
    else:
        return
    msg = f"{path} is {problem}"
    raise FileFormatError(msg)
