"""One repository on the hub at one commit: what it holds, headers, and files, by huggingface_hub and its cache."""

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, TensorInfo
from ioadapt_theory.checkpoints.files.folder import Listing
from ioadapt_theory.checkpoints.files.layout import LARGEST_CONFIG, read_config
from ioadapt_theory.checkpoints.files.safetensors import tensor_info
from ioadapt_theory.checkpoints.hub.cached import CachedRepository, require_space
from ioadapt_theory.checkpoints.hub.errors import Request, explain, retry_after
from ioadapt_theory.errors import FileFormatError, IoAdaptError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE: Final = 3
"""Times that a hub may ask us to wait."""
LONGEST_WAIT: Final = 300
"""Seconds that we wait at most, each time."""


class LiveRepository(CachedRepository):
    """A repository asked over the network; the cache has what was fetched of it."""

    def __init__(self, asked: Request, *, check: bool, progress: bool) -> None:
        """Ask the hub which commit is meant, by one request, before downloads would retry for half a minute."""
        from huggingface_hub import HfApi, constants

        api, timeout = HfApi(endpoint=asked.endpoint), constants.HF_HUB_ETAG_TIMEOUT
        commit = patiently(lambda: api.repo_info(asked.repo, revision=asked.revision, timeout=timeout).sha, asked)
        if not re.fullmatch("[0-9a-f]{40}", str(commit)):
            msg = f"{asked.endpoint} is no hub: it names {str(commit)[:60]!r} as the commit of {asked.repo}. "
            msg += "Check HF_ENDPOINT."
            raise SourceError(msg)
        super().__init__(asked, str(commit), check=check)
        self._api, self._timeout, self._progress = api, timeout, progress
        self._listings: dict[str, Listing] = {}

    def listing(self, folder: str) -> Listing:
        """See `Folder.listing`; each folder is asked for once."""
        from huggingface_hub.hf_api import RepoFile

        def ask() -> Listing:
            entries = list(self._api.list_repo_tree(self.asked.repo, folder or None, revision=self.commit))
            names = {entry.path.rsplit("/", 1)[-1]: entry for entry in entries if entry.path.isprintable()}
            files = {name: entry.size for name, entry in names.items() if isinstance(entry, RepoFile)}
            return Listing(files, [name for name in names if name not in files])

        if folder not in self._listings:
            self._listings[folder] = patiently(ask, replace(self.asked, file=f"{folder}/" if folder else None))
        return self._listings[folder]

    def open(self, file: str) -> Checkpoint:
        """See `Folder.open`: of a safetensors file that is away the header, of others, which have none, the whole."""
        if self.cached(file):
            return super().open(file)
        folder, _, plain = file.rpartition("/")
        sizes = self.listing(folder).files
        if plain not in sizes:
            there = ", ".join(sorted(sizes)[:8]) or "no files"
            msg = f"{self.where(folder)} has no {plain}; it has {there}."
            raise SourceError(msg)
        require_space(sizes[plain], self.asked.cache)
        return RemoteFile(self, file, sizes[plain]) if file.endswith(".safetensors") else super().open(file)

    def header(self, file: str) -> dict[str, TensorInfo]:
        """Return names, dtypes and shapes of a safetensors file that is away, from its header."""
        from huggingface_hub.errors import SafetensorsParsingError

        asked = replace(self.asked, file=file)
        options: dict[str, Any] = {"revision": self.commit, "timeout": self._timeout}

        def ask() -> dict[str, TensorInfo]:
            try:
                header = self._api.parse_safetensors_file_metadata(asked.repo, file, **options).tensors
                stored = sorted(header.items(), key=lambda item: item[1].data_offsets)
                return {name: tensor_info(name, tensor.dtype, tensor.shape, file) for name, tensor in stored}
            except (SafetensorsParsingError, FileFormatError, TypeError, KeyError, AttributeError) as error:
                reason = str(error).partition(". ")[0].rstrip(".")
                msg = f"{asked.what} has a broken safetensors header ({reason}). Take another file or revision."
                raise SourceError(msg) from error

        return patiently(ask, asked)

    def fetch(self, file: str) -> Path:
        """See `Folder.fetch`. Cut connections are resumed; an interrupted download leaves nothing behind.

        The client stores a file under what the hub gives as its hash, so that this has to be one.
        """
        if self.cached(file):
            return self.root / file
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.utils.tqdm import tqdm

        asked = replace(self.asked, file=file)
        url = hf_hub_url(asked.repo, file, revision=asked.revision, endpoint=asked.endpoint)
        etag = patiently(lambda: get_hf_file_metadata(url, timeout=self._timeout).etag, asked)
        if etag is not None and not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", etag):
            msg = f"{asked.endpoint} gives {etag[:60]!r} as the hash of {asked.what}: refused."
            raise SourceError(msg)
        options: dict[str, Any] = {"cache_dir": asked.cache, "endpoint": asked.endpoint}
        if not self._progress:
            options["tqdm_class"] = type("Silent", (tqdm,), {"__init__": _silent})
        # by the revision's name, so that the cache learns which commit that was
        path = Path(patiently(lambda: hf_hub_download(asked.repo, file, revision=asked.revision, **options), asked))
        if not path.is_relative_to(self.root):
            msg = f"{asked.repo} changed while it was read (no longer {self.commit[:8]}). Run the command again."
            raise SourceError(msg)
        return path

    def bring(self, file: str) -> Checkpoint:
        """Download a file and open it."""
        return super().open(file)

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """See `Folder.config`; one that cannot be had is as none."""
        config = super().config(folder, ask=ask)
        if ask and not config and 0 < self.listing(folder).files.get("config.json", 0) <= LARGEST_CONFIG:
            with suppress(SourceError):
                return read_config(self.fetch(f"{folder}/config.json".lstrip("/")))
        return config


class RemoteFile(Checkpoint):
    """A safetensors file: names and shapes at once, the values when `prepare` or the first reading wants them."""

    def __init__(self, repository: LiveRepository, file: str, size: int) -> None:
        """Ask for the header of a file of `size` bytes."""
        self.name = self.source = repository.title(file)
        self.revision, self.metadata = repository.commit, {}
        self.tensors = repository.header(file)
        self._repository, self._file, self._size = repository, file, size
        self._local: Checkpoint | None = None
        self._lock = threading.Lock()

    def pending(self, names: Collection[str] | None = None) -> int:
        """See `Checkpoint.pending`."""
        wanted = names is None or len(names) > 0
        return self._size if wanted and self._local is None and not self._repository.cached(self._file) else 0

    def prepare(self, names: Collection[str] | None = None) -> None:
        """See `Checkpoint.prepare`."""
        if names is None or len(names) > 0:
            self._here()

    def _here(self) -> Checkpoint:
        """Return the file, downloaded once; what arrives has to be what the header promised."""
        with self._lock:
            if self._local is None:
                local = self._repository.bring(self._file)
                if local.tensors != self.tensors:
                    local.close()
                    msg = f"The tensors of {self.source} differ from the header read before; run the command again."
                    raise FileFormatError(msg)
                self._local = local
            return self._local

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        return self._here().filler(name, out)

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None] | None:
        """See `Checkpoint.bytes_of`."""
        return self._here().bytes_of(name)

    def close(self) -> None:
        """Close the local file, if it is open."""
        if self._local is not None:
            self._local.close()


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


def _silent(bar: Any, *arguments: Any, **options: Any) -> None:
    """Begin a bar of the client that is not shown."""
    super(type(bar), bar).__init__(*arguments, **{**options, "disable": True})
