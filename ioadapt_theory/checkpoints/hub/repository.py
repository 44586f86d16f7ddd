"""One repository at one commit, as the hub's cache on this machine has it; nothing is asked of the network."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.files.layout import read_config
from ioadapt_theory.checkpoints.files.place import Listing, Place
from ioadapt_theory.checkpoints.files.plain import read_whole
from ioadapt_theory.checkpoints.files.readers import is_weights, open_file
from ioadapt_theory.checkpoints.hub.cache import not_cached, repository_folder, verify
from ioadapt_theory.checkpoints.hub.errors import Request
from ioadapt_theory.errors import IoAdaptError


class Repository(Place):
    """A repository at one commit; ``check`` compares the hash of every file with the hub's."""

    def __init__(self, asked: Request, commit: str, cache: Path, *, check: bool) -> None:
        """Take what was asked for, the commit that this is, and where the cache lies."""
        self.asked, self.commit, self.cache, self.check = asked, commit, cache, check

    @abstractmethod
    def fetch(self, file: str) -> Path:
        """Return the file on this machine, downloading it if need be."""

    def where(self, folder: str) -> str:
        """See `Place.where`."""
        return f"{self.asked.repo} ({folder or 'root'})"

    def title(self, file: str) -> str:
        """See `Place.title`."""
        return f"{self.asked.repo} {file}"

    def content(self, file: str) -> bytes:
        """See `Place.content`."""
        return read_whole(self.fetch(file))

    def config(self, folder: str, *, ask: bool) -> Mapping[str, Any]:
        """See `Place.config`; what the cache has."""
        found = self.cached(f"{folder}/config.json".lstrip("/"))
        return {} if found is None else read_config(found)

    def open(self, file: str) -> Checkpoint:
        """See `Place.open`."""
        path = self.fetch(file)
        if self.check:
            verify(path, file, self.asked.repo)
        opened = open_file(path)
        opened.source, opened.revision = self.title(file), self.commit
        return opened

    def cached(self, file: str) -> Path | None:
        """Return the file if it is on this machine."""
        path = self._snapshot / file
        return path if path.is_file() else None

    @property
    def _snapshot(self) -> Path:
        """Folder of the cache that holds the files of this commit."""
        return repository_folder(self.cache, self.asked.repo) / "snapshots" / self.commit


class CachedRepository(Repository):
    """What the cache has of a repository."""

    def listing(self, folder: str) -> Listing:
        """See `Place.listing`."""
        inside = list((self._snapshot / folder).iterdir()) if (self._snapshot / folder).is_dir() else []
        files = {p.name: p.stat().st_size for p in inside if p.is_file()}
        return Listing(files, [p.name for p in inside if p.is_dir()])

    def fetch(self, file: str) -> Path:
        """See `Repository.fetch`; raises SourceError if it is not there."""
        found = self.cached(file)
        if found is None:
            raise not_cached(self.asked, file, self.cache)
        return found

    def missing(self, index: str, shards: Collection[str]) -> IoAdaptError | None:
        """See `Place.missing`."""
        folder = f"{index.rpartition('/')[0]}/".lstrip("/")
        away = sorted(shard for shard in shards if self.cached(folder + shard) is None)
        return not_cached(self.asked, folder + away[0], self.cache) if away else None

    def require_weights(self, folder: str) -> None:
        """Refuse a folder of which the cache has no weights.

        Raises:
            SourceError: With what to download.
        """
        if not any(is_weights(name) or ".index." in name for name in self.listing(folder).files):
            raise not_cached(self.asked, f"{folder}/".lstrip("/") + "*.safetensors", self.cache)
