"""One repository on the hub at one commit: what it holds, headers, and files, through huggingface_hub and its cache."""

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, TensorInfo
from ioadapt_theory.checkpoints.files.layout import LARGEST_CONFIG, missing_shards, read_config
from ioadapt_theory.checkpoints.files.place import Listing
from ioadapt_theory.checkpoints.files.safetensors import header_length, parse_header
from ioadapt_theory.checkpoints.hub.cache import remove_orphans, repository_folder, require_space
from ioadapt_theory.checkpoints.hub.errors import Request, explain, retry_after
from ioadapt_theory.checkpoints.hub.remote import RemoteFile
from ioadapt_theory.checkpoints.hub.repository import Repository
from ioadapt_theory.errors import FileFormatError, IoAdaptError

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST: Final = 100_000
"""Last byte of the first piece of a file that is asked for; few headers are longer."""
PATIENCE: Final = 3
"""Times that a hub may ask us to wait."""
LONGEST_WAIT: Final = 300
"""Seconds that we wait at most, each time."""


class LiveRepository(Repository):
    """A repository asked over the network; see `asked_of_hub`."""

    def __init__(self, asked: Request, commit: str, cache: Path, *, check: bool, progress: bool) -> None:
        """Take what the hub said."""
        super().__init__(asked, commit, cache, check=check)
        self._progress = progress
        self._listings: dict[str, Listing] = {}

    def listing(self, folder: str) -> Listing:
        """See `Place.listing`; each folder is asked for once."""
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def _list(self, folder: str) -> Listing:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        api = HfApi(endpoint=self.asked.endpoint)

        def ask() -> Listing:
            found = list(api.list_repo_tree(self.asked.repo, folder or None, revision=self.commit))
            names = {entry.path.rsplit("/", 1)[-1]: entry for entry in found if entry.path.isprintable()}
            files = {name: entry.size for name, entry in names.items() if isinstance(entry, RepoFile)}
            return Listing(files, [name for name in names if name not in files])

        return patiently(ask, replace(self.asked, file=f"{folder}/" if folder else None))

    def open(self, file: str) -> Checkpoint:
        """See `Place.open`: of a safetensors file that is away the header, of others, which have none, the whole."""
        if self.cached(file) is not None:
            return super().open(file)
        folder, _, plain = file.rpartition("/")
        sizes = self.listing(folder).files
        if plain not in sizes:
            there = ", ".join(sorted(sizes)[:8]) or "no files"
            msg = f"{self.where(folder)} has no {plain}; it has {there}."
            raise SourceError(msg)
        bring = super().open
        require_space(sizes[plain], self.cache)
        if not file.endswith(".safetensors"):
            return bring(file)
        tensors = self._header(file, sizes[plain])
        here = lambda: self.cached(file) is not None  # noqa: E731
        return RemoteFile(self.title(file), self.commit, tensors, sizes[plain], here, lambda: bring(file))

    def _header(self, file: str, size: int) -> dict[str, TensorInfo]:
        """Names, dtypes and shapes of a safetensors file of `size` bytes, read as strictly as one that is here."""
        asked = replace(self.asked, file=file)

        def start(last: int) -> bytes:
            return patiently(lambda: _first_bytes(asked, self.commit, last), asked)

        try:
            piece = start(FIRST)
            length = header_length(piece[:8], file, size)
            if 8 + length > len(piece):
                piece = start(7 + length)
            return parse_header(piece[8 : 8 + length], file, size).tensors
        except FileFormatError as error:
            reason = str(error).partition(" Delete ")[0].rstrip(".")
            msg = f"{asked.what} has a broken safetensors header ({reason}). Take another file or revision."
            raise SourceError(msg) from error

    def fetch(self, file: str) -> Path:
        """See `Repository.fetch`. Cut connections are resumed; an interrupted download leaves nothing behind."""
        from huggingface_hub import hf_hub_download

        if found := self.cached(file):
            return found
        remove_orphans(repository_folder(self.cache, self.asked.repo))

        def ask() -> str:
            return hf_hub_download(
                self.asked.repo,
                file,
                revision=self.asked.revision,  # by its name, so that the cache learns which commit that was
                cache_dir=self.cache,
                endpoint=self.asked.endpoint,
            )

        with _bars(shown=self._progress):
            path = patiently(ask, replace(self.asked, file=file))
        if not Path(path).is_relative_to(self._snapshot):
            msg = f"{self.asked.repo} changed while it was read (no longer {self.commit[:8]}). Run the command again."
            raise SourceError(msg)
        return Path(path)

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """See `Place.config`; one that cannot be had is as none."""
        found = super().config(folder, ask=ask)
        if ask and not found and 0 < self.listing(folder).files.get("config.json", 0) <= LARGEST_CONFIG:
            with suppress(SourceError):
                return read_config(self.fetch(f"{folder}/config.json".lstrip("/")))
        return found

    def missing(self, index: str, shards: Collection[str]) -> SourceError | None:
        """See `Place.missing`."""
        return missing_shards(self.title(index), shards, self.listing(index.rpartition("/")[0]).files)


def commit_of(asked: Request) -> str:
    """Ask the hub which commit is meant, by one request, before downloads would retry for half a minute.

    Raises:
        SourceError: If the repository or revision cannot be had.
    """
    from huggingface_hub import HfApi, constants

    api, timeout = HfApi(endpoint=asked.endpoint), constants.HF_HUB_ETAG_TIMEOUT
    commit = patiently(lambda: api.repo_info(asked.repo, revision=asked.revision, timeout=timeout).sha, asked)
    if not re.fullmatch("[0-9a-f]{40}", str(commit)):
        msg = f"{asked.endpoint} is no hub: it names {str(commit)[:60]!r} as the commit of {asked.repo}. "
        msg += "Check HF_ENDPOINT."
        raise SourceError(msg)
    return str(commit)


def patiently(ask: Callable[[], T], asked: Request) -> T:
    """Return what the hub answers; where it asks to be asked later (Retry-After), wait and do so.

    Raises:
        SourceError: With what the hub said, see `explain`.
    """
    for left in reversed(range(PATIENCE)):
        try:
            return ask()
        except IoAdaptError:
            raise
        except Exception as error:  # the client's errors share no base: its own, httpx's, OSError, ValueError
            seconds = retry_after(error)
            if seconds is None or seconds > LONGEST_WAIT or not left or asked.hurry:
                raise explain(error, asked) from error
        log.warning("%s asks to wait %d seconds.", asked.endpoint, seconds)
        time.sleep(seconds)
    raise AssertionError


def _first_bytes(asked: Request, commit: str, last: int) -> bytes:
    """The bytes of a file up to the last one asked for, also from a server that sends the whole."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import get_session, hf_raise_for_status

    url = hf_hub_url(asked.repo, str(asked.file), revision=commit, endpoint=asked.endpoint)
    headers = {**build_hf_headers(), "range": f"bytes=0-{last}"}
    found = bytearray()
    with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_ETAG_TIMEOUT) as response:
        if response.is_error:
            response.read()
        hf_raise_for_status(response)
        for piece in response.iter_bytes():
            found += piece
            if len(found) > last:
                break
    return bytes(found[: last + 1])


@contextmanager
def _bars(*, shown: bool) -> Iterator[None]:
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if shown or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
