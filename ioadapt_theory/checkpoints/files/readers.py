"""The reader for each type of weights file, chosen by the extension."""

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
"""Extension -> the function that reads an open file; files with other extensions are read as safetensors."""

SUFFIXES: Final = tuple(READERS)


def is_weights(name: str) -> bool:
    return name.endswith(SUFFIXES)


def is_file(part: str) -> bool:
    """Return whether a path has the extension of a weights file or of an index; other paths are treated as folders."""
    return part.endswith((*SUFFIXES, ".json"))


def open_file(path: Path) -> Checkpoint:
    file = PlainFile(path)
    try:
        refuse_other_kinds(file)
        return next((read for end, read in READERS.items() if path.name.endswith(end)), safetensors.read)(file)
    except BaseException:
        file.close()
        raise


def refuse_other_kinds(file: PlainFile) -> None:
    start, again = file.head(200), "Delete it and download it again."
    if file.size == 0:
        problem = f"empty. {again}"
    elif start.startswith(b"version https://git-lfs"):
        size = re.search(rb"\nsize (\d+)", start)
        to = f" to {size[1].decode()} bytes" if size else ""
        problem = f"a git-LFS pointer{to}, not the weights. Run `git lfs pull` in its repository."
    elif re.match(rb"\s*<[!?A-Za-z]", start):
        problem = f"a web page, not weights (a login or error page?). {again}"
    elif start.startswith(b"GGUF") or file.path.suffix == ".gguf":
        problem = "a GGUF file, which is not supported. Use the safetensors file that it was converted from."
    else:
        return
    msg = f"{file.path} is {problem}"
    raise FileFormatError(msg)
