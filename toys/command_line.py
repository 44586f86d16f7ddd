"""What the toys' and the figures' command lines share: one sentence for what is wrong, status 2."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ioadapt_theory.cli import discard_stdout, speak_utf_8
from ioadapt_theory.errors import InvalidValueError, IoAdaptError

OK, MISUSE, INTERRUPTED = 0, 2, 130


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one sentence, without the usage lines."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2 through the same door as every other wrong value."""
        msg = f"{message[:1].upper()}{message[1:].rstrip('.')}."
        raise InvalidValueError(msg)


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argument type: a whole number from low to high."""

    def parse(text: str) -> int:
        if text.lstrip("-").isdecimal() and low <= int(text) <= high:
            return int(text)
        msg = f"{text!r} is not a whole number from {low} to {high}"
        raise argparse.ArgumentTypeError(msg)

    return parse


def folder(text: str) -> Path:
    """An argument type: a folder that exists or can be made; found out before the work, not after it."""
    path = Path(text)
    nearest = next(p for p in (path, *path.parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        msg = f"{nearest} is no folder that can be written to"
        raise argparse.ArgumentTypeError(msg)
    return path


def device(dtype: str) -> Callable[[str], str]:
    """An argument type: a torch device that exists and has this dtype, such as "float64"."""

    def parse(text: str) -> str:
        import torch

        try:
            torch.zeros(1, dtype=getattr(torch, dtype), device=text)
        except (RuntimeError, AssertionError, TypeError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            msg = f"{text!r} cannot be used ({reason})"
            raise argparse.ArgumentTypeError(msg) from None
        return text

    return parse


def guarded(name: str, body: Callable[[], int]) -> int:
    """Run ``body``; an IoAdaptError becomes its sentence on stderr and status 2, Ctrl-C becomes 130."""
    speak_utf_8()
    try:
        status = body()
        sys.stdout.flush()
    except IoAdaptError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return MISUSE
    except BrokenPipeError:
        discard_stdout()
        return OK
    except OSError as error:
        discard_stdout()
        place = "" if error.filename is None else f" {error.filename}"
        sys.stderr.write(f"{name}: cannot write{place}: {error.strerror}.\n")
        return MISUSE
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted; what was finished is kept.\n")
        return INTERRUPTED
    return status
