"""Opens the weights in a folder, here or on the hub: which file, its shards, its part; and single files."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, View
from ioadapt_theory.checkpoints.files.layout import STEMS, choose, component_of, read_config, read_index
from ioadapt_theory.checkpoints.files.plain import read_whole
from ioadapt_theory.checkpoints.files.readers import open_file
from ioadapt_theory.checkpoints.quantised import dequantised
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnknownNameError

LDM_PARTS: Final = {"unet": "model.diffusion_model.", "vae": "first_stage_model.", "text_encoder": "cond_stage_model."}
"""Part of a single file in the original layout -> prefix of its tensors."""

EMA: Final = "model_ema."
"""Prefix of the averaged weights; their names are those of the UNet without dots."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder: files with their bytes, and folders."""

    files: dict[str, int]
    folders: list[str]


class Folder:
    """Files of this machine under names relative to a root, with '/'; a repository on the hub is one, too."""

    def __init__(self, root: Path) -> None:
        """Take the root."""
        self.root = root

    def listing(self, folder: str) -> Listing:
        """Return what a folder ('' for the root) holds."""
        inside = list((self.root / folder).iterdir()) if (self.root / folder).is_dir() else []
        files = {p.name: p.stat().st_size for p in inside if p.is_file()}
        return Listing(files, [p.name for p in inside if p.is_dir()])

    def where(self, folder: str) -> str:
        """Return what a folder is called in sentences."""
        return f"The folder {self.root / folder}"

    def title(self, file: str) -> str:
        """Return what a file is called in tables and sentences."""
        return str(self.root / file)

    def fetch(self, file: str) -> Path:
        """Return the file on this machine."""
        return self.root / file

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """Return what the config.json of a folder says, if it can be had and read; not trusted.

        Args:
            folder: Relative to the root.
            ask: Whether it is worth a request if it is not at hand.
        """
        return read_config(self.root / folder / "config.json")

    def open(self, file: str) -> Checkpoint:
        """Open one file of weights; its values may still be away."""
        return open_file(self.fetch(file))


def open_weights(
    place: Folder, folder: str, file: str | None, *, variant: str | None, part: str | None, ema: bool | None
) -> Checkpoint:
    """Open the weights in a folder of a place.

    Args:
        place: Where to look.
        folder: Relative to its root; '' for the root.
        file: Exactly this file of the folder; then there is nothing to choose.
        variant: Such as fp16; a preference.
        part: Of a single file in the original layout.
        ema: Which weights of a single file with both kinds.

    Raises:
        SourceError: If there are no such weights, or they cannot be had.
        FileFormatError: If a file is not what it has to be.
        InvalidValueError: If `ema` has to be chosen, or there is no such part.
        UnsupportedError: If the weights are quantised in a way that is not read.
    """
    chosen = choose(place.listing(folder).files, place.where(folder), variant) if file is None else file
    path = f"{folder}/{chosen}" if folder else chosen
    opened = _open_shards(place, path) if chosen.endswith(".json") else place.open(path)
    try:
        if not chosen.endswith(".json"):
            opened = ldm_part(opened, part, ema)
        if chosen.startswith(STEMS):  # diffusers' weights speak for themselves
            opened.config = place.config(folder, ask=not chosen.startswith(STEMS[0]))
        return dequantised(opened)
    except BaseException:
        opened.close()
        raise


