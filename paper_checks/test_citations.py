"""Every equation, lemma, proposition, figure, table and section that our sources cite exists in the paper."""

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("ioadapt_theory", "toys", "figures", "benchmarks", "tests", "paper_checks")

NUMBERED = {
    "Eq": "1 2 3 4 4a 4b 4c 5 6 7 8 9",
    "Lemma": "1 2 3",
    "Prop": "1 2 3 4 5",
    "Fig": "1 2 3 4 5 6 7 8 9 10 11",
    "Tab": "1 2 3 4 5 6 7 8 9 10 11",
    "Sec": "1 2 2.1 2.2 3 3.1 3.2 3.3 4 5 5.1 5.2 6",
    "App": "A A.1 A.2 B C D E",
}
"""Numbers of the paper's equations, lemmas and so on, extracted once by hand."""

KINDS = {
    "Eq": r"Eqs?\.|Equations?",
    "Lemma": r"Lemmas?",
    "Prop": r"Props?\.|Propositions?",
    "Fig": r"Figs?\.|Figures?",
    "Tab": r"Tabs?\.|Tables?",
    "Sec": r"Secs?\.|Sections?",
    "App": r"Apps?\.|Appendix",
}
NUMBER = r"\(?(?:\d+(?:\.\d+)*[a-z]?|[A-E](?:\.\d+)?)\b\)?"
CITATION = {
    k: re.compile(rf"\b(?:{v})\s+({NUMBER}(?:(?:\s*(?:,|-|–|and|or|to)\s*)+{NUMBER})*)") for k, v in KINDS.items()
}


ELSEWHERE = re.compile(r"arXiv[ :]\d{4}\.\d{4,5},[^)\n]*")
"""Pattern of citations after an arXiv number, which refer to a different paper."""


def between(first: str, last: str) -> Iterator[str]:
    """Yield the numbers of a range, such as 3 to 5 or 4a to 4c; of other ranges, only the two ends."""
    if first[:-1] == last[:-1] and last[-1] in string.ascii_lowercase:
        yield from (first[:-1] + x for x in string.ascii_lowercase if first[-1] <= x <= last[-1])
    elif first.isdigit() and last.isdigit():
        yield from map(str, range(int(first), int(last) + 1))
    else:
        yield from (first, last)


def citations(text: str) -> Iterator[tuple[str, str]]:
    """Yield kind and number, such as ("Eq", "7"), of every citation in a text, with lists and ranges expanded."""
    ours = ELSEWHERE.sub("", text)
    for kind, pattern in CITATION.items():
        for match in pattern.finditer(ours):
            for part in re.split(r"\s*(?:,|\band\b|\bor\b)\s*", match[1]):
                ends = re.split(r"\s*(?:-|–|\bto\b)\s*", part.strip())
                numbers = [end.strip("() ") for end in ends if end]
                for number in between(numbers[0], numbers[-1]) if len(numbers) > 1 else numbers:
                    yield kind, number


def unknown(text: str) -> set[tuple[str, str]]:
    return {(kind, number) for kind, number in citations(text) if number not in NUMBERED[kind].split()}


def sources() -> list[Path]:
    """Return the files to check: other Python files in FOLDERS, and the pages in the root but the changelog."""
    modules = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]
    return sorted(modules) + [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]


@pytest.mark.parametrize("folder", [*FOLDERS, "."])
def test_every_citation_exists_in_the_paper(folder):
    paths = [p for p in sources() if p.relative_to(ROOT).parts[0] == folder or (folder == "." and p.parent == ROOT)]
    wrong = {str(path.relative_to(ROOT)): missing for path in paths if (missing := unknown(path.read_text("utf-8")))}
    assert wrong == {}


def test_sources_cite_every_numbered_statement():
    cited = {c for path in sources() if "claims" in path.parts for c in citations(path.read_text("utf-8"))}
    statements = {(kind, number) for kind in ("Lemma", "Prop") for number in NUMBERED[kind].split()}
    assert statements | {("Eq", n) for n in ("5", "6", "7", "8")} <= cited


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Eq. (7) and Eqs. 4a-4c", {("Eq", "7"), ("Eq", "4a"), ("Eq", "4b"), ("Eq", "4c")}),
        ("Props. 3-5 (App. A.1)", {("Prop", "3"), ("Prop", "4"), ("Prop", "5"), ("App", "A.1")}),
        ("Tables 1, 2, 8 and 9; Section 5.2", {("Tab", "1"), ("Tab", "2"), ("Tab", "8"), ("Tab", "9"), ("Sec", "5.2")}),
        ("as in Eq. 3 (arXiv 2106.09685, Sec. 7.2)", {("Eq", "3")}),
    ],
)
def test_lists_and_ranges_are_read_in_full(text, found):
    assert set(citations(text)) == found


@pytest.mark.parametrize(
    ("text", "missing"),
    [("see Eq. (12)", ("Eq", "12")), ("Props. 3-6", ("Prop", "6")), ("Tables 1 and 12", ("Tab", "12"))],
)
def test_a_citation_that_does_not_exist_is_found(text, missing):
    assert missing in unknown(text)
