"""Texts from this Python installation as bytes, and random windows of a text."""

import ast
import sysconfig
from functools import cache
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

LENGTH: Final = 48
"""Number of bytes in a window."""


def encoded(texts: list[str]) -> Tensor:
    """Return the texts, joined by line breaks, as ASCII bytes with question marks for other characters."""
    return torch.tensor(list("\n".join(texts).encode("ascii", "replace")))


@cache
def corpora() -> dict[str, Tensor]:
    """Return texts by use, as bytes: Python's documentation, library code, docstrings, and questions with answers."""
    from pydoc_data.topics import topics

    drawn = torch.Generator().manual_seed(0)
    documents = [topics[key] for key in sorted(topics)]
    documents = [documents[i] for i in torch.randperm(len(documents), generator=drawn)]
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    files = [files[i] for i in torch.randperm(len(files), generator=drawn)]
    code = [file.read_text(encoding="utf-8", errors="replace")[:30000] for file in files]
    docstrings = [text for source in code for text in _docstrings(source)]
    asked = [
        f"### Question: what about {_title(text)}?\n### Answer: {' '.join(part.split())}\n"
        for text in documents[: int(0.8 * len(documents))]
        for part in text.split("\n\n")[1:7]
    ]
    a, b, c, d = (int(share * len(x)) for x in (documents, code) for share in (0.8, 0.9))
    return {
        "documents": encoded(documents[:a]),
        "documents, validation": encoded(documents[a:b]),
        "documents, test": encoded(documents[b:]),
        "train": encoded(code[:c]),
        "validation": encoded(code[c:d]),
        "test": encoded(code[d:]),
        "docstrings": encoded(docstrings),
        "asked": encoded(asked),
    }


def _title(text: str) -> str:
    return text.strip().splitlines()[0].strip("* =")[:60]


def _docstrings(source: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the source is truncated
        return []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [text for node in ast.walk(tree) if isinstance(node, kinds) and (text := ast.get_docstring(node))]


def windows(text: Tensor, n: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return n random windows of a text, and, for every byte in them, the byte that follows, (n, LENGTH) each."""
    at = torch.randint(len(text) - LENGTH - 1, (n,), generator=drawn)
    rows = text[at[:, None] + torch.arange(LENGTH + 1)]
    return rows[:, :-1], rows[:, 1:]
