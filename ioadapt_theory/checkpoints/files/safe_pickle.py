"""Pickles, read by torch.load with weights_only=True: no code is executed, and invalid files raise FileFormatError.

Classes that tensors do not need, such as those of a training configuration, are never imported, but replaced with inert
stubs.
"""

import pickletools
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any, Final

from ioadapt_theory.errors import FileFormatError, printable

MOST_OPERATIONS: Final = 1_000_000
"""Maximum number of pickle operations. A tensor needs about thirty; reading a million takes about five seconds."""
DEEPEST: Final = 16
"""Maximum depth of nested tuples; the time to hash tuples that share parts can grow exponentially with the depth."""
NO_ZIP: Final = (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, OSError)
"""Errors of zipfile for a file that is broken or not a zip file; torch.load then reports the reason."""


class Inert:
    """A stub for a class that tensors do not need; it ignores its arguments and state."""

    def __init__(self, *_args: object, **_kwargs: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...


def load_pickle(path: Path) -> object:
    """Return the content of a PyTorch pickle; raise FileFormatError if it is invalid. Zip files are memory-mapped."""
    import torch

    _refuse_what_takes_long(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            names = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the format before torch 1.6, or a broken file: torch.load gives the reason
        names = set()
    inert: list[Any] = [(Inert, name) for name in names]
    try:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(inert):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a malicious or broken file can make torch.load raise any error
        text = printable(str(error)).replace("\t", "\\t")
        code = re.findall(r"GLOBAL (\S+) (?:was not|whose module)", text)
        inner = re.sub(r"^\[enforce.*?\] \. ", "", text.rpartition("WeightsUnpickler error:")[2].strip())
        inner = re.split(r"\. |\.?\n|\.$", inner)[0]
        reason = f"{type(error).__name__}: {inner}".removesuffix(": ")
        again = "Delete it and download it again."
        msg = f"{path} is truncated, broken or not a PyTorch pickle of weights ({reason}). {again}"
        if "TorchScript" in text:
            msg = f"{path} is a TorchScript program, not a pickle of weights. Save its state_dict() instead."
        elif code or (names and "Can only" in text):
            some = ", ".join(code or [ascii(name)[1:-1] for name in sorted(names)][:3])
            msg = f"{path} contains code or custom classes ({some}), which were not executed. "
            msg += "Save the model's state_dict() instead."
        raise FileFormatError(msg) from error


def _refuse_what_takes_long(path: Path) -> None:
    """Raise FileFormatError if reading the file might take too much time or memory; nothing is unpickled."""
    problem = None
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                for item in archive.infolist():
                    if item.compress_type != zipfile.ZIP_STORED and "/code/" not in item.filename:
                        problem = "is a compressed zip file, which torch.save never writes"
                    elif item.filename.endswith("data.pkl") and problem is None:
                        with archive.open(item) as stream:
                            problem = _problem(stream)
        except NO_ZIP:
            file.seek(0)
            for _ in range(5):  # pickles of torch before 1.6: magic number, protocol, system, tensors and keys
                problem = problem or _problem(file)
    if problem is not None:
        msg = f"{path} {problem}. Save the model's state_dict() with torch.save or safetensors."
        raise FileFormatError(msg)


def _problem(stream: IO[bytes]) -> str | None:
    """Return the problem if a pickle has too many operations or too deeply nested tuples, else None."""
    stack: list[int | None] = []  # depth of each tuple, 0 for other objects, None for a mark
    memo: dict[Any, int] = {}
    try:
        for count, (op, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MOST_OPERATIONS:
                return f"contains a pickle of more than {MOST_OPERATIONS:,} operations, too many to read safely"
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
                    return f"contains tuples in tuples, nested more than {DEEPEST} deep, too deep to read safely"
    except (IndexError, KeyError, TypeError, MemoryError, OverflowError, struct.error, *NO_ZIP):
        pass  # broken: torch.load reports the reason
    return None
