"""Files whose tensors lie in them as plain bytes, read by position into the caller's buffer.

Reading by position, not through a memory map: a file that shrinks while it is open gives an error and not a dead
process, several threads or processes share one descriptor, and memory does not grow with the model.
"""

import json
import os
import stat
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint, SourceError, TensorInfo, torch_dtype
from ioadapt_theory.errors import InvalidValueError

if TYPE_CHECKING:
    import torch

LARGEST_JSON: Final = 25_000_000
"""Bytes of JSON that are parsed: the limit of huggingface_hub for a header."""
DENSE_JSON: Final = 4_000_000
"""Bytes up to which JSON may be as dense as it likes; an entry of a header or index takes 46 and more."""


def check_buffer(info: TensorInfo, out: "torch.Tensor") -> None:
    """Refuse a buffer that is not what the tensor's elements are read into.

    Raises:
        InvalidValueError: With what was given and what it has to be; or if there is no such dtype in torch.
    """
    if info.dtype not in DTYPES:
        msg = f"{info.name} is {info.dtype}, whose values cannot be read."
        raise InvalidValueError(msg)
    if out.ndim != 1 or not out.is_contiguous() or out.dtype != torch_dtype(info.dtype):
        got = f"{out.dtype} of shape {tuple(out.shape)}"
        msg = f"The buffer for {info.name} has to be flat, contiguous and {info.dtype}, not {got}."
        raise InvalidValueError(msg)


def outside(info: TensorInfo, start: int, length: int) -> InvalidValueError:
    """Return the error for a range that is not within the tensor."""
    msg = f"{info.name} has {info.numel} elements; [{start}, {start + length}) is not within them."
    return InvalidValueError(msg)


class PlainFile:
    """One open file, read by position; safe to share between threads and forked processes."""

    def __init__(self, path: Path) -> None:
        """Open for reading.

        Raises:
            SourceError: If it cannot be opened, or is a folder, device, pipe or socket.
        """
        self.path = path
        flags = ("O_CLOEXEC", "O_BINARY", "O_NONBLOCK")  # a pipe without a writer would keep us waiting
        try:
            self._fd = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
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
        self._lock = threading.Lock()

    def fill(self, out: memoryview, offset: int, what: str) -> None:
        """Fill `out` from byte `offset`; `what` names the tensor in the error.

        Raises:
            SourceError: If the file ends early (it was changed while open) or cannot be read.
        """
        done = 0
        while done < len(out):
            try:
                got = self._read(out[done:] if done else out, offset + done)
            except OSError as error:
                msg = f"Cannot read {what} from {self.path}: {error.strerror}."
                raise SourceError(msg) from error
            if got == 0:
                msg = f"{self.path} became shorter while it was read: {what} ends at byte {offset + done}."
                raise SourceError(msg)
            done += got

    def _read(self, out: memoryview, offset: int) -> int:
        """Read once, by position where the system can (Windows cannot: there we seek, one thread at a time)."""
        if hasattr(os, "preadv"):
            return os.preadv(self._fd, [out], offset)
        with self._lock:
            os.lseek(self._fd, offset, os.SEEK_SET)
            piece = os.read(self._fd, len(out))
        out[: len(piece)] = piece
        return len(piece)

    def require_whole(self, what: str) -> None:
        """Refuse a file that has become shorter, before a map of it is touched (which would end the process).

        Raises:
            SourceError: With what was to be read.
        """
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
    """Return a small file whole.

    Raises:
        SourceError: If it is no plain file, cannot be read, or has more than `limit` bytes.
    """
    file = PlainFile(path)
    try:
        if file.size > limit:
            msg = f"{path} has {file.size} bytes, where at most {limit} are expected."
            raise SourceError(msg)
        return file.head(file.size)
    finally:
        file.close()


def parse_json(text: bytes, hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return what a JSON text of names and places holds; `hook` is json's `object_pairs_hook`.

    Raises:
        ValueError: If it is no JSON, or so long and dense that it would take far more memory than it has bytes.
    """
    if len(text) > LARGEST_JSON or (
        len(text) > DENSE_JSON and (text.count(b":") * 11 > len(text) or text.count(b"[") * 20 > len(text))
    ):
        msg = f"{len(text)} bytes are too many for what it says"
        raise ValueError(msg)
    try:
        return json.loads(text, object_pairs_hook=hook)
    except RecursionError as error:
        msg = "too many brackets within one another"
        raise ValueError(msg) from error


class OffsetCheckpoint(Checkpoint):
    """Tensors that lie contiguously at known places of known files."""

    def __init__(
        self,
        name: str,
        source: str,
        tensors: Mapping[str, TensorInfo],
        places: Mapping[str, tuple[PlainFile, int]],
        metadata: Mapping[str, str],
        revision: str | None = None,
    ) -> None:
        """Take tensors, and for each the file and the byte at which its values begin."""
        self.name, self.source, self.revision = name, source, revision
        self.tensors, self.metadata = tensors, metadata
        self._places = places

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        import torch

        check_buffer(self.tensors[name], out)
        return partial(self.bytes_of(name), out.view(torch.uint8).numpy().data)

    def bytes_of(self, name: str) -> Callable[[memoryview, int], None]:
        """See `Checkpoint.bytes_of`."""
        info = self.tensors[name]
        file, begin = self._places[name]
        size = DTYPES[info.dtype][1]

        def fill(into: memoryview, start: int) -> None:
            if not 0 <= start <= info.numel - len(into) // size:
                raise outside(info, start, len(into) // size)
            file.fill(into, begin + start * size, f"tensor {name}")

        return fill

    def close(self) -> None:
        """Close every file."""
        for file, _ in self._places.values():
            file.close()
