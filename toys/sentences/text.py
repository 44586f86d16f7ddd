"""Pairs of related texts from Python's standard library, of three kinds."""

import ast
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch

SHORTEST: Final = 25
"""Minimum number of characters in a description, since shorter descriptions are too unspecific for retrieval."""
TASKS: Final = ("names", "errors", "calls")
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Pairs for training, validation and testing, from different files."""

    train: Pairs
    validation: Pairs
    test: Pairs


@cache
def pairs() -> dict[str, dict[str, Pairs]]:
    """Return pairs (description, described text) by kind and file; within a kind, neither text occurs twice.

    names: the first line of a docstring, and the function's name and arguments;
    errors: the message of an error, and the name and arguments of the function that raises it;
    calls: the first line of a docstring, and the names that the function calls.
    """
    found: dict[str, dict[str, Pairs]] = {kind: {} for kind in TASKS}
    seen: set[tuple[str, str]] = set()
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        source = file.read_text(encoding="utf-8", errors="replace")
        for kind, read in READERS.items():
            for one, other in read(source):
                new = {(kind, one), (f"{kind} described", other)}
                if len(one) >= SHORTEST and not new & seen:
                    seen |= new
                    found[kind].setdefault(file.stem, []).append((one, other))
    return found


def parts(kind: str, seed: int) -> Parts:
    """Return training, validation and test pairs from 60, 15 and 25 % of the files, in random order."""
    drawn = torch.Generator().manual_seed(seed)
    of = pairs()[kind]
    files = _shuffled(list(of), drawn)
    a, b = (int(share * len(files)) for share in (0.6, 0.75))
    cut = (files[:a], files[a:b], files[b:])
    return Parts(*(_shuffled([pair for file in some for pair in of[file]], drawn) for some in cut))


def _shuffled(some: list[Any], drawn: torch.Generator) -> list[Any]:
    return [some[k] for k in torch.randperm(len(some), generator=drawn)]


def _names(source: str) -> Iterator[tuple[str, str]]:
    for node in _functions(source):
        if described := ast.get_docstring(node):
            yield described.strip().partition("\n")[0].strip(), _signature(node)


def _errors(source: str) -> Iterator[tuple[str, str]]:
    for node in _functions(source):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call) and inner.exc.args:
                parts = ast.walk(inner.exc.args[0])
                said = (p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str))
                yield " ".join(" ".join(said).split()), _signature(node)


def _calls(source: str) -> Iterator[tuple[str, str]]:
    for node in _functions(source):
        if described := ast.get_docstring(node):
            called = (c.func for c in ast.walk(node) if isinstance(c, ast.Call))
            names = (getattr(f, "attr", getattr(f, "id", "")).strip("_").replace("_", " ") for f in called)
            if words := " ".join(dict.fromkeys(name for name in names if name)):
                yield described.strip().partition("\n")[0].strip(), words


@cache
def _functions(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    words = [node.name.strip("_").replace("_", " "), *(a.arg for a in node.args.args if a.arg != "self")]
    return " ".join(words)


READERS: Final = {"names": _names, "errors": _errors, "calls": _calls}
