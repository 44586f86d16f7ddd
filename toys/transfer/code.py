"""``python -m toys.transfer.code``: name the records that older code made, by a digest of what each depends on."""

import ast
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ioadapt_theory.cli import FINDING, OK

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ("ioadapt_theory/adapters", "ioadapt_theory/effect", "ioadapt_theory/maps", "ioadapt_theory/moving")
"""Folders on which the records of moved adapters depend."""
FOLDERS: Final = ("benchmarks/recorded", "toys/data", "toys/data/carried")


def code(*of: str) -> dict[str, Any]:
    """Return the folders and files on which a record depends, and the digest of their code, for its configuration.

    Results in a cache count as made by this code: before a record is made again, delete the cache.
    """
    return {"of": [*of], "digest": digest(of)}


def digest(names: Iterable[str], root: Path = ROOT) -> str:
    """Return a hash of Python code below ``root``; comments, docstrings, formatting and Python's version do not count.

    Modules named output or tables, which only show results, are left out.
    """
    files = [file for name in names for file in sorted((root / name).rglob("*.py")) or [root / name]]
    shown = {"output.py", "tables.py"}
    parsed = [_plain(ast.parse(file.read_bytes())) for file in files if file.is_file() and file.name not in shown]
    return hashlib.sha256(repr(parsed).encode()).hexdigest()[:16]


def _plain(node: Any) -> Any:
    """Return the fields of a syntax tree that are not empty, without docstrings."""
    if isinstance(node, list):
        return [_plain(one) for one in node if not _is_docstring(one)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.JoinedStr):  # Python 3.12 has more empty strings in formatted strings
        node.values = [one for one in node.values if not (isinstance(one, ast.Constant) and one.value == "")]
    fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
    return type(node).__name__, [(name, _plain(value)) for name, value in fields]


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def older(root: Path = ROOT) -> list[str]:
    """Return a sentence on each record that other code made."""
    found = []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).glob("*.json"))):
        config = json.loads(path.read_text(encoding="utf-8"))["config"]
        known, name = config.get("code"), path.relative_to(root).as_posix()
        if known is None:
            found.append(f"{name} does not say which code made it; the command is {config.get('command', path.stem)}")
        elif digest(known["of"], root) != known["digest"]:
            found.append(f"{name} was made by other code; make it again: {config['command']}")
    return found


def main() -> int:
    found = older()
    sys.stdout.write("\n".join(found or ["This code made every record."]) + "\n")
    return FINDING if found else OK


if __name__ == "__main__":
    sys.exit(main())
