"""Which reader opens a file of weights, by its ending; a new format is a module here and a line in the table."""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.files.plain import PlainFile
from ioadapt_theory.errors import FileFormatError

READERS: Final[Mapping[str, str]] = {
    ".safetensors": "safetensors",
    ".bin": "pickles",
    ".pt": "pickles",
    ".pth": "pickles",
    ".ckpt": "pickles",
    ".pth.tar": "pickles",
}
"""Ending of a file name -> the module beside this one whose `read` reads such files; others are read as safetensors."""

OTHERS: Final[Mapping[str, str]] = {
    ".npz": "an archive of numpy arrays, which is not read. Save them with safetensors.numpy.",
    ".gguf": "a GGUF file, whose weights are quantised. Compare the safetensors that it was made from.",
    ".onnx": "an ONNX program, not a table of weights. Take the model's safetensors.",
}
"""Ending of what holds weights and is not read -> what it is, and the way out."""

SUFFIXES: Final = tuple(READERS)
"""Endings of single files of weights."""

Read = Callable[[PlainFile, str | None], Checkpoint]
"""Takes an open file and a short name for tables (None: the reader's choice); what it returns closes the file.

It raises FileFormatError if the file is not what its ending says, and leaves it open then.
"""

_AGAIN: Final = "Delete it and download it again."


def is_weights(name: str) -> bool:
    """Whether a file name ends as weights do."""
    return name.endswith(SUFFIXES)


def is_file(part: str) -> bool:
    """Whether a part of a model is a file of weights or an index of several, by its ending, and no folder."""
    return part.endswith((*SUFFIXES, ".json"))


def open_file(path: Path, name: str | None = None) -> Checkpoint:
    """Open one file of weights; SourceError where it cannot be read, FileFormatError where it is none."""
    file = PlainFile(path)
    try:
        refuse_other_kinds(file)
        return reader(path.name)(file, name)
    except BaseException:
        file.close()
        raise


def reader(name: str) -> Read:
    """Return what reads files of this name."""
    kind = next((READERS[ending] for ending in SUFFIXES if name.endswith(ending)), "safetensors")
    return cast("Read", import_module(f"{__package__}.{kind}").read)


def refuse_other_kinds(file: PlainFile) -> None:
    """Refuse a file that is empty, a git-LFS pointer, a web page, or of a kind that is not read, by its first bytes."""
    start = file.head(200)
    if file.size == 0:
        problem = f"{file.path} is empty. {_AGAIN}"
    elif start.startswith(b"version https://git-lfs"):
        sizes = [line.split()[1:2] for line in start.splitlines() if line.startswith(b"size ")]
        pointed = sizes[0][0].decode("ascii", "replace") if sizes and sizes[0] else "?"
        problem = f"{file.path} is a git-LFS pointer to {pointed} bytes, not the weights themselves. Run git lfs pull."
    elif re.match(rb"\s*<[!?A-Za-z]", start):
        problem = f"{file.path} is a web page, not weights (a login or error page?). {_AGAIN}"
    elif (kind := ".gguf" if start.startswith(b"GGUF") else file.path.suffix) in OTHERS and kind not in READERS:
        problem = f"{file.path} is {OTHERS[kind]}"
    else:
        return
    raise FileFormatError(problem)
