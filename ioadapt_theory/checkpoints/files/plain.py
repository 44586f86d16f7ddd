"""Reading of whole files, and of JSON."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.errors import FileFormatError


def size_of(path: Path) -> int:
    """Return the size of a file; raise SourceError if it is not a regular file, since opening a pipe may block."""
    try:
        state = path.stat()
    except OSError as error:
        msg = f"Cannot open {path}: {error.strerror}."
        raise SourceError(msg) from error
    if not stat.S_ISREG(state.st_mode):
        kind = "folder" if stat.S_ISDIR(state.st_mode) else "device, pipe or socket"
        msg = f"{path} is a {kind}; give a regular file."
        raise SourceError(msg)
    if not os.access(path, os.R_OK):
        msg = f"Cannot open {path}: Permission denied."
        raise SourceError(msg)
    return state.st_size


def read_whole(path: Path, limit: int = 100_000_000) -> bytes:
    if (size := size_of(path)) > limit:
        msg = f"{path} has {size:,} bytes, and the limit is {limit:,}; check that it is the right file."
        raise SourceError(msg)
    return path.read_bytes()


def parse_json(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{what} is not valid JSON: {error}."
        raise FileFormatError(msg) from None
