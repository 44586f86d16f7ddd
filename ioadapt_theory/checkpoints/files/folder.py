"""Open the weights in a local folder, a hub repository or a single file.

In a folder, the file is chosen by its name. File names in an index cannot point outside the folder.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, View
from ioadapt_theory.checkpoints.files.config import read_config
from ioadapt_theory.checkpoints.files.plain import parse_json, read_whole
from ioadapt_theory.checkpoints.files.readers import SUFFIXES, is_weights, open_file
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnknownNameError

STEMS: Final = ("diffusion_pytorch_model", "model", "pytorch_model")
"""File names of weights in diffusers and transformers, without extensions."""

COMPONENTS: Final = ("unet", "transformer")
"""Subfolders with the main model of a diffusers pipeline; a folder that has neither contains the model itself."""

LDM_PARTS: Final = {"unet": "model.diffusion_model.", "vae": "first_stage_model.", "text_encoder": "cond_stage_model."}
"""Part of a single file in Stable Diffusion's original layout -> prefix of the names of its tensors."""

EMA: Final = "model_ema."
"""Prefix of averaged (EMA) weights in Stable Diffusion's layout, which are left out, as diffusers does by default."""


class Folder:
    """A local folder of files, which are named relative to its root; a subclass represents a hub repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def listing(self, folder: str) -> tuple[list[str], list[str]]:
        inside = list((self.root / folder).iterdir()) if (self.root / folder).is_dir() else []
        return [p.name for p in inside if not p.is_dir()], [p.name for p in inside if p.is_dir()]

    def require(self, folder: str) -> None:
        if not (self.root / folder).is_dir():
            inside = some(sorted(chain(*self.listing("")))) or "nothing"
            msg = f"{self.root} has no file or folder {folder!r}; it contains {inside}."
            raise SourceError(msg)

    def title(self, path: str) -> str:
        return str(self.root / path)

    def fetch(self, file: str) -> Path:
        return self.root / file

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """Return the untrusted content of a folder's config.json, or {}; ``ask`` permits a request to the hub."""
        with suppress(SourceError, FileFormatError):
            return read_config(self.fetch(f"{folder}/config.json".lstrip("/")))
        return {}

    def open(self, file: str) -> Checkpoint:
        return open_file(self.fetch(file))


def open_weights(place: Folder, part: str | None, *, variant: str | None, cut: str | None = None) -> Checkpoint:
    """Return the opened weights in ``part``, a file or folder of ``place``; if it is None, those of the main model.

    ``cut`` names a part, such as "vae", of a single file; see `open_checkpoint` for ``variant``.
    """
    folder, _, file = (part or "").rpartition("/")
    if file not in place.listing(folder)[0]:
        folder = part or next((c for c in COMPONENTS if c in place.listing("")[1]), "")
        place.require(folder)
        file = choose(place.listing(folder)[0], place.title(folder), variant, f"{folder}/".lstrip("/"))
    path = f"{folder}/{file}".removeprefix("/")
    opened = _open_shards(place, path) if file.endswith(".json") else place.open(path)
    try:
        if not file.endswith(".json"):
            opened = ldm_part(opened, cut)
        if file.startswith(STEMS):  # diffusers' weights need no config.json
            opened.config = place.config(folder, ask=not file.startswith(STEMS[0]))
    except BaseException:
        opened.close()
        raise
    else:
        return opened


def choose(names: Collection[str], where: str, variant: str | None, inside: str) -> str:
    """Return the file to open, preferring the variant, then safetensors; raise SourceError if no choice is clear."""
    usual = (name for wanted in dict.fromkeys((variant, None)) for name in _usual_names(wanted))
    if name := next((name for name in usual if name in names), None):
        return name
    weights = sorted(n for n in names if is_weights(n))
    if len(weights) == 1:
        return weights[0]
    only = f", only {some(sorted(names))}" if names else ""
    msg = f"{where} contains no file of weights ({', '.join(SUFFIXES)}){only}; give another file or folder."
    if weights:
        msg = f"{where} has several files of weights: {some(weights)}. Append one as :PART, like :{inside}{weights[0]}."
    raise SourceError(msg)


def some(names: list[str]) -> str:
    return ", ".join(names[:8]) + f" and {len(names) - 8} more" * (len(names) > 8)


