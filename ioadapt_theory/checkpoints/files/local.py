"""Checkpoints on this machine: a file, a sharded one, or the folder of a diffusers or transformers model."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.layout import component_of, missing_shards, read_config
from ioadapt_theory.checkpoints.files.place import Listing, Place, open_weights
from ioadapt_theory.checkpoints.files.plain import read_whole
from ioadapt_theory.checkpoints.files.readers import open_file


class Folder(Place):
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        """Take the folder."""
        self._root = root

    def listing(self, folder: str) -> Listing:
        """See `Place.listing`."""
        inside = list((self._root / folder).iterdir())
        files = {p.name: p.stat().st_size for p in inside if p.is_file()}
        return Listing(files, [p.name for p in inside if p.is_dir()])

    def where(self, folder: str) -> str:
        """See `Place.where`."""
        return f"The folder {self._root / folder}"

    def title(self, file: str) -> str:
        """See `Place.title`."""
        return str(self._root / file)

    def content(self, file: str) -> bytes:
        """See `Place.content`."""
        return read_whole(self._root / file)

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """See `Place.config`; it is at hand."""
        return read_config(self._root / folder / "config.json")

    def open(self, file: str) -> Checkpoint:
        """See `Place.open`."""
        return open_file(self._root / file)

    def missing(self, index: str, shards: Collection[str]) -> SourceError | None:
        """See `Place.missing`."""
        return missing_shards(self.title(index), shards, self.listing(index.rpartition("/")[0]).files)


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
        root, name = Folder(path), name or path.resolve().name
        folder, file = _within(root, path, component)
        part = None
    else:
        _require_file(path)
        root, folder, file, part = Folder(path.parent), "", path.name, component
        name = name or (path.absolute().parent.name if path.name.endswith(".json") else None)
    opened = open_weights(root, folder, file, variant=variant, part=part, ema=ema)
    opened.name = name or opened.name
    return opened


def _within(root: Folder, path: Path, component: str | None) -> tuple[str, str | None]:
    """Folder and file that a component of a folder names; without one, the model's own folder."""
    inside = root.listing("")
    chosen = component or component_of(inside.folders) or ""
    if not chosen or chosen in inside.folders:
        return chosen, None
    if chosen in inside.files:
        return "", chosen
    msg = f"{path} has no folder {chosen!r} (it has {', '.join(sorted(inside.folders)) or 'none'})."
    raise SourceError(msg)


def _require_file(path: Path) -> None:
    """Refuse a path at which nothing is, saying what lies beside it."""
    if path.is_symlink() and not path.exists():
        msg = f"{path} is a symlink to {os.readlink(path)}, where there is nothing."
        raise SourceError(msg)
    if not path.exists():
        beside = sorted(p.name for p in path.parent.iterdir())[:8] if path.parent.is_dir() else []
        msg = f"No file {path}" + (f" (its folder holds {', '.join(beside)})." if beside else ", nor its folder.")
        raise SourceError(msg)
