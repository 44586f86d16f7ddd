"""Checkpoints on the hub: names and shapes from the headers at once, the values when they are wanted."""

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.layout import (
    PICKLES,
    choose,
    component_of,
    is_weights,
    read_index,
    require_shards,
)
from ioadapt_theory.checkpoints.files.local import open_file
from ioadapt_theory.checkpoints.hub.cache import not_cached, require_space, verify
from ioadapt_theory.checkpoints.hub.repository import CachedRepository, Repository
from ioadapt_theory.checkpoints.views import join_shards, ldm_part
from ioadapt_theory.errors import FileFormatError, InvalidValueError

if TYPE_CHECKING:
    import torch


class RemoteFile(Checkpoint):
    """One safetensors file on the hub; it is downloaded by `prepare`, or before the first reading."""

    def __init__(self, repository: Repository, file: str, size: int, *, check: bool) -> None:
        """Ask for the header only; `check` compares the download's hash."""
        self.name, self.source, self.revision = file, f"{repository.asked.repo} {file}", repository.commit
        self.metadata = {}
        self.tensors = repository.header(file)
        self._repository, self._file, self._size, self._check = repository, file, size, check
        self._local: Checkpoint | None = None
        self._lock = threading.Lock()

    def pending(self, names: Collection[str] | None = None) -> int:
        """See `Checkpoint.pending`."""
        wanted = names is None or len(names) > 0
        return self._size if wanted and self._local is None and self._repository.cached(self._file) is None else 0

    def prepare(self, names: Collection[str] | None = None) -> None:
        """See `Checkpoint.prepare`; what arrives has to be what the header promised."""
        with self._lock:
            if self._local is not None or (names is not None and not names):
                return
            require_space(self._size, self._repository.cache)
            self._local = open_fetched(self._repository, self._file, check=self._check)
            if self._local.tensors != self.tensors:
                msg = f"{self.source} has other tensors than its header said before the download. Download it again."
                raise FileFormatError(msg)

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        if self._local is None:
            self.prepare()
        assert self._local is not None
        return self._local.filler(name, out)

    def close(self) -> None:
        """Close the local file, if it is open."""
        if self._local is not None:
            self._local.close()


def open_fetched(repository: Repository, file: str, *, check: bool) -> Checkpoint:
    """Download a file, compare its hash if asked, and open it."""
    path = repository.fetch(file)
    if check:
        verify(path, file, repository.asked.repo)
    opened = open_file(path)
    opened.source, opened.revision = f"{repository.asked.repo} {file}", repository.commit
    return opened


def open_remote(
    repository: Repository,
    *,
    name: str,
    subfolder: str | None,
    file: str | None,
    variant: str | None,
    ema: bool | None,
    check: bool,
) -> Checkpoint:
    """Open the weights in a repository.

    Args:
        repository: At one commit.
        name: Short name for tables.
        subfolder: Where to look; without it unet, transformer or the root, whichever there is.
        file: Exactly this file, relative to the root; then there is nothing to choose.
        variant: Such as fp16; a preference.
        ema: Which weights of a single file with both kinds.
        check: Compare the hash of every file.

    Raises:
        SourceError: If there are no such weights, or they cannot be had.
        FileFormatError: If a file is not what it has to be.
        InvalidValueError: If `subfolder` or `file` leads out of the repository.
    """
    if ".." in (file or subfolder or "").split("/") or (file or subfolder or "").startswith("/"):
        msg = f"{file or subfolder!r} is no place within {repository.asked.repo}: write it from the root, without '..'."
        raise InvalidValueError(msg)
    if file is not None:
        folder, plain = file.rpartition("/")[0], file.rpartition("/")[2]
    else:
        folder = (component_of(repository.listing("").folders) or "") if subfolder is None else subfolder
        plain = None
    listing = repository.listing(folder)
    where = f"{repository.asked.repo} ({folder or 'root'})"
    if isinstance(repository, CachedRepository) and not any(
        is_weights(name) or ".index." in name for name in listing.files
    ):
        raise not_cached(repository.asked, file or f"{folder}/".lstrip("/") + "*.safetensors", repository.cache)
    if plain is None:
        choice = choose(listing.files, where, variant)
        plain, sharded = choice.file, choice.sharded
    elif plain in listing.files:
        sharded = plain.endswith(".json")
    else:
        msg = f"{where} has no {plain}; it has {', '.join(sorted(listing.files)[:8]) or 'no files'}."
        raise SourceError(msg)
    prefix = f"{folder}/" if folder else ""
    if sharded:
        opened = _open_sharded(repository, prefix, plain, listing.files, check=check)
    else:
        opened = ldm_part(_open_one(repository, prefix + plain, listing.files[plain], check=check), None, ema)
    opened.name, opened.source, opened.revision = name, f"{repository.asked.repo} {prefix}{plain}", repository.commit
    return opened


def _open_one(repository: Repository, file: str, size: int, *, check: bool) -> Checkpoint:
    """Open a file that is here; of one that is not, the header (of a pickle, which has none, the whole)."""
    if repository.cached(file) is None and not file.endswith(PICKLES):
        return RemoteFile(repository, file, size, check=check)
    if repository.cached(file) is None:
        require_space(size, repository.cache)
    return open_fetched(repository, file, check=check)


def _open_sharded(repository: Repository, prefix: str, index: str, files: dict[str, int], *, check: bool) -> Checkpoint:
    path = f"{repository.asked.repo} {prefix}{index}"
    shards = read_index(repository.fetch(prefix + index).read_bytes(), path)
    if not isinstance(repository, CachedRepository):  # which itself says what is not in the cache
        require_shards(path, shards.values(), files)
    parts: dict[str, Checkpoint] = {}
    try:
        for shard in sorted(set(shards.values())):
            parts[shard] = _open_one(repository, prefix + shard, files.get(shard, 0), check=check)
        return join_shards(index, path, shards, parts)
    except BaseException:
        for part in parts.values():
            part.close()
        raise