def _usual_names(variant: str | None) -> Iterator[str]:
    """Yield usual names of files of weights, best first; as in diffusers, a file comes before its index of shards."""
    forms: tuple[str, ...] = ("{0}.{1}", "{0}.{1}.index.json")
    if variant is not None:
        forms = ("{0}.{2}.{1}", "{0}.{1}.index.{2}.json", "{0}.{1}.{2}.index.json")
    yield from (form.format(stem, end, variant) for end in ("safetensors", "bin") for stem in STEMS for form in forms)


def read_index(text: bytes, path: str) -> dict[str, str]:
    index: Any = parse_json(text, path)
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict) or not shards or not all(isinstance(s, str) for s in shards.values()):
        msg = f"{path} has no weight_map from tensor names to file names. Delete it and download it again."
        raise FileFormatError(msg)
    for shard in set(shards.values()):
        if "/" in shard or "\\" in shard or ":" in shard or not shard.isprintable() or not is_weights(shard):
            msg = f"{path} names the shard {shard!r}, which is not a name of a weight file; download the index again."
            raise FileFormatError(msg)
    return dict(shards)


def _open_shards(place: Folder, index: str) -> Checkpoint:
    folder, _, file = index.rpartition("/")
    title = place.title(index)
    shards = read_index(read_whole(place.fetch(index)), title)
    if missing := sorted({*shards.values()}.difference(place.listing(folder)[0])):
        msg = f"{title} lists shards that are missing: {some(missing)}. Download them."
        raise SourceError(msg)
    with ExitStack() as opened:
        files = {shard: f"{folder}/{shard}".removeprefix("/") for shard in sorted({*shards.values()})}
        parts = {shard: opened.enter_context(place.open(path)) for shard, path in files.items()}
        for tensor, shard in shards.items():
            if tensor not in parts[shard].tensors:
                msg = f"{title} lists tensor {tensor!r} in {shard}, which lacks it. Download both files again."
                raise FileFormatError(msg)
        opened.pop_all()
    return View(file, title, {tensor: (parts[shard], tensor, None) for tensor, shard in shards.items()})


def ldm_part(whole: Checkpoint, part: str | None) -> Checkpoint:
    """Return a part ("unet" if None) of a file in Stable Diffusion's original layout, and any other file unchanged."""
    unet = LDM_PARTS["unet"]
    if not any(n.startswith(unet) for n in whole.tensors):
        if part is not None:
            msg = f"{whole.source} is not in Stable Diffusion's original layout ({unet}*); leave out the part :{part}."
            raise InvalidValueError(msg)
        return whole
    part = part or "unet"
    if part != "all" and part not in LDM_PARTS:
        raise UnknownNameError("part", part, [*LDM_PARTS, "all"])
    prefix = "" if part == "all" else LDM_PARTS[part]
    inside = [n for n in whole.tensors if n.startswith(prefix) and not n.startswith(EMA)]
    if not inside:
        others = [p for p, start in LDM_PARTS.items() if any(n.startswith(start) for n in whole.tensors)]
        msg = f"{whole.source} has no part {part!r} (no tensor {prefix}*); choose one of {', '.join(others)}."
        raise InvalidValueError(msg)
    return View(whole.name, whole.source, {n: (whole, n, None) for n in inside})


def open_path(path: Path, component: str | None = None, *, variant: str | None) -> Checkpoint:
    """Open a local file or folder; the component is a folder or file in it, or a part of a single file, such as vae."""
    if path.is_symlink() and not path.exists():
        msg = f"{path} is a broken symlink to {os.readlink(path)}; give the path of an existing file or folder."
        raise SourceError(msg)
    if not path.exists():
        beside = some(sorted(p.name for p in path.parent.iterdir())) if path.parent.is_dir() else None
        folder = ", nor does its folder" if beside is None else f"; its folder contains {beside or 'nothing'}"
        msg = f"{path} does not exist{folder}."
        raise SourceError(msg)
    if path.is_dir():
        opened = open_weights(Folder(path), component, variant=variant)
        opened.name = path.resolve().name
    else:
        opened = open_weights(Folder(path.parent), path.name, variant=variant, cut=component)
        if path.name.endswith(".json"):
            opened.name = path.absolute().parent.name
    return opened
