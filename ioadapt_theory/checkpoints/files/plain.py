"""Files whose tensors lie in them as plain bytes, read by position into the caller's buffer, by several threads."""

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint, SourceError, TensorInfo

LARGEST_JSON: Final = 25_000_000
"""Bytes of JSON that are parsed: the limit of huggingface_hub for a header."""
DENSE_JSON: Final = 4_000_000
"""Bytes up to which JSON may be as dense as it likes; an entry of a header or index takes 46 and more."""


class PlainFile:
    """One open file, read by position; safe to share between threads and forked processes."""

    def __init__(self, path: Path) -> None:
        """Open for reading; refuse a folder, device, pipe or socket."""
        self.path = path
        try:  # a pipe without a writer would keep us waiting
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            msg = f"Cannot open {path}: {error.strerror}."
            raise SourceError(msg) from error
        state = os.fstat(self._fd)
        if not stat.S_ISREG(state.st_mode):
            self.close()
            kind = "folder" if stat.S_ISDIR(state.st_mode) else "device, pipe or socket"
            msg = f"{path} is a {kind}, not a plain file."
            raise SourceError(msg)
        self.size = state.st_size

    def fill(self, out: memoryview, offset: int, what: str) -> None:
        """Fill `out` from byte `offset`, or refuse a file that ends early; `what` names the tensor in the error."""
        done = 0
        while done < len(out):
            try:
                got = os.preadv(self._fd, [out[done:] if done else out], offset + done)
            except OSError as error:
                msg = f"Cannot read {what} from {self.path}: {error.strerror}."
                raise SourceError(msg) from error
            if got == 0:
                msg = f"{self.path} became shorter while it was read: {what} ends at byte {offset + done}."
                raise SourceError(msg)
            done += got

    def require_whole(self, what: str) -> None:
        """Refuse a file that has become shorter, before a map of it is touched (which would end the process)."""
        if os.fstat(self._fd).st_size < self.size:
            msg = f"{self.path} became shorter while it was read: {what} is no longer whole."
            raise SourceError(msg)

    def head(self, count: int) -> bytes:
        """Return the first bytes, at most `count`."""
        out = bytearray(min(count, self.size))
        self.fill(memoryview(out), 0, "the header")
        return bytes(out)

    def close(self) -> None:
        """Close; twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def read_whole(path: Path, limit: int = 100_000_000) -> bytes:
    """Return a plain file whole; refuse one of more than `limit` bytes."""
    file = PlainFile(path)
    try:
        if file.size > limit:
            msg = f"{path} has {file.size} bytes, where at most {limit} are expected."
            raise SourceError(msg)
        return file.head(file.size)
    finally:
        file.close()


def parse_json(text: bytes) -> Any:
    """Return what a JSON text holds; ValueError also for one so long and dense that it would take far more memory."""
    if len(text) > LARGEST_JSON or (
        len(text) > DENSE_JSON and (text.count(b":") * 11 > len(text) or text.count(b"[") * 20 > len(text))
    ):
        msg = f"its {len(text)} bytes are too dense to parse safely"
        raise ValueError(msg)
    try:
        return json.loads(text)
    except RecursionError as error:
        msg = "too many brackets within one another"
        raise ValueError(msg) from error


class OffsetCheckpoint(Checkpoint):
    """Tensors that lie contiguously in plain files: name -> the file and the byte at which its values begin."""

    def __init__(
        self, name: str, source: str, tensors: Mapping[str, TensorInfo], places: Mapping[str, tuple[PlainFile, int]]
    ) -> None:
        self.name, self.source, self.tensors, self._places = name, source, tensors, places

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None]:
        """See `Checkpoint.bytes_of`."""
        (file, begin), size = self._places[name], DTYPES[self.tensors[name].dtype][1]
        return lambda into, start: file.fill(into, begin + start * size, f"tensor {name}")

    def close(self) -> None:
        """Close every file."""
        for file, _ in self._places.values():
            file.close()
