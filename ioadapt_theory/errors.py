"""The errors of this package: one base class; each subclass also is the built-in that callers expect."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 2000
"""Characters of a sentence that are shown: names in broken files may have millions."""
MOST_KNOWN = 12
"""Known names that a sentence lists where none is like the one that was asked for."""
_ABBREVIATED = {"proposition": "prop", "equation": "eq"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape what a terminal would obey or not show: control characters but tab and newline, and marks of direction."""
    return _UNSEEN.sub(lambda mark: ascii(mark[0])[1:-1], text)


class IoAdaptError(Exception):
    """Base of every error this package raises on purpose; the command line prints it as one sentence, status 2.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import IoAdaptError, adapt
        >>> try:
        ...     adapt(nn.Sequential(nn.Linear(4, 3)), target_modules=["0"], rank=0)
        ... except IoAdaptError as error:
        ...     print(error)
        rank must be a whole number, at least 1, not 0.
    """

    def __str__(self) -> str:
        """Return the sentence itself (KeyError would print its repr), fit for a terminal."""
        text = str(self.args[0]) if self.args else ""
        cut = len(text) - LONGEST
        return printable(text if cut <= 0 else f"{text[: LONGEST // 2]}[... {cut} ...]{text[-LONGEST // 2 :]}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Give another process the sentence as it is, whatever it was made from."""
        return _remade, (type(self), self.args), self.__dict__


def _remade(kind: type[Exception], args: tuple[Any, ...]) -> Exception:
    return kind.__new__(kind, *args)


class InvalidValueError(IoAdaptError, ValueError):
    """A value outside its limits."""


class ShapeError(IoAdaptError, ValueError):
    """Sizes that do not fit together."""


class UnsupportedError(IoAdaptError, TypeError):
    """An operation that has no exact meaning for this kind of layer or file."""


class FileFormatError(IoAdaptError, ValueError):
    """A file whose content is not what it has to be."""


class WorkerError(IoAdaptError, OSError):
    """A process that works for us was ended from outside; the command line gives it a status of its own."""


class MissingExtraError(IoAdaptError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the missing package and the extra that brings it."""
        msg = f"This needs {package}, which is not installed: pip install 'ioadapt-theory[{extra}]'."
        super().__init__(msg)


class UnknownNameError(IoAdaptError, KeyError):
    """A name that is not among the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Name what was asked for and the known names that are like it, or else some of what there is."""
        known = sorted(map(str, known))
        near = near_misses(str(name), known)
        more = f" and {len(known) - MOST_KNOWN} more" if len(known) > MOST_KNOWN else ""
        listed = f" Known: {', '.join(known[:MOST_KNOWN]) or 'none'}{more}."
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        super().__init__(f"No {kind} {name!r}.{hint}{listed if not near or len(known) <= MOST_KNOWN else ''}")


def near_misses(name: str, known: Iterable[str]) -> list[str]:
    """Return at most three known names that are, or begin, like this one, the nearest in length first.

    Case, spaces and points make no difference: "Prop. 2" is near to "prop-2-input", and so is "prop-22".
    """
    asked, beginnings = _letters(name), dict[str, list[str]]()
    for one in known:
        beginnings.setdefault(_letters(one)[: len(asked)], []).append(one)
    alike = (difflib.get_close_matches(asked, beginnings, 3, cutoff) for cutoff in (0.9, 0.75))
    near = [one for beginning in next(filter(None, alike), []) for one in beginnings[beginning]]
    return sorted(near, key=lambda one: (abs(len(_letters(one)) - len(asked)), one))[:3]


def _letters(name: str) -> str:
    letters = re.sub(r"[\W_]+", "", name).lower()
    for long, short in _ABBREVIATED.items():
        letters = letters.replace(long, short)
    return letters
