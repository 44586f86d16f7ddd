"""Writing of files: each is complete, and those of one command are renamed together, or the old ones stay."""

import fcntl
import glob
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, NamedTuple

from ioadapt_theory.results import as_json

STREAMS: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/")
ABANDONED: Final = 24 * 3600
"""Seconds without a write after which a temporary file counts as abandoned."""


class Written(NamedTuple):
    """A complete temporary file, the path that it will replace, and the folders that were created for it."""

    path: Path
    temporary: Path
    created: list[Path]

    def discard(self) -> None:
        self.temporary.unlink(missing_ok=True)
        with suppress(OSError):  # not empty after success
            for folder in self.created:  # innermost first
                folder.rmdir()


_block: ContextVar[list[Written] | None] = ContextVar("block", default=None)


@contextmanager
def together() -> Iterator[list[Written]]:
    """Yield a list of the files that ``replacing`` writes in this block; at its end, rename all, or none if it fails.

    Blocks may be nested; the outermost one counts. A reader sees the old or the new content of each file.
    """
    if (block := _block.get()) is not None:
        yield block
        return
    written: list[Written] = []
    token = _block.set(written)
    try:
        yield written
        _commit(written)
    finally:
        _block.reset(token)
        for item in reversed(written):
            item.discard()


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path, which replaces ``path`` after the block, or after the block of ``together`` around it.

    The temporary file is in the same folder, so that it replaces the file atomically. A symlink is kept and its target
    replaced. To a device or a pipe, such as /dev/stdout, the content is copied. Missing folders are created, and
    removed again after a failure.
    """
    path = at_home(path)
    if _is_stream(path):
        created = [Path(tempfile.mkdtemp())]
        temporary = created[0] / path.name
    else:
        path = Path(os.path.realpath(path))
        created = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    item = Written(path, temporary, created)
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        with temporary.open("rb+") as content:
            os.fsync(content.fileno())
        if path.is_file():  # a new file keeps the umask's permissions
            temporary.chmod(path.stat().st_mode & 0o777)
    except BaseException as error:
        item.discard()
        if isinstance(error, OSError) and error.filename in {None, str(temporary)}:
            error.filename = str(path)
        raise
    with together() as block:
        block.append(item)


def _is_stream(path: Path) -> bool:
    return (path.exists() and not path.is_file()) or str(path.absolute()).startswith(STREAMS)


def _commit(written: list[Written]) -> None:
    """Copy the contents of streams, then rename the files under a lock; if that fails, restore all former files."""
    for item in written:
        if _is_stream(item.path):  # first, since this cannot be undone
            with item.temporary.open("rb") as content, open(os.open(item.path, os.O_WRONLY | os.O_APPEND), "wb") as out:
                shutil.copyfileobj(content, out)
    files = [(path, temporary) for path, temporary, _ in written if not _is_stream(path)]
    formers = {path: temporary.with_name(f"{temporary.name}~") for path, temporary in files}
    with locked(path.parent for path, _ in files), ExitStack() as last, ExitStack() as undo:
        for former in formers.values():
            last.callback(former.unlink, missing_ok=True)
        for path, temporary in files:
            if path.exists():
                _link(path, formers[path])
                undo.callback(formers[path].replace, path)
            else:
                undo.callback(path.unlink, missing_ok=True)
            temporary.replace(path)
        undo.pop_all()


def _link(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:  # a file system without hard links, or another user's file
        shutil.copy2(path, other)


def at_home(path: Path | str) -> Path:
    """Return a path in which "~" is expanded, if there is such a user."""
    return Path(os.path.expanduser(path))  # Path's own method raises RuntimeError for others


@contextmanager
def locked(folders: Iterable[Path]) -> Iterator[None]:
    """Hold the lock with which this package's writers rename files in these folders."""
    with ExitStack() as held:
        for folder in sorted({*folders}):
            with suppress(OSError):  # some network file systems have no locks
                held.callback(os.close, descriptor := os.open(folder, os.O_RDONLY))
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _remove_abandoned(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{glob.escape(path.suffix)}*"):
        with suppress(OSError):  # another process may do the same
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def write_text(path: Path | str, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    write_text(path, as_json(content))
