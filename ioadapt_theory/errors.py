"""What goes wrong, said once: one base class; each subclass also is the built-in that callers expect."""

import difflib
import re
from collections.abc import Iterable

LONGEST = 2000
"""Characters of a sentence that are shown: names in broken files may have millions."""
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
        near = difflib.get_close_matches(str(name), known, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        super().__init__(f"No {kind} {name!r}.{hint} Known: {', '.join(known) or 'none'}.")
