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
    start, again = file.head(200), "Delete it and download it again."
    if file.size == 0:
        problem = f"empty. {again}"
    elif start.startswith(b"version https://git-lfs"):
        size = re.search(rb"\nsize (\d+)", start)
        problem = f"a git-LFS pointer to {size[1].decode() if size else '?'} bytes, not the weights. Run git lfs pull."
    elif re.match(rb"\s*<[!?A-Za-z]", start):
        problem = f"a web page, not weights (a login or error page?). {again}"
    elif start.startswith(b"GGUF") or file.path.suffix == ".gguf":
        problem = "a GGUF file, whose weights are quantised. Compare the safetensors that it was made from."
    else:
        return
    msg = f"{file.path} is {problem}"
    raise FileFormatError(msg)
