"""Which files of a folder or repository hold the weights, from their names alone; names in data are never followed."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.files.plain import parse_json, read_whole
from ioadapt_theory.checkpoints.files.readers import is_weights
from ioadapt_theory.errors import FileFormatError

STEMS: Final = ("diffusion_pytorch_model", "model", "pytorch_model")
"""How diffusers and transformers call weights."""

LARGEST_CONFIG: Final = 1024 * 1024
"""Bytes of a config.json that are read."""

COMPONENTS: Final = ("unet", "transformer")
"""Folders of a diffusers pipeline that hold the model itself; a folder without them is taken as the model."""


def choose(names: Collection[str], where: str, variant: str | None) -> str:
    """Return the file to open (an index, .json, if there are shards) among the plain names of one folder.

    Safetensors come before pickles, the variant before the plain file, which is taken where there is no such variant.
    """
    for wanted in dict.fromkeys((variant, None)):
        for name in _spellings(wanted):
            if name in names:
                return name
    weights = sorted(n for n in names if is_weights(n))
    if len(weights) == 1:
        return weights[0]
    shown = ", ".join(weights[:8] or sorted(names)[:8]) or "nothing"
    msg = f"{where} holds no weights that can be read (it holds {shown})."
    if weights:
        msg = f"{where} holds several weights: {shown}. Say which, as in SOURCE:{weights[0]}."
    raise SourceError(msg)


def component_of(folders: Collection[str]) -> str | None:
    """Return the component of a pipeline to open when none was asked for; None for the folder itself."""
    return next((c for c in COMPONENTS if c in folders), None)


def _spellings(variant: str | None) -> Iterator[str]:
    """Yield file names in the order of preference, an index (.json) after the single file, as diffusers does."""
    for ending in ("safetensors", "bin"):
        for stem in STEMS:
            if variant is None:
                yield f"{stem}.{ending}"
                yield f"{stem}.{ending}.index.json"
            else:
                yield f"{stem}.{variant}.{ending}"
                yield f"{stem}.{ending}.index.{variant}.json"
                yield f"{stem}.{ending}.{variant}.index.json"


def read_index(text: bytes, path: str) -> dict[str, str]:
    """Return tensor -> shard of an index.json; refuse a shard that is no plain name of a weights file."""
    try:
        index: Any = parse_json(text)
    except ValueError as error:
        msg = f"{path} is not JSON ({error}). Delete it and download it again."
        raise FileFormatError(msg) from error
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict) or not shards or not all(isinstance(s, str) for s in shards.values()):
        msg = f"{path} has no weight_map from tensor names to file names: refused."
        raise FileFormatError(msg)
    for shard in set(shards.values()):
        if "/" in shard or "\\" in shard or ":" in shard or not shard.isprintable() or not is_weights(shard):
            msg = f"{path} names the shard {shard!r}, which is no plain name of a weights file in its folder: refused."
            raise FileFormatError(msg)
    return dict(shards)


def read_config(path: Path) -> Mapping[str, Any]:
    """Return the table in a config.json; nothing if there is none that can be read."""
    with suppress(SourceError, ValueError):
        content = parse_json(read_whole(path, LARGEST_CONFIG))
        return content if isinstance(content, dict) else {}
    return {}
