"""Files that store tensors as plain bytes, which several threads may read at once."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint, SourceError, TensorInfo

LARGEST_JSON: Final = 25_000_000
"""Maximum size of JSON in bytes: huggingface_hub's limit for a header."""
DENSE_JSON: Final = 4_000_000
"""Size in bytes up to which JSON may have any number of entries; in longer JSON, their number is limited."""

SHORTER: Final = "{} became shorter while {} was read; let other programs finish writing the file, and try again."


class PlainFile:
    """An open file, read by position; safe to share between threads and forked processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:  # O_NONBLOCK, since opening a pipe without a writer would block
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            msg = f"Cannot open {path}: {error.strerror}."
            raise SourceError(msg) from error
        state = os.fstat(self._fd)
        if not stat.S_ISREG(state.st_mode):
            self.close()
            kind = "folder" if stat.S_ISDIR(state.st_mode) else "device, pipe or socket"
            msg = f"{path} is a {kind}; give a regular file."
            raise SourceError(msg)
        self.size = state.st_size

    def fill(self, out: memoryview, offset: int, what: str) -> None:
        done = 0
        while done < len(out):
            try:
                got = os.preadv(self._fd, [out[done:] if done else out], offset + done)
            except OSError as error:
                msg = f"Cannot read {what} from {self.path}: {error.strerror}."
                raise SourceError(msg) from error
            if got == 0:
                raise SourceError(SHORTER.format(self.path, what))
            done += got

    def require_whole(self, what: str) -> None:
        """Raise SourceError if the file has become shorter, since reading its memory map would kill the process."""
        if os.fstat(self._fd).st_size < self.size:
            raise SourceError(SHORTER.format(self.path, what))

    def head(self, count: int) -> bytes:
        out = bytearray(min(count, self.size))
        self.fill(memoryview(out), 0, "the header")
        return bytes(out)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def read_whole(path: Path, limit: int = 100_000_000) -> bytes:
    file = PlainFile(path)
    try:
        if file.size > limit:
            msg = f"{path} has {file.size:,} bytes, and the limit is {limit:,}; check that it is the right file."
            raise SourceError(msg)
        return file.head(file.size)
    finally:
        file.close()


def parse_json(text: bytes) -> Any:
    """Return the content of a JSON text; raise ValueError if it is invalid, too long, or too dense to parse safely."""
    if len(text) > LARGEST_JSON:
        msg = f"{len(text):,} bytes, and the limit is {LARGEST_JSON:,}"
        raise ValueError(msg)
    if len(text) > DENSE_JSON and (text.count(b":") * 11 > len(text) or text.count(b"[") * 20 > len(text)):
        msg = f"too many entries for {len(text):,} bytes"
        raise ValueError(msg)
    try:
        return json.loads(text)
    except RecursionError as error:
        msg = "too many nested brackets"
        raise ValueError(msg) from error


class OffsetCheckpoint(Checkpoint):
    """Tensors stored contiguously in plain files; ``places``: tensor -> its file and its offset in bytes."""

    def __init__(
        self, name: str, source: str, tensors: Mapping[str, TensorInfo], places: Mapping[str, tuple[PlainFile, int]]
    ) -> None:
        self.name, self.source, self.tensors, self._places = name, source, tensors, places

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None]:
        (file, begin), size = self._places[name], DTYPES[self.tensors[name].dtype][1]
        return lambda into, start: file.fill(into, begin + start * size, f"tensor {name}")

    def close(self) -> None:
        for file, _ in self._places.values():
            file.close()
