"""`open_checkpoint` opens weights by alias, path or hub id, written as `NAME[@REVISION][:PART]`.

PART is a folder or file of a repository, a component of a pipeline, a part of a single file, or a member of an
ensemble. Examples are `sd15`, `./unet.safetensors`, `v1-5.ckpt:vae`, `owner/name@refs/pr/3:unet` and `ani-1x:0`. An
alias has precedence over an existing path (write `./lcm` for a folder `lcm`), and a path over a hub id.
"""

import re
from dataclasses import replace
from pathlib import Path

from ioadapt_theory.checkpoints.aliases import Alias, is_repo_id, load_aliases
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import open_path
from ioadapt_theory.checkpoints.files.readers import is_file, open_file
from ioadapt_theory.checkpoints.names.text_encoders import encoder
from ioadapt_theory.checkpoints.packages import open_package
from ioadapt_theory.errors import IoAdaptError, MissingExtraError, UnknownNameError
from ioadapt_theory.outputs import at_home


def open_checkpoint(
    source: str,
    *,
    variant: str | None = None,
    offline: bool = False,
    progress: bool = True,
    cache: Path | None = None,
) -> Checkpoint:
    """Open a checkpoint and read the names, dtypes and shapes of its tensors.

    Files on the hub are downloaded. The values of safetensors files are read later.

    Args:
        source: Alias, path or hub id, as `NAME[@REVISION][:PART]`.
        variant: Preferred variant of the files, such as fp16.
        offline: Whether to use only files in the hub's cache, as with HF_HUB_OFFLINE=1.
        progress: Whether to show progress bars while downloading, if stderr is a terminal.
        cache: Folder of the hub's cache; by default that of huggingface_hub.

    Returns:
        The open checkpoint, which the caller must close.

    Raises:
        UnknownNameError: The source is neither an alias, a path nor a hub id, or PART is an unknown part or member.
        SourceError: The weights are unavailable, it is unclear which file to open, or a path or package has a REVISION.
        FileFormatError: A file is invalid.
        UnsupportedError: The weights are quantised.
        InvalidValueError: PART is invalid or not in the file.
        MissingExtraError: huggingface_hub is needed but not installed.

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
        return open_path(Path(alias.path), alias.part, variant=variant)
    try:
        import huggingface_hub  # noqa: F401  (is it installed?)
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub") from error
    from ioadapt_theory.checkpoints.hub import open_remote

    return open_remote(alias, variant=variant, cache=cache, offline=offline, progress=progress)


def open_part(source: str, component: str) -> Checkpoint | None:
    """Open another component of a local pipeline or single file, such as a text encoder; None if there is none."""
    alias = resolve(source)
    if alias.path is None or alias.part not in {None, component}:
        return None
    path = Path(alias.path)
    if path.is_dir():
        there = (path / component).is_dir()
        return open_path(path, component, variant=None) if there else None
    whole = open_file(path)
    part = encoder(whole, component)
    if part is None:
        whole.close()
    return part


def local_path(source: str) -> Path | None:
    """Return the path in a source, without PART, or None if the source is an alias, a hub id or invalid."""
    try:
        alias = resolve(source)
    except IoAdaptError:
        return None
    return None if alias.path is None else Path(alias.path)


def resolve(source: str) -> Alias:
    """Return the `Alias` of a source, with its revision and part; for a path or a hub id, a new one is created."""
    aliases = load_aliases()
    name, _, tail = source.rpartition(":")
    for path, part in ((source, None), (name, tail)):
        there = at_home(path)
        if path and path not in aliases and (there.exists() or there.is_symlink()):
            return Alias(name="", path=str(there), part=part)
    matched = re.fullmatch(r"(?P<name>[^@:]+)(@(?P<revision>[^:]+))?(:(?P<part>.+))?", source)
    name, revision, part = matched.group("name", "revision", "part") if matched else (source, None, None)
    if name in aliases:
        alias = aliases[name]
    elif name.startswith((".", "/", "~")) or is_file(name) or name.count("/") > 1:
        alias = Alias(name="", path=str(at_home(name)))
    elif is_repo_id(name):
        alias = Alias(name=name.rpartition("/")[2], repo=name)
    else:
        raise UnknownNameError("model or path", name, aliases)
    if revision is not None and alias.repo is None:
        what = "a path" if alias.path else "in a package"
        msg = f"{source} is {what}, and only models on the hub have revisions; leave out @{revision}."
        raise SourceError(msg)
    return replace(alias, revision=revision or alias.revision, part=part or alias.part)
