"""Patterns for names of layers, as PEFT has them in rank_pattern and its like: regular expressions for a name's end.

A pattern may come from a file, so the time that slow ones take together is limited; any other takes microseconds.
"""

import functools
import math
import re
import time
from collections.abc import Collection, Mapping
from typing import Any

import regex

from ioadapt_theory.errors import InvalidValueError

SLOW, LIMIT = 0.01, 1.0
"""CPU seconds from which a match counts as slow, and those that all slow ones of a process may take."""
MOST_COPIES = 10_000
"""Product of the counts in braces: a counted repeat is compiled to as many copies of what it repeats."""
_spent = 0.0


@functools.lru_cache(maxsize=1 << 15)
def compiled(pattern: str) -> Any:
    """Return the regular expression of a pattern.

    Raises:
        InvalidValueError: not a regular expression, or one of too many counted repeats.
    """
    counts = (re.findall(r"\d+", braces) for braces in re.findall(r"\{[\d,]{1,20}\}", pattern))
    if math.prod(max([1, *map(int, each)]) for each in counts) > MOST_COPIES:
        msg = f"Pattern {pattern[:60]!r} repeats more than {MOST_COPIES:,} times: count to less."
        raise InvalidValueError(msg)
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        msg = f"Pattern {pattern[:60]!r} is not a regular expression: {error}."
        raise InvalidValueError(msg) from None


def fits(pattern: str, name: str) -> bool:
    """Return whether a regular expression fits the whole name.

    Raises:
        InvalidValueError: no regular expression, or one that takes too long.
    """
    global _spent
    began = time.thread_time()
    try:
        return compiled(pattern).fullmatch(name, timeout=LIMIT) is not None
    except TimeoutError:
        _spent += LIMIT
        return False
    finally:
        if (took := time.thread_time() - began) > SLOW:
            _spent += took
            if _spent > LIMIT:
                msg = f"Pattern {pattern[:60]!r} takes more than {LIMIT:g} s: repeat nothing inside a repeated group."
                raise InvalidValueError(msg)


def first_fit(patterns: Collection[str], name: str) -> str | None:
    """Return the first of the patterns that fits the end of the name, from a dot on, as PEFT chooses it."""
    ordered = tuple(patterns)
    literal, others = _index(ordered)
    ends = [(False, name[i:]) for i in (0, *(dot.end() for dot in re.finditer(r"\.", name)))]
    first = min((literal[end] for end in [(True, name), *ends] if end in literal), default=len(ordered))
    more = (place for place in others if place < first and fits(rf"(.*\.)?({ordered[place]})", name))
    place = next(more, first)
    return ordered[place] if place < len(ordered) else None


@functools.lru_cache(maxsize=16)
def _index(patterns: tuple[str, ...]) -> tuple[dict[tuple[bool, str], int], list[int]]:
    """Return the places of patterns that are escaped names, by whether "^" is before and the name; and of the rest."""
    literal: dict[tuple[bool, str], int] = {}
    others = []
    for place, pattern in enumerate(patterns):
        text = pattern.removeprefix("^")
        plain = re.sub(r"\\(.)", r"\1", text)
        if re.escape(plain) == text:
            literal.setdefault((text != pattern, plain), place)
        else:
            others.append(place)
    return literal, others


def override(patterns: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return the value of the first of the patterns that fits; see ``first_fit``."""
    fit = first_fit(patterns, name)
    return default if fit is None else patterns[fit]
