"""Patterns for names of layers, as PEFT has them in rank_pattern and its like: which of several fits first, in bounds.

A pattern is a regular expression for the end of a name, from a dot on. One from a file could keep a computer busy for
ever, so the time that it may take is bounded before it is tried.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ioadapt_theory.errors import InvalidValueError

MOST_REPEATS = 3
LONGEST = 1000
MOST_STEPS = 10_000_000
"""Ways in which a pattern may be tried on a name: about a second."""

LOOKS = re.compile(r"\(\?<?[=!]")
SPECIAL = set("^$*+?{}[]|()")
Chars = tuple[str | None, ...]
"""Characters of a name, None where any will do."""


@functools.lru_cache(maxsize=1 << 13)  # re's own forgets after 512: a pattern for each layer of SD-XL took minutes
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern.

    Raises:
        InvalidValueError: not a regular expression.
    """
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        msg = f"Pattern {pattern[:60]!r} is not a regular expression: {error}."
        raise InvalidValueError(msg) from None


def check_nesting(pattern: str) -> None:
    """Refuse a repeat, or a choice, inside a group that repeats: each more letter of a name could double the time.

    What a group only looks at counts for nothing, so ``((?!visual).)*`` is a pattern like others.

    Raises:
        InvalidValueError: such a pattern, or no regular expression.
    """
    compiled(pattern)
    text = re.sub(r"\[[^\]]+\]", "x", re.sub(r"\\.", "x", pattern))
    choices = [False]
    looks = list[bool]()
    for i, c in enumerate(text):
        if c == "(":
            looks.append(LOOKS.match(text, i) is not None)
            choices.append(False)
        elif c == ")":
            looked, inner = looks.pop(), choices.pop()
            inner &= not looked
            if inner and text[i + 1 : i + 2] in {"*", "+", "{"}:
                msg = f"Pattern {pattern[:60]!r} could run for ever: it repeats a group that repeats or chooses inside."
                raise InvalidValueError(msg)
            choices[-1] |= inner
        elif c in "*+{|" or (c == "?" and text[i - 1] not in "(*+?}"):
            choices[-1] = True


def first_fit(patterns: Collection[str], name: str) -> str | None:
    """The first of the patterns that fits the end of the name, as PEFT chooses it.

    Raises:
        InvalidValueError: a pattern that is no regular expression, or could run for ever.
    """
    return _index(tuple(patterns)).first(name) if patterns else None


def override(patterns: Mapping[str, Any], name: str, default: Any) -> Any:
    """The value of the first of the patterns that fits; see ``first_fit``."""
    fit = first_fit(patterns, name)
    return default if fit is None else patterns[fit]


def check(patterns: Collection[str]) -> None:
    """Refuse what is no regular expression, or could run for ever on any name.

    Raises:
        InvalidValueError: such a pattern.
    """
    _index(tuple(patterns))


@functools.lru_cache(maxsize=16)
def _index(patterns: tuple[str, ...]) -> "_Index":
    return _Index(patterns)


class _Index:
    """Patterns in order; those without anything special are found by what they say, as files have one a layer."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        self.plain: defaultdict[int, dict[tuple[int, ...], dict[tuple[bool, str], int]]] = defaultdict(dict)
        self.others: list[tuple[int, re.Pattern[str], int, int]] = []
        for place, pattern in enumerate(patterns):
            compiled(pattern)
            anchored = pattern.startswith("^")
            chars = _characters(pattern.removeprefix("^"))
            if chars is None:
                repeats, ways = _bounds(pattern)
                self.others.append((place, compiled(rf"(.*\.)?({pattern})"), repeats, ways))
            else:
                free = tuple(i for i, c in enumerate(chars) if c is None)
                table = self.plain[len(chars)].setdefault(free, {})
                table.setdefault((anchored, "".join(c or "." for c in chars)), place)

    def first(self, name: str) -> str | None:
        places = [place for end, whole in _ends(name) for place in self._said(end, whole)]
        best = min(places, default=len(self.patterns))
        for place, expression, repeats, ways in self.others:
            if place > best:
                break
            if (len(name) + 1) ** repeats * ways * (name.count(".") + 1) > MOST_STEPS:
                raise InvalidValueError(_for_ever(self.patterns[place]))
            if expression.fullmatch(name):
                best = place
                break
        return self.patterns[best] if best < len(self.patterns) else None

    def _said(self, end: str, whole: bool) -> Iterator[int]:
        for free, table in self.plain.get(len(end), {}).items():
            text = list(end)
            for i in free:
                text[i] = "."
            for anchored in (False, True) if whole else (False,):
                if (place := table.get((anchored, "".join(text)))) is not None:
                    yield place


def _ends(name: str) -> Iterator[tuple[str, bool]]:
    """What stands after each dot, and all of it; whether it is all."""
    yield name, True
    for dot in re.finditer(r"\.", name):
        yield name[dot.end() :], False


def _characters(pattern: str) -> Chars | None:
    """What a pattern says letter by letter; None for one that repeats, chooses or looks around."""
    chars: list[str | None] = []
    rest = iter(pattern)
    for c in rest:
        if c == "\\":
            escaped = next(rest, "a")
            if escaped.isalnum():
                return None
            chars.append(escaped)
        elif c in SPECIAL:
            return None
        else:
            chars.append(None if c == "." else c)
    return tuple(chars)


def _bounds(pattern: str) -> tuple[int, int]:
    """How many parts may have any length, and in how many ways the others can be chosen.

    Raises:
        InvalidValueError: parts that repeat within a part that repeats, too many of them, or too long a pattern.
    """
    text = re.sub(r"\\.", "x", pattern)
    repeats = len(re.findall(r"[+*{]", text))
    ways: int = 2 ** len(re.findall(r"(?<![(+*}?])\?", text))
    open_groups = [1]
    for c in text:
        if c == "(":
            open_groups.append(1)
        elif c == "|":
            open_groups[-1] += 1
        elif c == ")" and len(open_groups) > 1:
            ways *= open_groups.pop()
    if re.search(r"\)[+*{]", text) or repeats > MOST_REPEATS or len(pattern) > LONGEST or ways > MOST_STEPS:
        raise InvalidValueError(_for_ever(pattern))
    return repeats, ways * open_groups[0]


def _for_ever(pattern: str) -> str:
    return (
        f"Pattern {pattern[:60]!r} could run for ever; use fewer parts of any length (at most {MOST_REPEATS}), and none"
        " inside a group that repeats."
    )
