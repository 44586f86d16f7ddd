"""What goes wrong, said once: one base class; each subclass also is the built-in that callers expect."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 2000
"""Characters of a sentence that are shown: names in broken files may have millions."""
MOST_KNOWN = 24
"""Known names that a sentence lists; the near misses come before them."""
ALIKE = 0.7
"""Of two letters in both names over all letters, from where on a name is a near miss."""
UNFINISHED = 0.95
"""What a name that goes on after what was typed counts beside one that ends there, which is meant if both are alike."""
FURTHER = 0.15
"""How much less alike than the nearest another may be."""
SHORT = {"proposition": "prop", "equation": "eq"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape what a terminal would obey or not show: control characters but tab and newline, and marks of direction.

    Whatever comes from a file, a folder or a server goes through here before a terminal sees it: every error does, and
    what a command writes.
    """
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


class IoAdaptError(Exception):
    """Base of every error this package raises on purpose; the command line prints it as one sentence, status 2.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import IoAdaptError, adapt
        >>> try:
        ...     adapt(nn.Sequential(nn.Linear(4, 3)), target_modules=["0"], rank=0)
        ... except IoAdaptError as error:
        ...     print(error)
        rank is 0; it is a whole number, at least 1.
    """

    def __str__(self) -> str:
        """Return the sentence itself (KeyError would print its repr), fit for a terminal."""
        text = str(self.args[0]) if self.args else ""
        cut = len(text) - LONGEST
        return printable(text if cut <= 0 else f"{text[: LONGEST // 2]}[... {cut} ...]{text[-LONGEST // 2 :]}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets the sentence as it is, whatever it was made from."""
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
        """Say what was asked for, the near misses, and what there is."""
        known = sorted(map(str, known))
        near = near_misses(str(name), known)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        more = f" and {len(known) - MOST_KNOWN} more" if len(known) > MOST_KNOWN else ""
        super().__init__(f"No {kind} {name!r}.{hint} Known: {', '.join(known[:MOST_KNOWN]) or 'none'}{more}.")


def near_misses(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that begin most like this one, the nearest in length first.

    Case, spaces and points make no difference: "Prop. 2" is near to "prop-2-input", and so is "prop-22".
    """
    asked = _plain(name)
    like = difflib.SequenceMatcher(b=asked, autojunk=False)

    def alike(letters: str) -> float:
        like.set_seq1(letters)
        return like.ratio() if letters and asked else 0.0

    def distance(one: str) -> tuple[float, int, str]:
        letters = _plain(one)
        swapped = UNFINISHED if sorted(letters) == sorted(asked) else 0.0
        ratio = max(alike(letters), UNFINISHED * alike(letters[: len(asked)]), swapped)
        return -ratio, abs(len(letters) - len(asked)), one

    found = sorted(map(distance, known))
    return [one for ratio, _, one in found if -ratio >= max(ALIKE, -found[0][0] - FURTHER)][:3]


def _plain(name: str) -> str:
    letters = re.sub(r"[\W_]+", "", name).lower()
    for long, short in SHORT.items():
        letters = letters.replace(long, short)
    return letters
