"""torch.load for files from strangers: weights only, nothing is executed, every failure is one sentence."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.errors import FileFormatError

INERT_NAMES: Final = (
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.dtypes.Float64DType",
)
"""Names beside the weights in the official v1-5-pruned*.ckpt and in training histories; `Inert` takes their place."""


class Inert:
    """Stands in for an object that is not a weight: takes whatever it is built from, and does nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> "Inert":
        """Ignore the arguments."""
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def load_weights_only(path: Path, device: str, *, mmap: bool = False) -> object:
    """Return what the pickle holds, on the device `meta` (names and shapes only) or `cpu`; `mmap` maps the values.

    Raises:
        FileFormatError: If it is cut, broken, another kind of file, or names code; with the names.
    """
    import torch

    inert: list[Any] = [(Inert, full) for full in INERT_NAMES]
    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(inert):
            return torch.load(path, map_location=device, weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        code = _code_names(path, str(error))
        msg = f"{path} is not a PyTorch pickle of weights. Was it cut, or is it another kind of file?"
        if code:
            msg = f"{path} contains code ({code}), not only weights: refused, nothing of it was run."
        raise FileFormatError(msg) from error
    except Exception as error:  # a hostile or broken file makes torch.load raise nearly anything
        reason = f"{type(error).__name__}: {str(error).split('. ')[0].splitlines()[0] if str(error) else ''}"
        msg = f"{path} is cut, broken or no PyTorch file ({reason}). Delete it and download it again."
        if "TorchScript" in str(error):
            msg = f"{path} is a TorchScript program, not a pickle of weights: refused. Save its state_dict() instead."
        raise FileFormatError(msg) from error


def _code_names(path: Path, error: str) -> str:
    """Name functions and classes in a pickle that are not weights, as in 'os.system, ...'; '' if there are none."""
    import torch

    try:
        found = set(torch.serialization.get_unsafe_globals_in_checkpoint(path)) - set(INERT_NAMES)
    except Exception:  # the format before torch 1.6, or a broken file: torch's own message names the first one
        found = set(re.findall(r"GLOBAL (\w[\w.]*\w)", error))
    return ", ".join(sorted(found)[:3] + (["..."] if len(found) > 3 else []))
