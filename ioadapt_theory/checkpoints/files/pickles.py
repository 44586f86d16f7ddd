"""Weights in PyTorch pickles (.bin, .pt, .pth, .ckpt, .pth.tar), read by torch.load with weights_only=True.

No code is executed. Zip files are memory-mapped. Classes that tensors do not need, such as those of a training
configuration, are never imported, but replaced with inert stubs.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.checkpoints.checkpoint import READABLE, Checkpoint, InMemory
from ioadapt_theory.errors import FileFormatError, printable

if TYPE_CHECKING:
    import torch

WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "module", "params")
"""Keys under which training scripts store the weights; other entries, such as the optimizer, are ignored."""
MAX_DEPTH: Final = 4
"""Depth of nested dictionaries in a pickle up to which tensors are read."""


class Inert:
    """A stub for a class that tensors do not need; it ignores its arguments and state."""

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def read(path: Path) -> Checkpoint:
    tensors, left_out = named_tensors(load_pickle(path), path)
    opened = InMemory(path.name.split(".")[0], str(path), tensors)
    opened.metadata = {"left_out": ", ".join(left_out)} if left_out else {}
    return opened


def load_pickle(path: Path) -> object:
    """Return the content of a PyTorch pickle; raise FileFormatError if it is invalid. Zip files are memory-mapped."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):
            names = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the format before torch 1.6, or a broken file: torch.load gives the reason
        names = set()
    inert: list[Any] = [(Inert, name) for name in names]
    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(inert):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a malicious or broken file can make torch.load raise any error
        text = printable(str(error)).replace("\t", "\\t")
        code = re.findall(r"GLOBAL (\S+) (?:was not|whose module)", text)
        inner = re.sub(r"^\[enforce.*?\] \. ", "", text.rpartition("WeightsUnpickler error:")[2].strip())
        inner = re.split(r"\. |\.?\n|\.$", inner)[0]
        reason = f"{type(error).__name__}: {inner}".removesuffix(": ")
        again = "Delete it and download it again."
        msg = f"{path} is truncated, broken or not a PyTorch pickle of weights ({reason}). {again}"
        if "TorchScript" in text:
            msg = f"{path} is a TorchScript program, not a pickle of weights. Save its state_dict() instead."
        elif code or (names and "Can only" in text):
            some = ", ".join(code or [ascii(name)[1:-1] for name in sorted(names)][:3])
            msg = f"{path} contains code or custom classes ({some}), which were not executed. "
            msg += "Save the model's state_dict() instead."
        raise FileFormatError(msg) from error


def named_tensors(loaded: object, path: Path) -> tuple[dict[str, "torch.Tensor"], dict[str, str]]:
    """Return the tensors by name, and the properties of tensors that cannot be read, also by name."""
    for _ in range(MAX_DEPTH):
        table = loaded if isinstance(loaded, dict) else {}
        loaded = next((table[key] for key in WRAPPERS if isinstance(table.get(key), dict)), loaded)
    tensors: dict[str, torch.Tensor] = {}
    left_out: dict[str, str] = {}
    for key, value in _entries(loaded, "", MAX_DEPTH):
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


def _entries(loaded: object, prefix: str, depth: int) -> Iterator[tuple[str, "torch.Tensor"]]:
    """Yield the dotted name and the value of each tensor in nested dictionaries."""
    import torch

    if isinstance(loaded, dict) and depth:
        for key, value in loaded.items():
            if isinstance(value, torch.Tensor):
                yield f"{prefix}{key}", value
            else:
                yield from _entries(value, f"{prefix}{key}.", depth - 1)