def _open_shards(place: Folder, index: str) -> Checkpoint:
    """Open every shard of an index.json, which says where each tensor is, and put them together."""
    folder, _, file = index.rpartition("/")
    title = place.title(index)
    shards = read_index(read_whole(place.fetch(index)), title)
    if missing := sorted({*shards.values()} - place.listing(folder).files.keys()):
        named = ", ".join(missing[:8] + ["..."] * (len(missing) > 8))
        msg = f"{title} names {len({*shards.values()})} shards, of which {named} are missing. Download them."
        raise SourceError(msg)
    with ExitStack() as opened:
        files = {shard: f"{folder}/{shard}" if folder else shard for shard in sorted({*shards.values()})}
        parts = {shard: opened.enter_context(place.open(path)) for shard, path in files.items()}
        for tensor, shard in shards.items():
            if tensor not in parts[shard].tensors:
                msg = f"{title} places tensor {tensor!r} in {shard}, which does not have it. Download both again."
                raise FileFormatError(msg)
        opened.pop_all()
    metadata = {k: v for part in parts.values() for k, v in part.metadata.items()} | {"files": str(len(parts))}
    return View(file, title, {tensor: (parts[shard], tensor) for tensor, shard in shards.items()}, metadata)


def ldm_part(whole: Checkpoint, part: str | None, ema: bool | None) -> Checkpoint:
    """Cut one part out of a single file in the original layout; a file in another layout comes back as it is.

    Args:
        whole: What the file holds.
        part: unet (the default), vae, text_encoder, or all.
        ema: Take the averaged weights of the UNet (True) or the trained ones (False), under the same names.

    Raises:
        InvalidValueError: If the file has both kinds and `ema` is None, or has no averaged ones and `ema` is True.
        UnknownNameError: If there is no such part.
    """
    unet = LDM_PARTS["unet"]
    if not any(n.startswith(unet) for n in whole.tensors):
        if part is not None:
            msg = f"{whole.source} is not in the original single-file layout (no {unet}*), so it has no part {part!r}."
            raise InvalidValueError(msg)
        return whole
    averaged = {n: EMA + n.removeprefix("model.").replace(".", "") for n in whole.tensors if n.startswith(unet)}
    has_both = all(flat in whole.tensors for flat in averaged.values())
    if ema and not has_both:
        msg = f"{whole.source} has no {EMA}*; an 'emaonly' file has its averaged weights under plain names: drop --ema."
        raise InvalidValueError(msg)
    if ema is None and has_both:
        msg = f"{whole.source} has both trained and averaged (EMA) weights: choose one with --ema or --no-ema."
        raise InvalidValueError(msg)
    part = part or "unet"
    if part != "all" and part not in LDM_PARTS:
        raise UnknownNameError("part", part, [*LDM_PARTS, "all"])
    prefix = "" if part == "all" else LDM_PARTS[part]
    inside = [n for n in whole.tensors if n.startswith(prefix) and not n.startswith(EMA)]
    if not inside:
        msg = f"{whole.source} has no {part} (no {prefix}*)."
        raise InvalidValueError(msg)
    origins = {n: (whole, averaged[n] if ema and n in averaged else n) for n in inside}
    chosen = {"part": part} | ({"ema": "yes" if ema else "no"} if has_both else {})
    return View(whole.name, whole.source, origins, {**whole.metadata, **chosen})


def open_path(
    path: Path,
    *,
    name: str | None = None,
    component: str | None = None,
    variant: str | None = None,
    ema: bool | None = None,
) -> Checkpoint:
    """Open a file or a folder of this machine.

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
    part = None
    if path.is_dir():
        root, name = Folder(path), name or path.resolve().name
        folder, file = _within(root, path, component)
    else:
        _require_file(path)
        root, folder, file, part = Folder(path.parent), "", path.name, component
        name = name or (path.absolute().parent.name if path.name.endswith(".json") else None)
    opened = open_weights(root, folder, file, variant=variant, part=part, ema=ema)
    opened.name = name or opened.name
    return opened


def _within(root: Folder, path: Path, component: str | None) -> tuple[str, str | None]:
    """Return folder and file that a component of a folder names; without one, the model's own folder."""
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
        msg = f"{path} is a broken symlink to {os.readlink(path)}."
        raise SourceError(msg)
    if not path.exists():
        beside = sorted(p.name for p in path.parent.iterdir())[:8] if path.parent.is_dir() else []
        msg = f"No file {path}" + (f" (its folder holds {', '.join(beside)})." if beside else ", nor its folder.")
        raise SourceError(msg)
