"""The reader of each kind of file of weights, told by its ending."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.files import pickles, safetensors
from ioadapt_theory.checkpoints.files.plain import PlainFile
from ioadapt_theory.errors import FileFormatError

READERS: Final[Mapping[str, Callable[[PlainFile], Checkpoint]]] = {
    ".safetensors": safetensors.read,
    **dict.fromkeys((".bin", ".pt", ".pth", ".ckpt", ".pth.tar"), pickles.read),
}
"""Ending of a file -> what reads an open one, and closes it with the checkpoint; others are read as safetensors."""

SUFFIXES: Final = tuple(READERS)
"""Endings of single files of weights."""

OTHERS: Final[Mapping[str, str]] = {
    ".npz": "an archive of numpy arrays, which is not read. Save them with safetensors.numpy.",
    ".gguf": "a GGUF file, whose weights are quantised. Compare the safetensors that it was made from.",
    ".onnx": "an ONNX program, not a table of weights. Take the model's safetensors.",
}
"""Ending of what holds weights and is not read -> what it is, and the way out."""

_AGAIN: Final = "Delete it and download it again."


def is_weights(name: str) -> bool:
    """Whether a file name ends as weights do."""
    return name.endswith(SUFFIXES)


def is_file(part: str) -> bool:
    """Whether a part of a model is a file of weights or an index of several, by its ending, and no folder."""
    return part.endswith((*SUFFIXES, ".json"))


def open_file(path: Path) -> Checkpoint:
    """Open one file of weights; SourceError where it cannot be read, FileFormatError where it is none."""
    file = PlainFile(path)
    try:
        refuse_other_kinds(file)
        return next((read for end, read in READERS.items() if path.name.endswith(end)), safetensors.read)(file)
    except BaseException:
        file.close()
        raise


def refuse_other_kinds(file: PlainFile) -> None:
    """Refuse a file that is empty, a git-LFS pointer, a web page, or of a kind that is not read, by its first bytes."""
    start = file.head(200)
    if file.size == 0:
        problem = f"{file.path} is empty. {_AGAIN}"
    elif start.startswith(b"version https://git-lfs"):
        size = re.search(rb"\nsize (\d+)", start)
        bytes_there = size[1].decode() if size else "?"
        problem = f"{file.path} is a git-LFS pointer to {bytes_there} bytes, not the weights. Run git lfs pull."
    elif re.match(rb"\s*<[!?A-Za-z]", start):
        problem = f"{file.path} is a web page, not weights (a login or error page?). {_AGAIN}"
    elif (kind := ".gguf" if start.startswith(b"GGUF") else file.path.suffix) in OTHERS:
        problem = f"{file.path} is {OTHERS[kind]}"
    else:
        return
    raise FileFormatError(problem)
