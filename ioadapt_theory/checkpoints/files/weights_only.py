"""The one reader of pickles, torch.load with weights only: nothing is executed, every failure is one sentence.

What a pickle names beside tensors (a training configuration, a callback, a scheduler) is never imported: an inert stub
takes its place. A file that names something whose purpose is to run things is refused all the same, to warn.
"""

import pickletools
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any, Final

from ioadapt_theory.errors import FileFormatError

RUNNERS: Final = re.compile(
    r"(os|posix|nt|sys|subprocess|_?pickle|shutil|socket|_?socket|importlib|runpy|imp|pty|code|codeop|commands|ctypes|"
    r"multiprocessing|asyncio|webbrowser|marshal|types|timeit|bdb|pdb|platform|signal|threading|_thread)(\..*)?|"
    r"(builtins|__builtin__)\.(eval|exec|execfile|compile|open|__import__|getattr|setattr|delattr|globals|input|apply)|"
    r".*\.(_load_global|load_module|__import__|system|popen|eval|exec)"
)
"""Modules and functions that run things or reach for others."""
MOST_OPERATIONS: Final = 1_000_000
"""Operations of a pickle, some thirty a tensor; all readings of so many take some five seconds."""
DEEPEST: Final = 16
"""Tuples within one another; what is shared among them is hashed once for each way to it."""
LONGEST_DIRECTORY: Final = 8_000_000
"""Bytes of a zip's table of contents, some hundred an entry."""
NO_ZIP: Final = (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError)
"""Errors of zipfile for a file that is no zip, or a broken one; torch then says what it is."""


class Inert:
    """Stands in for an object that is not a tensor: takes whatever it is built from, and does nothing."""

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def load_weights_only(path: Path, device: str, *, mmap: bool = False) -> object:
    """Return what the pickle holds, on the device `meta` (names and shapes only) or `cpu`; `mmap` maps the values."""
    import torch

    _check(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            names = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the format before torch 1.6, or a broken file: torch.load says what is wrong
        names = set()
    _refuse_code(path, names)
    inert: list[Any] = [(Inert, full) for full in names]
    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(inert):
            return torch.load(path, map_location=device, weights_only=True, mmap=mmap)
    except Exception as error:  # a hostile or broken file makes torch.load raise nearly anything
        text = str(error)
        _refuse_code(path, {*re.findall(r"GLOBAL (\S+) (?:was not|whose module)", text)})
        reason = f"{type(error).__name__}: {text.split('. ')[0].splitlines()[0] if text else ''}"
        msg = f"{path} is cut, broken or no PyTorch pickle of weights ({reason}). Delete it and download it again."
        if "TorchScript" in text:
            msg = f"{path} is a TorchScript program, not a pickle of weights: refused. Save its state_dict() instead."
        elif "GLOBAL" in text or (names and "Can only" in text):
            some = ", ".join(sorted(names)[:3] or re.findall(r"GLOBAL (\S+)", text)[:1])
            msg = f"{path} contains custom classes ({some}). Save the model's state_dict() instead."
        raise FileFormatError(msg) from error


def is_plain_zip(path: Path, order: str) -> bool:
    """Whether the values lie in a zip as they are, in this order of bytes; else torch decides what the file is."""
    try:
        with zipfile.ZipFile(path) as archive:
            orders = [name for name in archive.namelist() if name.endswith("/byteorder")]
            return not orders or archive.read(orders[0]).decode("ascii", "replace") == order
    except NO_ZIP:
        return False


def _refuse_code(path: Path, names: set[str]) -> None:
    if run := sorted(name for name in names if RUNNERS.fullmatch(name)):
        some = ", ".join(run[:3] + ["..."] * (len(run) > 3))
        msg = f"{path} contains code ({some}), not only weights: refused, nothing of it was run."
        raise FileFormatError(msg)


def _check(path: Path) -> None:
    """Refuse what would take long or much memory to read, before anything is unpacked."""
    with path.open("rb") as file:
        problem = _directory_problem(file)
        if problem is None:
            try:
                with zipfile.ZipFile(file) as archive:
                    for item in archive.infolist():
                        if item.compress_type != zipfile.ZIP_STORED and "/code/" not in item.filename:
                            problem = "is compressed, which torch.save never does"
                        elif item.filename.endswith("data.pkl") and problem is None:
                            with archive.open(item) as stream:
                                problem = _pickle_problem(stream)
            except NO_ZIP:
                file.seek(0)
                for _ in range(5):  # magic number, protocol, system, table and keys, before torch 1.6
                    problem = problem or _pickle_problem(file)
    if problem is not None:
        msg = f"{path} {problem}: refused. Save the model's state_dict() with torch.save or safetensors."
        raise FileFormatError(msg)


def _directory_problem(file: IO[bytes]) -> str | None:
    """Say whether a zip's table of contents is too long to be read, from its end."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 70_000))
    end = file.read()
    for mark, at, width in ((b"PK\5\6", 12, 4), (b"PK\6\6", 40, 8)):
        start = end.rfind(mark)
        length = int.from_bytes(end[start + at : start + at + width], "little") if start >= 0 else 0
        if LONGEST_DIRECTORY < length != 0xFFFFFFFF:
            return f"has a table of contents of {length} bytes (at most {LONGEST_DIRECTORY})"
    return None


def _pickle_problem(stream: IO[bytes]) -> str | None:
    """Say whether a pickle has too many operations, or tuples in tuples without end; other faults are left to torch."""
    stack: list[int | None] = []  # depths of tuples, None for a mark
    memo: dict[Any, int] = {}
    try:
        for count, (op, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MOST_OPERATIONS:
                return f"has a pickle of more than {MOST_OPERATIONS} operations"
            taken = len(op.stack_before)
            popped: list[int] = []
            if pickletools.markobject in op.stack_before:
                while (depth := stack.pop()) is not None:
                    popped.append(depth)
                taken -= 2
            if taken > 0:
                popped += [depth or 0 for depth in stack[-taken:]]
                del stack[-taken:]
            if op.name.endswith("PUT"):
                memo[argument] = stack[-1] or 0
            elif op.name.endswith("GET"):
                stack.append(memo.get(argument, 0))
            elif op.name == "MARK":
                stack.append(None)
            elif op.stack_after:
                stack.append(1 + max(popped, default=0) if op.name.startswith("TUPLE") else 0)
                if (stack[-1] or 0) > DEEPEST:
                    return f"has more than {DEEPEST} tuples within one another"
    except (IndexError, KeyError, TypeError, MemoryError, OverflowError, struct.error, *NO_ZIP):
        pass
    return None
