"""One repository at one commit, as the hub's cache on this machine has it; nothing is asked of the network."""

import hashlib
import re
import shutil
from pathlib import Path

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError
from ioadapt_theory.checkpoints.files.folder import Folder
from ioadapt_theory.checkpoints.files.readers import is_weights, open_file
from ioadapt_theory.checkpoints.hub.errors import Request, not_cached
from ioadapt_theory.errors import FileFormatError


class CachedRepository(Folder):
    """What the cache has of a repository; ``check`` compares the hash of every file with the hub's."""

    def __init__(self, asked: Request, commit: str, *, check: bool) -> None:
        """Take what was asked for, and the commit that this is."""
        super().__init__(repository_folder(asked) / "snapshots" / commit)
        self.asked, self.commit, self.check = asked, commit, check

    def where(self, folder: str) -> str:
        """See `Folder.where`."""
        return f"{self.asked.repo} ({folder or 'root'})"

    def title(self, file: str) -> str:
        """See `Folder.title`."""
        return f"{self.asked.repo} {file}"

    def cached(self, file: str) -> bool:
        """Whether the file is on this machine."""
        return (self.root / file).is_file()

    def fetch(self, file: str) -> Path:
        """See `Folder.fetch`; raises SourceError if it is not there."""
        if not self.cached(file):
            raise not_cached(self.asked, file)
        return self.root / file

    def open(self, file: str) -> Checkpoint:
        """See `Folder.open`."""
        path = self.fetch(file)
        if self.check:
            verify(path, f"{file} of {self.asked.repo}")
        opened = open_file(path)
        opened.source, opened.revision = self.title(file), self.commit
        return opened

    def require_weights(self, folder: str) -> None:
        """Refuse a folder of which the cache has no weights.

        Raises:
            SourceError: With what to download.
        """
        if not any(is_weights(name) or ".index." in name for name in Folder.listing(self, folder).files):
            raise not_cached(self.asked, f"{folder}/".lstrip("/") + "*.safetensors")


def repository_folder(asked: Request) -> Path:
    """Return the folder of a repository in the cache."""
    return asked.cache / f"models--{asked.repo.replace('/', '--')}"


def cached_commit(asked: Request) -> str | None:
    """Return the commit that the cache knows for a revision (a branch, a tag, or itself a commit)."""
    wanted = asked.revision or "main"
    if not re.fullmatch(r"[\w./-]+", wanted) or wanted.startswith("/") or ".." in wanted.split("/"):
        return None
    folder = repository_folder(asked)
    ref = folder / "refs" / wanted
    commit = ref.read_bytes()[:100].strip().decode("ascii", "replace") if ref.is_file() else wanted
    return commit if re.fullmatch("[0-9a-f]{40}", commit) and (folder / "snapshots" / commit).is_dir() else None


def require_space(need: int, cache: Path) -> None:
    """Refuse a download that the disk of the cache cannot take.

    Raises:
        SourceError: With what is needed and what is free.
    """
    existing = next(p for p in (cache, *cache.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if need > free:
        msg = f"The download needs {need / 1e6:,.1f} MB, and the disk of {cache} has {free / 1e6:,.1f} MB free. "
        msg += "Make room, set HF_HOME to another disk, or take a smaller variant (--variant fp16)."
        raise SourceError(msg)


def verify(path: Path, what: str) -> None:
    """Compare a cached file with the hash that the hub gave for it, which is the name of its blob.

    Raises:
        FileFormatError: If they differ; with the way out.
        SourceError: If the cache has no such hash.
    """
    blob = path.resolve()
    if len(blob.name) not in (40, 64) or not blob.is_file():
        msg = f"The cache keeps no hash of {what} ({blob}), so it cannot be verified."
        raise SourceError(msg)
    # a small file, not in LFS, has git's own hash
    start = b"blob %d\0" % blob.stat().st_size if len(blob.name) == 40 else b""
    digest = hashlib.new("sha1" if start else "sha256", start, usedforsecurity=False)
    with blob.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != blob.name:
        msg = f"{what} is damaged: its hash is not {blob.name[:12]}.... Delete {blob} and download it again."
        raise FileFormatError(msg)
