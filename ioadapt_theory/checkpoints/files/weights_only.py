"""The one reader of pickles, torch.load with weights only: nothing is executed, every failure is one sentence.

What a pickle names beside tensors (a training configuration, a callback, a scheduler) is never imported: an inert stub
takes its place. A file that names something whose purpose is to run things is refused all the same, to warn.
"""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.errors import FileFormatError

RUNNERS: Final = re.compile(
    r"(os|posix|nt|sys|subprocess|_?pickle|shutil|socket|_?socket|importlib|runpy|imp|pty|code|codeop|commands|ctypes|"
    r"multiprocessing|asyncio|webbrowser|marshal|types|timeit|bdb|pdb|platform|signal|threading|_thread)(\..*)?|"
    r"(builtins|__builtin__)\.(eval|exec|execfile|compile|open|__import__|getattr|setattr|delattr|globals|input|apply)|"
    r".*\.(_load_global|load_module|__import__|system|popen|eval|exec)"
)
"""Modules and functions that run things or reach for others."""
MOST_NAMES: Final = 64
"""Names beside tensors that one file of the format before torch 1.6 may have; each costs a reading of it."""
UNPACKED: Final = (10, 200_000_000)
"""A compressed file may unpack to this many times its size, and so many bytes more."""

DAMAGED: Final = (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError)
"""What zipfile raises for a file that is no zip, or a broken one; torch then says what it is."""


class Inert:
    """Stands in for an object that is not a tensor: takes whatever it is built from, and does nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> "Inert":
        """Ignore the arguments."""
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def __getattr__(self, name: str) -> "Inert":
        """Whatever is asked of it is inert too (methods that a pickle calls)."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: object, **_kwargs: object) -> "Inert":
        """Do nothing."""
        return self


def load_weights_only(path: Path, device: str, *, mmap: bool = False) -> object:
    """Return what the pickle holds, on the device `meta` (names and shapes only) or `cpu`; `mmap` maps the values.

    Raises:
        FileFormatError: If it is cut, broken, another kind of file, unpacks to far more than it is, or names what runs
            things; with the names.
    """
    _refuse_bombs(path)
    names = _names(path)
    while True:
        if run := sorted(name for name in names if RUNNERS.fullmatch(name)):
            some = ", ".join(run[:3] + ["..."] * (len(run) > 3))
            msg = f"{path} contains code ({some}), not only weights: refused, nothing of it was run."
            raise FileFormatError(msg)
        try:
            return _load(path, device, names, mmap=mmap)
        except pickle.UnpicklingError as error:
            more = set(re.findall(r"GLOBAL (\S+) (?:was not|whose module)", str(error))) - names
            if more and len(names) < MOST_NAMES:
                names |= more
                continue
            msg = f"{path} is not a PyTorch pickle of weights. Was it cut, or is it another kind of file?"
            if names and "Can only" in str(error):
                some = ", ".join(sorted(names)[:3])
                msg = f"{path} holds tables of a kind of their own ({some}). Save the model's state_dict() instead."
            raise FileFormatError(msg) from error
        except Exception as error:  # a hostile or broken file makes torch.load raise nearly anything
            reason = f"{type(error).__name__}: {str(error).split('. ')[0].splitlines()[0] if str(error) else ''}"
            msg = f"{path} is cut, broken or no PyTorch file ({reason}). Delete it and download it again."
            if "TorchScript" in str(error):
                msg = (
                    f"{path} is a TorchScript program, not a pickle of weights: refused. Save its state_dict() instead."
                )
            raise FileFormatError(msg) from error


def _load(path: Path, device: str, names: set[str], *, mmap: bool) -> object:
    import torch

    inert: list[Any] = [(Inert, full) for full in names]
    with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(inert):
        return torch.load(path, map_location=device, weights_only=True, mmap=mmap)


def _names(path: Path) -> set[str]:
    """What a pickle in a zip names beside tensors, in one reading; of others torch tells one name after the other."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):
            return set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the format before torch 1.6, or a broken file
        return set()


def _refuse_bombs(path: Path) -> None:
    """Refuse a zip that unpacks to far more than it is, before anything is unpacked.

    Raises:
        FileFormatError: With both sizes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except DAMAGED:
        return  # no zip, or a broken one: torch decides
    size = path.stat().st_size
    if unpacked > UNPACKED[0] * size + UNPACKED[1]:
        msg = f"{path} has {size} bytes and unpacks to {unpacked}: refused, weights do not compress so well."
        raise FileFormatError(msg)
