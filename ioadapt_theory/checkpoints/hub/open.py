"""Opens the weights of a repository: from the hub, or from the cache when offline or where the hub refuses."""

import logging
import os
from dataclasses import replace
from pathlib import Path

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.layout import component_of
from ioadapt_theory.checkpoints.files.place import open_weights
from ioadapt_theory.checkpoints.hub.cache import cached_commit, not_cached
from ioadapt_theory.checkpoints.hub.errors import Request
from ioadapt_theory.checkpoints.hub.live import LiveRepository, commit_of
from ioadapt_theory.checkpoints.hub.repository import CachedRepository, Repository
from ioadapt_theory.errors import InvalidValueError, MissingExtraError

log = logging.getLogger(__name__)


def open_remote(
    repo: str,
    revision: str | None,
    *,
    name: str,
    subfolder: str | None,
    file: str | None,
    variant: str | None,
    ema: bool | None,
    cache: Path | None,
    offline: bool,
    check: bool,
    progress: bool,
) -> Checkpoint:
    """Open the weights in a repository.

    Args:
        repo: OWNER/NAME.
        revision: Branch, tag or commit.
        name: Short name for tables.
        subfolder: Where to look; without it unet, transformer or the root, whichever there is.
        file: Exactly this file, relative to the root; then there is nothing to choose.
        variant: Such as fp16; a preference.
        ema: Which weights of a single file with both kinds.
        cache: Folder of the hub's cache; by default where huggingface_hub keeps it.
        offline: Ask nothing of the network.
        check: Compare the hash of every file.
        progress: Show bars.

    Raises:
        MissingExtraError: Without huggingface_hub.
        SourceError: If there are no such weights, or they cannot be had.
        FileFormatError: If a file is not what it has to be.
        InvalidValueError: If `subfolder` or `file` leads out of the repository.
    """
    inside = file or subfolder or ""
    if ".." in inside.split("/") or inside.startswith("/"):
        msg = f"{inside!r} is no place within {repo}: write it from the root, without '..'."
        raise InvalidValueError(msg)
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub") from error
    kept = (cache or Path(constants.HF_HUB_CACHE)).expanduser()
    known = cached_commit(kept, repo, revision)
    wanted = file or (f"{subfolder}/*.safetensors" if subfolder else None)
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    asked = Request(repo, revision, endpoint, wanted=wanted, hurry=known is not None)

    def opened(repository: Repository) -> Checkpoint:
        folder, plain = _folder_and_file(repository, subfolder, file)
        found = open_weights(repository, folder, plain, variant=variant, part=None, ema=ema)
        found.name, found.revision = name, repository.commit
        return found

    if offline or constants.HF_HUB_OFFLINE or _is_set("HF_HUB_OFFLINE"):
        if known is None:
            raise not_cached(asked, None, kept)
        return opened(CachedRepository(asked, known, kept, check=check))
    try:
        return opened(LiveRepository(asked, commit_of(asked), kept, check=check, progress=progress))
    except SourceError as refusal:
        if known is None:
            raise
        said = str(refusal).rstrip(".")
        found = opened(CachedRepository(replace(asked, refusal=said), known, kept, check=check))
        log.warning("%s; the cached commit %s of %s is used.", said, known[:8], repo)
        return found


def _folder_and_file(repository: Repository, subfolder: str | None, file: str | None) -> tuple[str, str | None]:
    """The folder to look into, and the file if there is nothing to choose."""
    if file is not None:
        folder, _, plain = file.rpartition("/")
        return folder, plain
    folder = (component_of(repository.listing("").folders) or "") if subfolder is None else subfolder
    if isinstance(repository, CachedRepository):
        repository.require_weights(folder)
    return folder, None


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "0").upper() in {"1", "TRUE", "YES", "ON"}
