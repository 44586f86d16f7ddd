"""Patterns for names of layers, as PEFT has them in rank_pattern and its like: regular expressions for a name's end.

A pattern may come from a file, so the time that slow ones take together is limited; any other takes microseconds.
"""

import functools
import math
import re
import time
from collections.abc import Iterable, Mapping
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
    """Return the regular expression of a pattern; raise InvalidValueError where it is none or counts too far."""
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
    """Whether a pattern fits the whole name; raise InvalidValueError where it is none or takes too long."""
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


def first_fit(patterns: Iterable[str], name: str) -> str | None:
    """Return the first of the patterns that fits the end of the name, from a dot on, as PEFT chooses it."""
    return next((pattern for pattern in patterns if _fits_end(pattern, name)), None)


def _fits_end(pattern: str, name: str) -> bool:
    if (literal := _literal(pattern)) is None:
        return fits(rf"(.*\.)?({pattern})", name)
    return name == literal or (not pattern.startswith("^") and name.endswith(f".{literal}"))


@functools.lru_cache(maxsize=1 << 15)
def _literal(pattern: str) -> str | None:
    """Return the name that a pattern spells without any operator, as files have one for each layer; else None."""
    escaped = pattern.removeprefix("^")
    name = re.sub(r"\\(.)", r"\1", escaped)
    return name if re.escape(name) == escaped else None


def override(patterns: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return the value of the first of the patterns that fits; see ``first_fit``."""
    fit = first_fit(patterns, name)
    return default if fit is None else patterns[fit]
