"""JSON records of runs, with configuration, results and versions, and atomic writing of files."""

import glob
import hashlib
import json
import os
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final

JSON = Mapping[str, Any]
STREAMS: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/")
ABANDONED: Final = 24 * 3600
"""Seconds without a write after which a temporary file counts as abandoned."""


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path, which replaces ``path`` if the block succeeds; otherwise ``path`` is unchanged.

    The temporary file is in the same folder, so that it replaces the file atomically. A symlink is kept and its target
    replaced. For a device or a pipe, such as /dev/stdout, the content is copied to it after the block. Missing folders
    are created, and removed again if the block fails.
    """
    path = Path(path)
    if (path.exists() and not path.is_file()) or str(path.absolute()).startswith(STREAMS):
        with tempfile.TemporaryDirectory() as aside:
            yield (temporary := Path(aside) / path.name)
            with temporary.open("rb") as content, open(os.open(path, os.O_WRONLY | os.O_APPEND), "wb") as out:
                shutil.copyfileobj(content, out)
        return
    path = Path(os.path.realpath(path))
    missing = [folder for folder in path.parents if not folder.exists()]  # innermost first
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        mode = (path if path.exists() else temporary).stat().st_mode  # a new file gets the umask's permissions
        yield temporary
        with temporary.open("rb+") as content:
            os.fsync(content.fileno())
        temporary.chmod(mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        with suppress(OSError):  # not empty after success
            for folder in missing:
                folder.rmdir()


def _remove_abandoned(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{glob.escape(path.suffix)}"):
        with suppress(OSError):  # another process may do the same
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def write_text(path: Path | str, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_json(content: Any) -> str:
    """Return indented JSON; raise ValueError for NaN and infinities, which are not JSON."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, content: JSON) -> None:
    write_text(path, as_json(content))


def record(what: str, *, config: JSON, results: JSON) -> dict[str, Any]:
    """Return the record of a run: its name ``what``, configuration, results, and versions of Python and packages."""
    versions = {name: metadata.version(name) for name in ("ioadapt-theory", "torch", "numpy")}
    return {
        "schema": 1,
        "what": what,
        "config": dict(config),
        "results": dict(results),
        "versions": {"python": platform.python_version(), **versions},
    }


def fingerprint(config: JSON) -> str:
    """Return a short hash of a configuration; the order of its keys has no influence."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:16]
