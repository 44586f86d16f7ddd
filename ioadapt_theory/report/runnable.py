"""A model that runs, from its folder: what transformers and diffusers save, read without the network."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.errors import FileFormatError, InvalidValueError


def load_model(folder: Path | str) -> nn.Module:
    """The model that a folder's config.json names, in evaluation mode; code in the folder is not run.

    Raises:
        InvalidValueError: no such folder, it is a whole pipeline, or the library is not installed.
        FileFormatError: the config names no class of diffusers or transformers.
    """
    folder = Path(folder)
    if (folder / "model_index.json").is_file():
        parts = sorted(p.name for p in folder.iterdir() if (p / "config.json").is_file())
        msg = f"{folder} is a pipeline; give the folder of one of its models: {', '.join(parts)}."
        raise InvalidValueError(msg)
    config = folder / "config.json"
    if not config.is_file():
        msg = (
            f"--inputs runs both models, which takes folders of transformers or diffusers; {folder} has no config.json."
        )
        raise InvalidValueError(msg)
    try:
        told = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{config} is not JSON: {error}."
        raise FileFormatError(msg) from None
    library, named = (
        ("diffusers", [told["_class_name"]]) if "_class_name" in told else ("transformers", told.get("architectures"))
    )
    try:
        module = __import__(library)
    except ImportError as error:
        msg = f"{folder} is a model of {library}, which is not installed: pip install {library}."
        raise InvalidValueError(msg) from error
    kind: Any = getattr(module, str(named[0]), None) if isinstance(named, list) and named else None
    if not hasattr(kind, "from_pretrained"):
        msg = f"{config} names {named!r}, which is no model of {library}."
        raise FileFormatError(msg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: nn.Module = kind.from_pretrained(str(folder), local_files_only=True)
    return model.eval()


def read_inputs(path: Path | str, size: int = 8) -> Iterator[dict[str, Tensor]]:
    """Batches of a file's tensors, by the names of the model's arguments: a .safetensors or .npz file.

    Tensors that have as many rows as the first are cut into batches of ``size`` rows; others go whole to every batch.

    Raises:
        FileFormatError: the file is neither, or holds nothing.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors = load_file(path)
        else:
            import numpy as np

            with np.load(path, allow_pickle=False) as stored:
                tensors = {key: torch.from_numpy(stored[key]) for key in stored.files}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        msg = f"{path} is not a batch of inputs, a .safetensors or .npz file of named tensors: {error}."
        raise FileFormatError(msg) from None
    if not tensors:
        msg = f"{path} holds no tensors; a batch has one for each argument of the model."
        raise FileFormatError(msg)
    rows = next((len(t) for t in tensors.values() if t.ndim), 1)
    for start in range(0, rows, size):
        yield {k: t[start : start + size] if t.ndim and len(t) == rows else t for k, t in tensors.items()}
