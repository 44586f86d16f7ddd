"""Files of tensors and of JSON: opened lazily and never trusted."""

import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ioadapt_theory.errors import FileFormatError

PICKLES = (".bin", ".pt", ".pth", ".ckpt")
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""What the header calls the types that torch converts to float32."""

LONGEST_NAME = 1000


class TensorFile:
    """A safetensors file (mapped, read tensor by tensor) or a pickle of tensors (weights only, read at once).

    Attributes:
        path: where it is.
        shapes: name -> shape, for every tensor.
        metadata: the header's strings.
    """

    def __init__(self, path: Path) -> None:
        """Open the file; what its header says is known then, its numbers are read when asked for.

        Raises:
            FileFormatError: missing, truncated, not a file of tensors, or a pickle of anything else.
        """
        self.path = path
        self.metadata: dict[str, str] = {}
        self._pickled = _unpickle(path) if path.suffix in PICKLES else None
        if self._pickled is not None:
            self.shapes = {name: tuple(t.shape) for name, t in self._pickled.items()}
            self._integers = {name: f"{t.dtype}" for name, t in self._pickled.items() if not t.is_floating_point()}
            self._require_names()
            return
        require_file(path)
        with _sentence(path, "not a complete safetensors file"):
            self._file = cast("Any", safe_open(path, "pt"))  # kept open: a file can have thousands of tensors
            self.metadata = dict(self._file.metadata() or {})
            slices = {name: self._file.get_slice(name) for name in self._file.keys()}
            self.shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            types = {name: str(part.get_dtype()) for name, part in slices.items()}
            self._integers = {name: code for name, code in types.items() if code not in FLOATS}
        self._require_names()

    def _require_names(self) -> None:
        """Refuse names that no model has and no sentence could hold."""
        for name in self.shapes:
            if not is_name(name):
                msg = f"{self.path}: {name[:60]!r} cannot name a tensor: {len(name)} characters, or unprintable ones."
                raise FileFormatError(msg)

    def require_floats(self, names: Iterable[str]) -> None:
        """Refuse integers by the header alone.

        Raises:
            FileFormatError: one of these tensors is of another type, and no single number.
        """
        for name in names:
            if name in self._integers and math.prod(self.shapes[name]) > 1:
                msg = f"{self.path}: tensor {name} has to be floating point, found {self._integers[name]}."
                raise FileFormatError(msg)

    def stored(self, name: str) -> Tensor:
        """One tensor as it is stored, not mapped any more.

        Raises:
            FileFormatError: not finite.
        """
        if self._pickled is not None:
            tensor = self._pickled[name]
        else:
            with _sentence(self.path, f"tensor {name} cannot be read"):
                tensor = self._file.get_tensor(name).clone()
        whole = tensor if tensor.dtype is torch.float64 else tensor.float()  # not all types of 8 bits know isfinite
        if not whole.isfinite().all():
            msg = f"{self.path}: tensor {name} has to be finite, found NaN or infinity."
            raise FileFormatError(msg)
        return tensor

    def __getitem__(self, name: str) -> Tensor:
        """One tensor, in float32 where it is stored in less.

        Raises:
            FileFormatError: not floating point, or not finite.
        """
        self.require_floats([name])
        tensor = self.stored(name)
        return tensor.to(torch.float64 if tensor.dtype is torch.float64 else torch.float32)


def is_name(text: object) -> bool:
    """Whether a model can have this name, and a sentence: escape sequences would reach the terminal."""
    return isinstance(text, str) and len(text) <= LONGEST_NAME and text.isprintable()


def require_file(path: Path) -> None:
    """Refuse pipes and devices, which could keep one waiting for ever; what is missing is told when it is opened.

    Raises:
        FileFormatError: something else than a file or folder.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        msg = f"{path}: not a regular file."
        raise FileFormatError(msg)


def read_json(path: Path, missing: str = "no such file") -> Any:
    """The content of a JSON file.

    Raises:
        FileFormatError: missing, not readable, or not JSON.
    """
    require_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"{path}: {missing}."
        raise FileFormatError(msg) from None
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: not readable as JSON: {error}."
        raise FileFormatError(msg) from None


@contextmanager
def _sentence(path: Path, what: str) -> Iterator[None]:
    """Whatever safetensors and the system raise about a file, as one sentence."""
    try:
        yield
    except FileNotFoundError:
        msg = f"{path}: no such file."
        raise FileFormatError(msg) from None
    except (OSError, SafetensorError, ValueError) as error:
        msg = f"{path}: {what}: {str(error).splitlines()[0]}."
        raise FileFormatError(msg) from None


def _unpickle(path: Path) -> dict[str, Tensor]:
    require_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old protocols and storages
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        msg = f"{path}: no such file."
        raise FileFormatError(msg) from None
    except Exception:  # whatever unpickling hostile bytes can raise; torch's own advice is to trust the file
        msg = f"{path}: not a whole file of tensors alone; nothing else is read from a pickle."
        raise FileFormatError(msg) from None
    inner = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(inner, dict) or not all(isinstance(k, str) for k in inner):
        msg = f"{path}: has to be a mapping of names to tensors, found a {type(inner).__name__}."
        raise FileFormatError(msg)
    return {
        name: t for name, t in inner.items() if isinstance(t, Tensor) and t.layout is torch.strided and not t.is_meta
    }
