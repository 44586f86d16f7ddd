"""Sketches in a folder, a file a model, so that each checkpoint is read once and new ones join the old."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.renaming import as_modules
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.results import replacing
from ioadapt_theory.similarity.many.sketch import Part, Sketch, buckets_for, sketch

ENDING = ".sketch.safetensors"
KEY, FORMAT = "ioadapt.sketch", 1


def file_of(folder: Path, source: str) -> Path:
    """Where the sketch of a source is kept; its name is there to be read, a hash keeps names apart."""
    readable = re.sub(r"[^\w.@-]+", "_", source.strip("/"))[-60:]
    return folder / f"{readable}-{hashlib.sha256(source.encode()).hexdigest()[:10]}{ENDING}"


def save(made: Sketch, path: Path) -> None:
    """Write a sketch, whole or not at all."""
    tensors = {key: part.buckets for key, part in made.parts.items()}
    squares = {key: part.square.hex() for key, part in made.parts.items()}
    about = {"format": FORMAT, "name": made.name, "source": made.source, "buckets": made.buckets, "squares": squares}
    with replacing(path) as temporary:
        save_file(tensors, temporary, {KEY: json.dumps(about)})  # one key: several are written in any order


def load(path: Path) -> Sketch:
    """Read a sketch.

    Raises:
        FileFormatError: the file is none.
        SourceError: it cannot be read.
    """
    try:
        with safe_open(path, "numpy") as file:
            about = json.loads((file.metadata() or {})[KEY])
            parts = {k: Part(file.get_tensor(k), float.fromhex(about["squares"][k])) for k in file.keys()}
            made = Sketch(str(about["name"]), str(about["source"]), int(about["buckets"]), parts)
    except OSError as error:
        msg = f"Cannot read {path}: {error.strerror or error}."
        raise SourceError(msg) from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is not a sketch that can be read ({error}); delete it and make it anew."
        raise FileFormatError(msg) from None
    if about["format"] != FORMAT:
        msg = f"{path} is a sketch of version {about['format']}, and this is {FORMAT}; delete it and make it anew."
        raise FileFormatError(msg)
    if not all(np.isfinite(part.buckets).all() for part in parts.values()):
        msg = f"{path} holds numbers that are not finite; delete it and make it anew."
        raise FileFormatError(msg)
    return made


def sketch_one(folder: Path, buckets: int, source: str) -> Path:
    """Sketch a source unless that is done already; the file."""
    path = file_of(folder, source)
    if path.is_file():
        try:
            if load(path).buckets == buckets:
                return path
        except FileFormatError:
            pass  # made anew
    with open_checkpoint(source) as checkpoint:
        checkpoint.prepare()
        made = sketch(as_modules(checkpoint), buckets)
    save(replace(made, name=source), path)
    return path


def sketch_all(
    sources: Sequence[str], folder: Path, buckets: int | None = None, executor: Executor | None = None
) -> list[Path]:
    """Sketch what is not yet in the folder.

    Args:
        sources: as in ``open_checkpoint``.
        folder: where sketches are kept, made if it is missing.
        buckets: of a tensor; by default as those in the folder have, or what makes the first model's a few hundred kB.
        executor: shares the reading out, such as that of a Dask client.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if buckets is None:
        kept = in_folder(folder)
        if kept:
            buckets = load(kept[0]).buckets
        else:
            with open_checkpoint(sources[0]) as first:
                buckets = buckets_for(first)
    one = partial(sketch_one, folder, buckets)
    found: Iterable[Path] = map(one, sources) if executor is None else executor.map(one, sources)
    return list(found)


def in_folder(folder: Path) -> list[Path]:
    """All sketches of a folder, by name."""
    return sorted(folder.glob(f"*{ENDING}"))
