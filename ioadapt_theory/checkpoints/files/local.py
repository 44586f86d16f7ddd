"""Checkpoints on this machine: a file, a sharded one, or the folder of a diffusers or transformers model."""

import json
import os
from contextlib import suppress
from pathlib import Path

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.layout import PICKLES, STEMS, choose, component_of, read_index, require_shards
from ioadapt_theory.checkpoints.files.pickles import open_pickle
from ioadapt_theory.checkpoints.files.positions import PlainFile, open_safetensors
from ioadapt_theory.checkpoints.views import join_shards, ldm_part

LARGEST_CONFIG = 1024 * 1024
"""Bytes of a config.json that are read."""


def open_path(
    path: Path,
    *,
    name: str | None = None,
    component: str | None = None,
    variant: str | None = None,
    ema: bool | None = None,
) -> Checkpoint:
    """Open a file or a folder.

    Args:
        path: What to open.
        name: Short name for tables; the last part of the path if not given.
        component: Folder within a pipeline, or part of a single file in the original layout.
        variant: Such as fp16; a preference.
        ema: Which weights of a single file with both kinds.

    Raises:
        SourceError: If there is nothing to open, or it cannot be read.
        FileFormatError: If a file is not what it has to be.
        InvalidValueError: If `ema` has to be chosen, or there is no such part.
    """
    if path.is_dir():
        return _open_folder(path, name or path.resolve().name, component, variant, ema)
    if path.is_symlink() and not path.exists():
        msg = f"{path} is a symlink to {os.readlink(path)}, where there is nothing."
        raise SourceError(msg)
    if path.exists() and not path.is_file():
        msg = f"{path} is a device, pipe or socket: weights are read by position, so give a plain file or a folder."
        raise SourceError(msg)
    if not path.exists():
        beside = sorted(p.name for p in path.parent.iterdir())[:8] if path.parent.is_dir() else []
        msg = f"No file {path}" + (f" (its folder holds {', '.join(beside)})." if beside else ", nor its folder.")
        raise SourceError(msg)
    if path.name.endswith(".json"):
        return _configured(open_index(path, name or path.parent.name), path)
    return _configured(_open_part(path, name, component, ema), path)


def open_file(path: Path, name: str | None = None) -> Checkpoint:
    """Open one file of weights, as a pickle or as safetensors by its ending."""
    return open_pickle(path, name=name) if path.name.endswith(PICKLES) else open_safetensors(path, name=name)


def open_index(index: Path, name: str) -> Checkpoint:
    """Open every shard of an index.json."""
    file = PlainFile(index)
    try:
        shards = read_index(file.head(file.size), str(index))
    finally:
        file.close()
    folder = index.parent
    require_shards(str(index), shards.values(), [p.name for p in folder.iterdir() if p.is_file()])
    parts: dict[str, Checkpoint] = {}
    try:
        for shard in sorted(set(shards.values())):
            parts[shard] = open_file(folder / shard)
        return join_shards(name, str(index), shards, parts)
    except BaseException:
        for part in parts.values():
            part.close()
        raise


def _open_folder(path: Path, name: str, component: str | None, variant: str | None, ema: bool | None) -> Checkpoint:
    folders = [p.name for p in path.iterdir() if p.is_dir()]
    chosen = component or component_of(folders)
    if chosen is not None:
        inside = path / chosen
        if chosen not in folders:
            if inside.is_file() and inside.parent == path:
                return open_path(inside, name=name, ema=ema)
            msg = f"{path} has no folder {chosen!r} (it has {', '.join(sorted(folders)) or 'none'})."
            raise SourceError(msg)
        path = inside
    names = [p.name for p in path.iterdir() if p.is_file()]
    choice = choose(names, f"The folder {path}", variant)
    weights = path / choice.file
    return _configured(open_index(weights, name) if choice.sharded else _open_part(weights, name, None, ema), weights)


def _configured(opened: Checkpoint, weights: Path) -> Checkpoint:
    """With what config.json beside weights of a usual name says, if it says anything that can be read."""
    config = weights.parent / "config.json"
    if weights.name.startswith(STEMS) and config.is_file() and config.stat().st_size <= LARGEST_CONFIG:
        with suppress(OSError, ValueError, RecursionError):
            content = json.loads(config.read_text(encoding="utf-8"))
            opened.config = content if isinstance(content, dict) else {}
    return opened


def _open_part(path: Path, name: str | None, part: str | None, ema: bool | None) -> Checkpoint:
    whole = open_file(path, name)
    try:
        return ldm_part(whole, part, ema)
    except BaseException:
        whole.close()
        raise
