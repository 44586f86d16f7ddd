"""One door for all sources: `open_checkpoint` takes an alias, a path or a hub id, as `NAME[@REVISION][:PART]`.

PART is a folder or file of a repository, a component of a pipeline, a part of a single file, a member of an ensemble:
`sd15`, `./unet.safetensors`, `v1-5.ckpt:vae`, `owner/name@refs/pr/3:unet`, `ani-1x:0`. An alias comes before a path
that exists (write `./lcm` for a folder `lcm`), and that before a hub id.
"""

import re
from dataclasses import replace
from pathlib import Path

from ioadapt_theory.checkpoints.aliases import Alias, is_repo_id, load_aliases
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import open_path
from ioadapt_theory.checkpoints.files.readers import is_file
from ioadapt_theory.checkpoints.packages import open_package
from ioadapt_theory.errors import IoAdaptError, MissingExtraError, UnknownNameError


def open_checkpoint(
    source: str,
    *,
    variant: str | None = None,
    ema: bool | None = None,
    offline: bool = False,
    progress: bool = True,
    cache: Path | None = None,
) -> Checkpoint:
    """Open a checkpoint: its names, dtypes and shapes are known when this returns, its values may still be away.

    Args:
        source: See above.
        variant: Such as fp16; a preference, for sources that have one.
        ema: Averaged (True) or trained (False) weights, where a single file has both.
        offline: Use only what the hub's cache has; HF_HUB_OFFLINE=1 does the same.
        progress: Show bars while downloading, if stderr is a terminal.
        cache: Folder of the hub's cache; by default where huggingface_hub keeps it.

    Returns:
        The open checkpoint, which the caller closes.

    Raises:
        UnknownNameError: If the source is none of alias, path and hub id.
        SourceError: If the weights cannot be had.
        FileFormatError: If a file is not what it has to be.
        InvalidValueError: If `ema` has to be chosen.
        MissingExtraError: For a hub id without huggingface_hub.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.checkpoints import open_checkpoint
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> save_file({"a.weight": torch.zeros(8, 16)}, path)
        >>> with open_checkpoint(path) as checkpoint:
        ...     {name: info.shape for name, info in checkpoint.tensors.items()}
        {'a.weight': (8, 16)}
    """
    alias = resolve(source)
    if alias.package:
        return open_package(alias)
    if alias.path:
        return open_path(Path(alias.path), alias.part, variant=variant, ema=ema)
    try:
        import huggingface_hub  # noqa: F401  (is it installed?)
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub") from error
    from ioadapt_theory.checkpoints.hub.repository import open_remote

    return open_remote(alias, variant=variant, ema=ema, cache=cache, offline=offline, progress=progress)


def local_path(source: str) -> Path | None:
    """Return the path that a source names, None where it names something else or nothing; see `open_checkpoint`."""
    try:
        alias = resolve(source)
    except IoAdaptError:
        return None
    return None if alias.path is None else Path(alias.path)


def resolve(source: str) -> Alias:
    """Return what a source names, as an alias with its revision and its part (a path or repository becomes one)."""
    aliases = load_aliases()
    name, _, tail = source.rpartition(":")
    for path, part in ((source, None), (name, tail)):
        there = Path(path).expanduser()
        if path and path not in aliases and (there.exists() or there.is_symlink()):
            return Alias(name="", path=str(there), part=part)
    matched = re.fullmatch(r"(?P<name>[^@:]+)(@(?P<revision>[^:]+))?(:(?P<part>.+))?", source)
    name, revision, part = matched.group("name", "revision", "part") if matched else (source, None, None)
    if name in aliases:
        alias = aliases[name]
        return replace(alias, revision=revision or alias.revision, part=part or alias.part)
    if name.startswith((".", "/", "~")) or is_file(name):
        if revision is not None:
            msg = f"{source} is a path, which has no revision {revision!r}: leave @{revision} out."
            raise SourceError(msg)
        return Alias(name="", path=str(Path(name).expanduser()), part=part)
    if is_repo_id(name):
        return Alias(name=name.rpartition("/")[2], repo=name, revision=revision, part=part)
    raise UnknownNameError("model", name, aliases)
