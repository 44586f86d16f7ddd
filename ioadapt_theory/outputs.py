"""Writing of files: each is complete, and those of one command are renamed together, or the old ones stay."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import as_json


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
    """Yield a list of the files that ``replacing`` writes in this block; if it does not fail, rename all at its end.

    Blocks may be nested; the outermost one counts. A reader sees the old or the new content of each file.
    """
    if (block := _block.get()) is not None:
        yield block
        return
    written: list[Written] = []
    token = _block.set(written)
    try:
        yield written
        for path, temporary, _ in written:
            temporary.replace(path)
    finally:
        _block.reset(token)
        for item in reversed(written):
            item.discard()


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path, which replaces ``path`` after the block, or after the block of ``together`` around it.

    The temporary file is in the same folder, so that it replaces the file atomically. A symlink is kept and its target
    replaced. Missing folders are created, and removed again after a failure.

    Raises:
        InvalidValueError: ``path`` is a folder, device or pipe.
    """
    path = Path(os.path.realpath(at_home(path)))
    if path.exists() and not path.is_file():
        msg = f"{path} is a folder, device or pipe; give a file."
        raise InvalidValueError(msg)
    created = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
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


def at_home(path: Path | str) -> Path:
    """Return a path in which "~" is expanded, if there is such a user."""
    return Path(os.path.expanduser(path))  # Path's own method raises RuntimeError for others


def write_text(path: Path | str, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    write_text(path, as_json(content))
