"""One repository on the hub at one commit: what it holds, and its files, through huggingface_hub and its cache."""

import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ioadapt_theory.checkpoints.checkpoint import DTYPES, SourceError, TensorInfo
from ioadapt_theory.checkpoints.hub.cache import cached_commit, not_cached, remove_orphans, repository_folder
from ioadapt_theory.checkpoints.hub.errors import Request, explain, unreachable
from ioadapt_theory.errors import FileFormatError, IoAdaptError, MissingExtraError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder: files with their bytes, and folders."""

    files: dict[str, int]
    folders: list[str]


class Repository(ABC):
    """A repository at one commit. File names are relative to its root, with '/'."""

    asked: Request
    commit: str
    cache: Path

    @abstractmethod
    def listing(self, folder: str) -> Listing:
        """Return what a folder ('' for the root) holds."""

    @abstractmethod
    def fetch(self, file: str) -> Path:
        """Return the file on this machine, downloading it if need be."""

    @abstractmethod
    def header(self, file: str) -> dict[str, TensorInfo]:
        """Return names, dtypes and shapes of a safetensors file that is not on this machine."""

    @property
    def snapshot(self) -> Path:
        """Folder of the cache that holds the files of this commit."""
        return repository_folder(self.cache, self.asked.repo) / "snapshots" / self.commit

    def cached(self, file: str) -> Path | None:
        """Return the file if it is on this machine."""
        path = self.snapshot / file
        return path if path.is_file() else None


class CachedRepository(Repository):
    """What the cache has of a repository; nothing is asked of the network."""

    def __init__(self, asked: Request, commit: str, cache: Path) -> None:
        """Take the commit that `cached_commit` found."""
        self.asked, self.commit, self.cache = asked, commit, cache

    def listing(self, folder: str) -> Listing:
        """See `Repository.listing`."""
        inside = list((self.snapshot / folder).iterdir()) if (self.snapshot / folder).is_dir() else []
        return Listing(
            {p.name: p.stat().st_size for p in inside if p.is_file()}, [p.name for p in inside if p.is_dir()]
        )

    def fetch(self, file: str) -> Path:
        """See `Repository.fetch`; raises SourceError if it is not there."""
        found = self.cached(file)
        if found is None:
            raise not_cached(self.asked, file, self.cache)
        return found

    def header(self, file: str) -> dict[str, TensorInfo]:
        """See `Repository.header`; there is none without the file."""
        raise not_cached(self.asked, file, self.cache)


class LiveRepository(Repository):
    """A repository asked over the network."""

    def __init__(self, asked: Request, commit: str, cache: Path, *, progress: bool) -> None:
        """Take what `open_repository` found out."""
        self.asked, self.commit, self.cache, self._progress = asked, commit, cache, progress

    def listing(self, folder: str) -> Listing:
        """See `Repository.listing`."""
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        api = HfApi(endpoint=self.asked.endpoint)
        with _explained(replace(self.asked, file=f"{folder}/" if folder else None)):
            found = list(api.list_repo_tree(self.asked.repo, folder or None, revision=self.commit))
        names = {entry.path.rsplit("/", 1)[-1]: entry for entry in found}
        files = {name: entry.size for name, entry in names.items() if isinstance(entry, RepoFile)}
        return Listing(files, [name for name in names if name not in files])

    def header(self, file: str) -> dict[str, TensorInfo]:
        """See `Repository.header`; a range request of about 100 kB."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.asked.endpoint)
        with _explained(replace(self.asked, file=file)):
            said = api.parse_safetensors_file_metadata(self.asked.repo, file, revision=self.commit)
        for name, info in said.tensors.items():
            if info.dtype not in DTYPES:
                msg = (
                    f"{file} of {self.asked.repo} gives tensor {name!r} the dtype {info.dtype!r}, which cannot be read."
                )
                raise FileFormatError(msg)
        return {n: TensorInfo(n, i.dtype, tuple(i.shape)) for n, i in said.tensors.items()}

    def fetch(self, file: str) -> Path:
        """See `Repository.fetch`. Cut connections are resumed; an interrupted download leaves nothing behind."""
        from huggingface_hub import hf_hub_download

        if found := self.cached(file):
            return found
        remove_orphans(repository_folder(self.cache, self.asked.repo))
        with _explained(replace(self.asked, file=file)), _bars(shown=self._progress):
            path = hf_hub_download(
                self.asked.repo,
                file,
                revision=self.asked.revision,  # by its name, so that the cache learns which commit that was
                cache_dir=self.cache,
                endpoint=self.asked.endpoint,
            )
        if not Path(path).is_relative_to(self.snapshot):
            msg = f"{self.asked.repo} changed while it was read (no longer {self.commit[:8]}). Run the command again."
            raise SourceError(msg)
        return Path(path)


def open_repository(
    repo: str, revision: str | None, *, cache: Path | None, offline: bool, progress: bool
) -> Repository:
    """Find out which commit is meant, by one request; offline mode needs none.

    A hub that cannot be reached is told by this request, before downloads would retry for half a minute; if the cache
    knows the revision it is used instead, with a warning.

    Raises:
        MissingExtraError: Without huggingface_hub.
        SourceError: If the repository or revision cannot be had.
    """
    try:
        from huggingface_hub import HfApi, constants
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub") from error
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    asked = Request(repo, revision, endpoint)
    folder = (cache or Path(constants.HF_HUB_CACHE)).expanduser()
    known = cached_commit(folder, repo, revision)
    if (
        offline
        or constants.HF_HUB_OFFLINE
        or os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "TRUE", "YES", "ON"}
    ):
        if known is None:
            raise not_cached(asked, None, folder)
        return CachedRepository(asked, known, folder)
    try:
        commit = HfApi(endpoint=endpoint).repo_info(repo, revision=revision, timeout=10).sha
    except Exception as error:
        if known is not None and unreachable(error):
            log.warning("%s cannot be reached; the cached commit %s of %s is used.", endpoint, known[:8], repo)
            return CachedRepository(replace(asked, why_offline=f"{endpoint} cannot be reached"), known, folder)
        raise explain(error, asked) from error
    if not re.fullmatch("[0-9a-f]{40}", str(commit)):
        msg = f"{endpoint} is no hub: it names {str(commit)[:60]!r} as the commit of {repo}. Check HF_ENDPOINT."
        raise SourceError(msg)
    return LiveRepository(asked, str(commit), folder, progress=progress)


@contextmanager
def _explained(asked: Request) -> Iterator[None]:
    try:
        yield
    except IoAdaptError:
        raise
    except Exception as error:  # the client's errors share no base: its own, httpx's, OSError, ValueError
        raise explain(error, asked) from error


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
