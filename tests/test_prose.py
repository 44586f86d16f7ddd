"""Errors and pages are plain English: the turns of phrase that readers stumbled over do not come back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in ("CONTRIBUTING.md", "RELEASING.md"))]
PLAIN = {
    r"(is|are) not shown to": "we found no evidence that",
    r"what is said of|by what is said": "its docstring, its description",
    r"makes? up for": "compensates for",
    r"\bsomebody\b|\bnobody listens\b": "a hook, a caller",
    r"stands in for": "replaces",
    r"were it not|so to say|is to be had": "a sentence with subject, verb and object",
    r"of which nothing is known": "unknown",
    r"\bis they\b|\bare it\b": "a sentence with subject, verb and object",
    r"of use it is not|fits, for the": "It will not help, because",
    r"is told its": "takes ... as an input",
}
"""What is not written -> what is."""


def _errors() -> Iterator[tuple[str, str]]:
    """Place and text of every message that the package raises or warns with."""
    for path in (ROOT / "ioadapt_theory").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "msg"
            if named or isinstance(node, ast.Raise):
                words = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
                yield f"{path.relative_to(ROOT)}:{node.lineno}", " ".join(words)


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    return [*((path.name, path.read_text(encoding="utf-8")) for path in PAGES), *_errors()]


@pytest.mark.parametrize("phrase", PLAIN)
def test_a_page_or_an_error_says_it_plainly(phrase: str, texts: list[tuple[str, str]]):
    assert len(texts) > 200
    assert [place for place, text in texts if re.search(phrase, text)] == [], f"write: {PLAIN[phrase]}"
