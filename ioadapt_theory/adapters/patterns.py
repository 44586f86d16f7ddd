"""Patterns for layer names, as in PEFT's rank_pattern: regular expressions that match the end of a name.

A pattern may come from an untrusted file, so the time of a match is limited.
"""

import functools
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import regex

from ioadapt_theory.errors import InvalidValueError

LIMIT = 1.0
"""Seconds after which a match is given up."""
MOST_COPIES = 10_000
"""Largest product of the repeat counts in a pattern, since x{n} is compiled to n copies of x."""


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
    try:
        return compiled(pattern).fullmatch(name, timeout=LIMIT) is not None
    except TimeoutError:
        msg = f"Pattern {pattern[:60]!r} takes too long to match (more than {LIMIT:g} s); avoid nested repetition."
        raise InvalidValueError(msg) from None


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
