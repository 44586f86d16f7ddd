"""What goes wrong, said once: one base class; each subclass also is the built-in that callers expect."""

import difflib
import re
from collections.abc import Iterable

LONGEST = 2000
"""Characters of a sentence that are shown: names in broken files may have millions."""
MOST_KNOWN = 24
"""Known names that a sentence lists; the near misses come before them."""
SHORT = {"proposition": "prop", "equation": "eq"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape what a terminal would obey or not show: control characters but tab and newline, and marks of direction.

    Whatever comes from a file, a folder or a server goes through here before a terminal sees it: every error does, and
    what a command writes.
    """
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


class IoAdaptError(Exception):
    """Base of every error this package raises on purpose; the command line prints it as one sentence, status 2."""

    def __str__(self) -> str:
        """Return the sentence itself (KeyError would print its repr), fit for a terminal."""
        text = str(self.args[0]) if self.args else ""
        cut = len(text) - LONGEST
        return printable(text if cut <= 0 else f"{text[: LONGEST // 2]}[... {cut} ...]{text[-LONGEST // 2 :]}")


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
    """Up to three known names of which one begins with the other, the nearest in length first, else the most like it.

    Case, spaces and points make no difference: "Prop. 2" is near to "prop-2-input".
    """
    plain = {one: _plain(one) for one in known}
    asked = _plain(name)
    begin = [
        one
        for one, letters in plain.items()
        if asked and letters and (letters.startswith(asked) or asked.startswith(letters))
    ]
    if begin:
        return sorted(begin, key=lambda one: (abs(len(plain[one]) - len(asked)), one))[:3]
    like = difflib.get_close_matches(asked, plain.values(), n=3)
    return sorted((one for one in plain if plain[one] in like), key=lambda one: like.index(plain[one]))[:3]


def _plain(name: str) -> str:
    letters = re.sub(r"[\W_]+", "", name).lower()
    for long, short in SHORT.items():
        letters = letters.replace(long, short)
    return letters
