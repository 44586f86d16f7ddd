"""Opens the weights of a repository: from the hub, or from the cache when offline or where the hub refuses."""

import logging
import os
from dataclasses import replace
from pathlib import Path

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import open_weights
from ioadapt_theory.checkpoints.files.layout import component_of
from ioadapt_theory.checkpoints.hub.cached import CachedRepository, cached_commit
from ioadapt_theory.checkpoints.hub.errors import Request, not_cached
from ioadapt_theory.checkpoints.hub.live import LiveRepository
from ioadapt_theory.errors import InvalidValueError, MissingExtraError

log = logging.getLogger(__name__)


def open_remote(
    repo: str, revision: str | None, *, name: str, subfolder: str | None, file: str | None, variant: str | None,
    ema: bool | None, cache: Path | None, offline: bool, verify: bool, progress: bool,
) -> Checkpoint:  # fmt: skip
    """Open the weights in a repository, which has the short name ``name`` in tables; options are `open_checkpoint`'s.

    Of ``file``, relative to the root, nothing has to be chosen; without it and ``subfolder`` unet, transformer or the
    root are looked into, whichever there is.

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
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    asked = Request(repo, revision, endpoint, (cache or Path(constants.HF_HUB_CACHE)).expanduser())
    known = cached_commit(asked)

    def opened(repository: CachedRepository) -> Checkpoint:
        folder, _, plain = (file or "").rpartition("/")
        if file is None:
            folder = (component_of(repository.listing("").folders) or "") if subfolder is None else subfolder
            if not isinstance(repository, LiveRepository):
                repository.require_weights(folder)
        weights = open_weights(repository, folder, plain or None, variant=variant, part=None, ema=ema)
        weights.name, weights.revision = name, repository.commit
        return weights

    set_offline = os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "TRUE", "YES", "ON"}
    if offline or constants.HF_HUB_OFFLINE or set_offline:
        if known is None:
            raise not_cached(asked, None, file or (f"{subfolder}/*.safetensors" if subfolder else None))
        return opened(CachedRepository(asked, known, check=verify))
    try:
        return opened(LiveRepository(replace(asked, hurry=known is not None), check=verify, progress=progress))
    except SourceError as refusal:
        if known is None:
            raise
        reason = str(refusal).rstrip(".")
        weights = opened(CachedRepository(replace(asked, refusal=reason), known, check=verify))
        log.warning("%s; the cached commit %s of %s is used.", reason, known[:8], repo)
        return weights
