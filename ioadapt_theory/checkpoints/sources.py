"""One door for all sources: `open_checkpoint` takes an alias, a path or a hub id, as `NAME[@REVISION][:PART]`.

PART is a folder or file of a repository, a component of a pipeline, a part of a single file, a member of an ensemble:
`sd15`, `./unet.safetensors`, `v1-5.ckpt:vae`, `owner/name@refs/pr/3:unet`, `ani-1x:0`. An alias comes before a path
that exists (write `./lcm` for a folder `lcm`), and that before a hub id.
"""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ioadapt_theory.checkpoints.aliases import Alias, is_repo_id, load_aliases
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import open_path
from ioadapt_theory.checkpoints.files.readers import is_weights
from ioadapt_theory.checkpoints.packages import open_package
from ioadapt_theory.errors import IoAdaptError, UnknownNameError


def open_checkpoint(
    source: str,
    *,
    revision: str | None = None,
    subfolder: str | None = None,
    variant: str | None = None,
    component: str | None = None,
    ema: bool | None = None,
    offline: bool = False,
    verify: bool = False,
    progress: bool = True,
    aliases: Path | None = None,
    cache: Path | None = None,
) -> Checkpoint:
    """Open a checkpoint: its names, dtypes and shapes are known when this returns, its values may still be away.

    Args:
        source: See above.
        revision: Branch, tag or commit on the hub; `@REVISION` in the source comes first.
        subfolder: Folder within a repository; `:PART` in the source comes first.
        variant: Such as fp16; a preference, for sources that have one.
        component: Folder within a local pipeline, or part of a single file; `:PART` in the source comes first.
        ema: Averaged (True) or trained (False) weights, where a single file has both.
        offline: Use only what the hub's cache has; HF_HUB_OFFLINE=1 does the same.
        verify: Compare the hash of every file from the hub.
        progress: Show bars while downloading, if stderr is a terminal.
        aliases: TOML file with more short names; by default the one that IOADAPT_ALIASES names.
        cache: Folder of the hub's cache; by default where huggingface_hub keeps it.

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
    alias, at, part = resolve(source, _aliases(aliases))
    revision = at or alias.revision or revision
    variant = variant or alias.variant
    ema = alias.ema if ema is None else ema
    if alias.package:
        return open_package(alias, part)
    if alias.path:
        inside = part or alias.component or component
        return open_path(Path(alias.path), name=alias.name or None, component=inside, variant=variant, ema=ema)
    from ioadapt_theory.checkpoints.hub.remote import open_remote

    folder = alias.subfolder if alias.subfolder is not None else subfolder
    file = alias.file
    if part is not None:
        file, folder = (part, None) if is_weights(part) or part.endswith(".json") else (None, part)
    return open_remote(
        str(alias.repo), revision, name=alias.name, subfolder=folder, file=file, variant=variant, ema=ema,
        cache=cache, offline=offline, verify=verify, progress=progress,
    )  # fmt: skip


def prepare(
    checkpoints: Sequence[Checkpoint], names: Iterable[Collection[str] | None], cache: Path | None = None
) -> int:
    """Download what `names[i]` of `checkpoints[i]` need (None: all); return the bytes. The sum has to fit on the disk.

    Raises:
        SourceError: If it does not fit, or cannot be downloaded; files that were complete are kept.
    """
    wanted = list(zip(checkpoints, names, strict=True))
    need = sum(checkpoint.pending(some) for checkpoint, some in wanted)
    if need:
        from huggingface_hub import constants

        from ioadapt_theory.checkpoints.hub.cached import require_space

        require_space(need, cache or Path(constants.HF_HUB_CACHE))
    for checkpoint, some in wanted:
        checkpoint.prepare(some)
    return need


def local_path(source: str, aliases: Path | None = None) -> Path | None:
    """Return the path that a source names, None where it names something else or nothing; see `open_checkpoint`."""
    try:
        alias, _, _ = resolve(source, _aliases(aliases))
    except IoAdaptError:
        return None
    return None if alias.path is None else Path(alias.path)


def _aliases(own: Path | None) -> dict[str, Alias]:
    """Return the short names, with those of the file that IOADAPT_ALIASES names if none is given."""
    named = os.environ.get("IOADAPT_ALIASES")
    return load_aliases(Path(named) if own is None and named else own)


def resolve(source: str, aliases: dict[str, Alias]) -> tuple[Alias, str | None, str | None]:
    """Return what a source names, as an alias (a path or repository becomes one), its revision and its part.

    Raises:
        UnknownNameError: If it is none of alias, path and hub id.
        SourceError: If it can only be a path, and there is nothing.
    """
    name, _, tail = source.rpartition(":")
    for path, part in ((source, None), (name, tail)):
        there = Path(path).expanduser()
        if path and path not in aliases and (there.exists() or there.is_symlink()):
            return Alias(name="", path=str(there)), None, part
    matched = re.fullmatch(r"(?P<name>[^@:]+)(@(?P<revision>[^:]+))?(:(?P<part>.+))?", source)
    name = matched["name"] if matched else source
    revision, part = (matched["revision"], matched["part"]) if matched else (None, None)
    if name in aliases:
        return aliases[name], revision, part
    if name.startswith((".", "/", "~")) or is_weights(name) or name.endswith(".json"):
        if revision is not None:
            msg = f"{source} is a path, which has no revision {revision!r}: leave @{revision} out."
            raise SourceError(msg)
        return Alias(name="", path=str(Path(name).expanduser())), None, part
    if is_repo_id(name):
        return Alias(name=name.rpartition("/")[2], repo=name), revision, part
    raise UnknownNameError("model", name, aliases)
