"""Argument types of the command lines of the toys and figures."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return an argparse type for whole numbers from ``low`` to ``high``, both included."""

    def parse(text: str) -> int:
        if text.lstrip("-").isdecimal() and low <= int(text) <= high:
            return int(text)
        msg = f"{text!r} is not a whole number from {low} to {high}"
        raise argparse.ArgumentTypeError(msg)

    return parse


def folder(text: str) -> Path:
    """Return the path of a folder; raise ArgumentTypeError unless the folder is writable or can be created."""
    path = Path(text)
    nearest = next(p for p in (path, *path.parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        msg = f"{nearest} is not a writable folder"
        raise argparse.ArgumentTypeError(msg)
    return path


def device(dtype: str) -> Callable[[str], str]:
    """Return an argparse type for names of torch devices that exist and support ``dtype``, such as "float64"."""

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
