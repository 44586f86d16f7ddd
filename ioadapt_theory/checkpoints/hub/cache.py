"""The hub's cache on this machine: what it knows, what fits on its disk, whether a file is what the hub promised."""

import hashlib
import logging
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.hub.errors import Request
from ioadapt_theory.errors import FileFormatError

log = logging.getLogger(__name__)

ORPHAN_AGE: Final = 600
"""Seconds without a write after which a partial download that nobody has locked counts as abandoned."""


def not_cached(asked: Request, file: str | None, cache: Path) -> SourceError:
    """Return the error for a file (or a pattern of files, or a repository) that the cache alone cannot give."""
    what = f"{file} of {asked.repo}" if file else asked.repo
    if asked.refusal:
        return SourceError(f"{asked.refusal}; and {what} is not in the cache {cache}.")
    wanted = file or asked.wanted
    download = f"hf download {asked.repo}"
    if wanted is not None:
        download += f" --include '{wanted}' --exclude '*.fp16.*' '*.non_ema.*'" if "*" in wanted else f" {wanted}"
    download += f" --revision {asked.revision}" if asked.revision else ""
    return SourceError(f"Offline mode is on and {what} is not in the cache {cache}. Run once online: {download}.")


def cached_commit(cache: Path, repo: str, revision: str | None) -> str | None:
    """Return the commit that the cache knows for a revision (its name, or itself a commit)."""
    wanted = revision or "main"
    if not re.fullmatch(r"[\w./-]+", wanted) or wanted.startswith("/") or ".." in wanted.split("/"):
        return None
    folder = repository_folder(cache, repo)
    ref = folder / "refs" / wanted
    if ref.is_file():
        return ref.read_text(encoding="ascii").strip()
    return wanted if (folder / "snapshots" / wanted).is_dir() else None


def require_space(need: int, cache: Path) -> None:
    """Refuse a download that the disk of the cache cannot take.

    Raises:
        SourceError: With what is needed and what is free.
    """
    existing = next(p for p in (cache, *cache.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if need > free:
        msg = f"The download needs {readable(need)}, and the disk of {cache} has {readable(free)} free. "
        msg += "Make room, set HF_HOME to another disk, or take a smaller variant (--variant fp16)."
        raise SourceError(msg)


def readable(count: int) -> str:
    """Return bytes as people read them: 3.4 GB."""
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "bytes" else f"{count} bytes"


def verify(path: Path, file: str, repo: str) -> None:
    """Compare a cached file with the hash that the hub gave for it, which is the name of its blob.

    Raises:
        FileFormatError: If they differ; with the way out.
        SourceError: If the cache has no such hash.
    """
    blob = path.resolve()
    if len(blob.name) == 64:
        digest = hashlib.sha256()
    elif len(blob.name) == 40:  # a small file, not in LFS: git's own hash
        digest = hashlib.sha1(b"blob %d\0" % blob.stat().st_size, usedforsecurity=False)
    else:
        msg = f"The cache keeps no hash of {file} of {repo} ({blob}), so it cannot be verified."
        raise SourceError(msg)
    with blob.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != blob.name:
        msg = f"{file} of {repo} is damaged: its hash is not {blob.name[:12]}.... Delete {blob} and download it again."
        raise FileFormatError(msg)


def remove_orphans(folder: Path) -> None:
    """Delete partial downloads that a killed process left in a repository's folder; the client never would.

    Each has a random part in its name, so no later run could resume it.
    """
    for orphan in (folder / "blobs").glob("*.????????.incomplete"):
        with suppress(FileNotFoundError):  # another process may be about the same
            found = orphan.stat()
            if time.time() - found.st_mtime > ORPHAN_AGE:
                orphan.unlink()
                log.warning("Removed %s of a download that was killed.", readable(found.st_size))


def repository_folder(cache: Path, repo: str) -> Path:
    """Return the folder of a model's repository in the cache."""
    return cache / f"models--{repo.replace('/', '--')}"
