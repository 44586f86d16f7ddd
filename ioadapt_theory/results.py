"""One JSON record a run: what was computed, with which seed and versions; written whole or not at all."""

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
"""Seconds without a write after which a temporary file has no owner."""


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well its content is at ``path``, and when not, what was there before.

    A file is replaced in one step, and the temporary one lies beside it. A link stays, and what it points to is
    replaced. What is no file (a device, a pipe, /dev/stdout) is written through. Folders that are missing are made, and
    removed again if nothing was written.
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
        mode = (path if path.exists() else temporary).stat().st_mode  # of a new file what the umask leaves
        yield temporary
        with temporary.open("rb+") as content:
            os.fsync(content.fileno())
        temporary.chmod(mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        with suppress(OSError):  # they are not empty where all went well
            for folder in missing:
                folder.rmdir()


def _remove_abandoned(path: Path) -> None:
    """Delete the temporary files of writers of this path that were killed a day ago or longer."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{glob.escape(path.suffix)}"):
        with suppress(OSError):  # another process may be about the same
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def write_text(path: Path | str, text: str) -> None:
    """Write text atomically, as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def as_json(content: Any) -> str:
    """Return indented JSON; NaN and infinities are refused, they are not JSON."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, content: JSON) -> None:
    """Write indented JSON atomically."""
    write_text(path, as_json(content))


def record(what: str, *, config: JSON, results: JSON) -> dict[str, Any]:
    """Return what a run leaves behind: name, configuration (seed included), figures, and the versions used."""
    versions = {name: metadata.version(name) for name in ("ioadapt-theory", "torch", "numpy")}
    return {
        "schema": 1,
        "what": what,
        "config": dict(config),
        "results": dict(results),
        "versions": {"python": platform.python_version(), **versions},
    }


def fingerprint(config: JSON) -> str:
    """Return a short name for a configuration; equal configurations have equal names."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:16]
