"""Patterns for layer names, as in PEFT's rank_pattern: regular expressions that match the end of a name.

A pattern may come from an untrusted file, so the total time of slow matches is limited.
"""

import functools
import math
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import regex

from ioadapt_theory.errors import InvalidValueError

SLOW, LIMIT, ALL = 0.01, 1.0, 4.0
"""CPU seconds above which a match is slow; limits on the sums over slow matches of one pattern and of all patterns."""
MOST_COPIES = 10_000
"""Largest product of the repeat counts in a pattern, since x{n} is compiled to n copies of x."""
_spent: dict[str, float] = {}


@functools.lru_cache(maxsize=1 << 15)
def compiled(pattern: str) -> Any:
    counts = (re.findall(r"\d+", braces) for braces in re.findall(r"\{[\d,]{1,20}\}", pattern))
    if math.prod(max([1, *map(int, each)]) for each in counts) > MOST_COPIES:
        msg = f"Pattern {pattern[:60]!r} has repeat counts with a product above {MOST_COPIES:,}; use smaller counts."
        raise InvalidValueError(msg)
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        msg = f"Pattern {pattern[:60]!r} is not a valid regular expression: {error}."
        raise InvalidValueError(msg) from None


def fits(pattern: str, name: str) -> bool:
    """Return whether a pattern matches a whole name; raise InvalidValueError if it is invalid or too slow."""
    expression = compiled(pattern)  # not timed, as its time grows only with the pattern's length
    began = time.thread_time()
    try:
        hit, took = expression.fullmatch(name, timeout=LIMIT), time.thread_time() - began
    except TimeoutError:
        hit, took = None, LIMIT + SLOW
    if took > SLOW:
        _spent[pattern] = _spent.get(pattern, 0.0) + took
        if _spent[pattern] > LIMIT or sum(_spent.values()) > ALL:
            what = f"Pattern {pattern[:60]!r} takes too long to match"
            msg = f"{what} (more than {LIMIT:g} s, or {ALL:g} s with other slow patterns); avoid nested repetition."
            raise InvalidValueError(msg)
    return hit is not None


def first_fit(patterns: Iterable[str], name: str) -> str | None:
    """Return the first pattern that matches the whole name or its end after some dot, as in PEFT, or None."""
    return next((pattern for pattern in patterns if _fits_end(pattern, name)), None)


def _fits_end(pattern: str, name: str) -> bool:
    if (literal := _literal(pattern)) is None:
        return fits(rf"(.*\.)?({pattern})", name)
    return name == literal or (not pattern.startswith("^") and name.endswith(f".{literal}"))


@functools.lru_cache(maxsize=1 << 15)
def _literal(pattern: str) -> str | None:
    """Return the text that a pattern stands for, or None if it has operators other than a leading ^."""
    escaped = pattern.removeprefix("^")
    name = re.sub(r"\\(.)", r"\1", escaped)
    return name if re.escape(name) == escaped else None


def override(patterns: Mapping[str, Any], name: str, default: Any) -> Any:
    fit = first_fit(patterns, name)
    return default if fit is None else patterns[fit]
