"""Checks of a command's options: outputs may not overwrite inputs or weights, and inputs may not be pipes."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.outputs import at_home

if TYPE_CHECKING:
    from ioadapt_theory.checkpoints.checkpoint import Checkpoint

WEIGHTS: Final = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".tar", ".gguf", ".npz", ".npy", ".onnx", ".h5")
"""Extensions of weights and model inputs, which no page, table or figure may overwrite."""
SETTINGS: Final = ("config.json", "index.json", "tokenizer.json", "vocab.json")
"""Ends of the names of a model's other files, which no page, table or figure may overwrite either."""
PAGES: Final = (".html", ".svg", ".png", ".pdf")
"""Extensions of files that an earlier command may have written into an input folder, and that may be replaced."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one command line.

    Attributes:
        reads: inputs as the user named them (paths, PATH:PART, aliases or hub ids), or None for those not given.
        writes: for each option such as --html, the file to write, or None if the option is not given.
        adapter: paths at which the command may write or replace an adapter: a file, or a folder and its files.
        what: what it writes there, an adapter or a map.
    """

    reads: Iterable[object] = ()
    writes: Mapping[str, Path | None] = field(default_factory=dict)
    adapter: tuple[Path, ...] = ()
    what: str = "an adapter"


def check_files(files: Files) -> None:
    inputs = [path for name in files.reads if name is not None and (path := _local(str(name)))]
    for path in inputs:
        if not path.is_file() and not path.is_dir():
            msg = f"{path} is a device, pipe or socket; give a file or folder."
            raise InvalidValueError(msg)
    writes = {option: path for option, path in files.writes.items() if path is not None}
    for option, path in writes.items():
        if path.is_dir() or not path.absolute().parent.is_dir():
            why = "is a folder; give a file" if path.is_dir() else "is in a folder that does not exist; create it first"
            msg = f"{option} {path} {why}."
            raise InvalidValueError(msg)
        same = [other for other, theirs in writes.items() if other != option and _same(path, theirs)]
        if same:
            msg = f"{option} and {same[0]} both name {path}; choose different paths."
            raise InvalidValueError(msg)
        if any(_same(path, out) for out in files.adapter):
            msg = f"{option} {path} would overwrite the adapter that this command writes; choose another path."
            raise InvalidValueError(msg)
        _refuse_input(f"{option} {path}", path, inputs)
        if path.exists() and any(p.name.lower().endswith((*WEIGHTS, *SETTINGS)) for p in (path, path.resolve())):
            msg = f"{option} {path} would overwrite a file of a model or an adapter; choose another path."
            raise InvalidValueError(msg)
    for path in files.adapter:
        _refuse_input(f"Writing {path}", path, inputs)
        if path.is_file() and path.suffix.lower() in WEIGHTS:
            from ioadapt_theory.formats.reading import is_adapter
            from ioadapt_theory.maps.model_map import is_map

            if not (is_map if "map" in files.what else is_adapter)(path):
                msg = f"{path} exists and is not {files.what}; choose another path."
                raise InvalidValueError(msg)


def check_counts(**options: tuple[int, int]) -> None:
    """Raise InvalidValueError for a value below its minimum; ``options`` maps options to values and minima."""
    for name, (value, least) in options.items():
        if value < least:
            msg = f"--{name} must be at least {least}, not {value}."
            raise InvalidValueError(msg)


def _refuse_input(name: str, path: Path, inputs: Iterable[Path]) -> None:
    """Raise InvalidValueError if ``path`` is an input, or a file, but not a page, that an input folder contains."""
    for read in inputs:
        if _same(path, read):
            msg = f"{name} would overwrite the input {read}; choose another path."
            raise InvalidValueError(msg)
        page = {path.suffix.lower(), path.resolve().suffix.lower()} <= {*PAGES}
        if path.is_file() and not page and _contains(read, path):
            msg = f"{name} would overwrite a file of the input {read}; choose another path."
            raise InvalidValueError(msg)


def _contains(folder: Path, file: Path) -> bool:
    """Return whether a file is in a folder, by its path or by a link in the folder or in one of its subfolders."""
    linked = (p for pattern in ("*", "*/*") for p in folder.glob(pattern) if p.is_file())
    return folder.resolve() in file.resolve().parents or any(os.path.samefile(file, p) for p in linked)


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return os.path.samefile(one, other)
    return one.resolve() == other.resolve()


def _local(name: str) -> Path | None:
    """Return the local file or folder that an input names, by path or alias, or None if there is none."""
    from ioadapt_theory.checkpoints.sources import local_path

    plain = at_home(name)
    path = plain if name and plain.exists() else local_path(name) if name else None
    return path if path is not None and path.exists() else None


def open_model(name: str, hint: str, **options: Any) -> "Checkpoint":
    """Open a checkpoint; if it is an adapter, raise InvalidValueError with ``hint`` in the message."""
    from ioadapt_theory.checkpoints.names.kinds import of_adapter
    from ioadapt_theory.checkpoints.sources import open_checkpoint

    opened = open_checkpoint(name, **options)
    if "ioadapt.layers" in opened.metadata or of_adapter(opened.tensors):
        opened.close()
        msg = f"{name} is an adapter, not a model; {hint}."
        raise InvalidValueError(msg)
    return opened
