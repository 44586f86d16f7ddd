"""Where a pattern is matched against a layer's name: PEFT's rule, for every override by module name."""

import functools
import re
import time
from collections.abc import Collection
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from ioadapt_theory.errors import InvalidValueError

MOST_STEPS, LONGEST = 10**9, 100
"""What one match may take, a fraction of a second, counted as if nothing cut it short; on names of this length or more.
"""
MOST_SECONDS = 3.0
"""What all matches may take."""


class Patterns(dict[str, Any]):
    """Values by regular expression; not to be changed once ``first`` was called.

    A file of mixed ranks has a pattern for every layer, so those that are plain names are looked up, not matched.
    """

    _index: "tuple[dict[str, int], dict[str, int], list[tuple[int, re.Pattern[str]]]] | None" = None

    def first(self, name: str, default: Any) -> Any:
        """The value of the first pattern that fits the whole name or its end after a dot, as PEFT chooses it."""
        wholes, ends, others = self._built()
        parts = name.split(".")
        found = [ends[end] for i in range(len(parts)) if (end := ".".join(parts[i:])) in ends]
        found += [wholes[name]] if name in wholes else []
        best = min(found, default=len(self))
        best = next((i for i, expression in others if i < best and expression.fullmatch(name)), best)
        return self._values[best] if best < len(self) else default

    def _built(self) -> tuple[dict[str, int], dict[str, int], list[tuple[int, re.Pattern[str]]]]:
        if self._index is None:
            self._values = [*self.values()]
            wholes: dict[str, int] = {}
            ends: dict[str, int] = {}
            others = []
            for i, pattern in enumerate(self):
                text, table = pattern.removeprefix("^"), wholes if pattern.startswith("^") else ends
                if (plain := literal(text)) is None:
                    others.append((i, compiled(rf"(.*\.)?({pattern})")))
                else:
                    table.setdefault(plain, i)
            self._index = wholes, ends, others
        return self._index

    def require_bounded(self, names: Collection[str]) -> None:
        """Refuse what could run for ever on these names, in a file that nobody has to trust.

        Raises:
            InvalidValueError: no regular expression, one of too many ways to match, or too many of them.
        """
        longest = max([LONGEST, *map(len, names)])
        plain = True
        for pattern in self:
            compiled(pattern)
            if literal(pattern.removeprefix("^")) is None:
                plain = False
                if longest * steps(pattern, longest) > MOST_STEPS:
                    msg = f"a pattern could run for ever: {pattern[:60]!r}"
                    raise InvalidValueError(msg)
        start = time.process_time()
        for i, name in enumerate(() if plain else names):
            self.first(name, None)
            if time.process_time() - start > MOST_SECONDS:
                msg = f"the patterns could run for ever: {i + 1} of {len(names)} layers took {MOST_SECONDS:g} s"
                raise InvalidValueError(msg)


@functools.lru_cache(maxsize=1 << 13)  # re's own forgets after 512: a pattern for each layer of SD-XL took minutes
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern.

    Raises:
        InvalidValueError: not a regular expression.
    """
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        msg = f"Pattern {pattern[:80]!r} is not a regular expression: {error}."
        raise InvalidValueError(msg) from None


def literal(pattern: str) -> str | None:
    """The one text that a pattern matches, None if there are more."""
    tree = _tree(pattern)
    return "".join(chr(value) for _, value in tree) if all(kind is op.LITERAL for kind, _ in tree) else None


def steps(pattern: str, length: int) -> float:
    """How many ways a backtracking search may try on a text of this length, at most."""
    return _ways(_tree(pattern), length)


def _tree(pattern: str) -> Any:
    try:
        return parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        msg = f"Pattern {pattern[:80]!r} is not a regular expression: {error}."
        raise InvalidValueError(msg) from None


def _ways(tree: Any, length: int) -> float:
    """The product over a sequence; infinite where a repeated part itself has several ways, or refers back."""
    ways = 1.0
    for kind, value in tree:
        match kind:
            case op.LITERAL | op.NOT_LITERAL | op.ANY | op.IN | op.AT:
                pass
            case op.SUBPATTERN:
                ways *= _ways(value[-1], length)
            case op.BRANCH:
                ways *= sum(_ways(branch, length) for branch in value[1])
            case op.MAX_REPEAT | op.MIN_REPEAT | op.POSSESSIVE_REPEAT:
                least, most, inner = value
                if most > 1 and _ways(inner, length) > 1:
                    return float("inf")
                ways *= (min(most, length) - min(least, length) + 1) * _ways(inner, length)
            case op.ASSERT | op.ASSERT_NOT:
                ways *= 1 + _ways(value[1], length)
            case _:
                return float("inf")
    return ways
