"""The errors of this package: a base class, and subclasses that also derive from the matching built-in errors."""

import difflib
import math
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 2000
"""Number of characters above which a message is shortened; a name in a broken file may have millions."""
MOST_KNOWN = 12
"""Maximum number of known names that the message about an unknown name lists."""
MOST_SEED = 2**32 - 1
"""The largest seed; the number of a batch is added to it, and torch takes at most 2⁶⁴ - 1."""
_ABBREVIATED = {"proposition": "prop", "equation": "eq"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape the characters of a text that a terminal would interpret or hide, except tab and newline."""
    return _UNSEEN.sub(lambda mark: ascii(mark[0])[1:-1], text)


class IoAdaptError(Exception):
    """Base class of this package's errors; the command line prints the message and exits with a non-zero status.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import IoAdaptError, adapt
        >>> try:
        ...     adapt(nn.Sequential(nn.Linear(4, 3)), target_modules=["0"], placement="input", rank=0)
        ... except IoAdaptError as error:
        ...     print(error)
        rank must be a whole number from 1 to 268,435,456, not 0.
    """

    def __str__(self) -> str:
        """Return the message, shortened and escaped for a terminal; ``KeyError`` would return the message's repr."""
        text = str(self.args[0]) if self.args else ""
        cut = len(text) - LONGEST
        left_out = f"[... {cut:,} characters left out ...]"
        return printable(text if cut <= 0 else f"{text[: LONGEST // 2]}{left_out}{text[-LONGEST // 2 :]}")

    @property
    def reason(self) -> str:
        """The message without its full stop, for use inside another sentence."""
        return str(self).removesuffix(".")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the finished message, not the arguments that it was built from."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class InvalidValueError(IoAdaptError, ValueError):
    """Error: a value is invalid, such as a number outside its limits."""


def require_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raise InvalidValueError unless the value of an option is a whole number within its limits."""
    if type(value) is not int or value < least or (most is not None and value > most):
        limits = f", at least {least}," if most is None else f" from {least} to {most:,},"
        msg = f"{name} must be a whole number{limits} not {value!r:.40}."
        raise InvalidValueError(msg)


def require_positive(name: str, value: Any, what: str, most: float = math.inf) -> None:
    """Raise InvalidValueError unless the value of an option is a number above 0, and at most ``most``."""
    if not isinstance(value, int | float) or not 0 < value <= most:
        limit = "" if most == math.inf else f" and at most {most}"
        msg = f"{name} must be a {what} above 0{limit}, not {value!r:.40}."
        raise InvalidValueError(msg)


class ShapeError(IoAdaptError, ValueError):
    """Error: the shapes of tensors or the sizes of layers do not match."""


class UnsupportedError(IoAdaptError, TypeError):
    """Error: an operation does not support this kind of layer, adapter or file, or this option."""


class FileFormatError(IoAdaptError, ValueError):
    """Error: a file does not exist, cannot be read or has invalid content."""


class WorkerError(IoAdaptError, OSError):
    """Error: a worker process died. The command line exits with status 3."""


class MissingExtraError(IoAdaptError, ImportError):
    """Error: an optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        msg = f"{package} is not installed; install it with pip install 'ioadapt-theory[{extra}]'."
        super().__init__(msg)


class UnknownNameError(IoAdaptError, KeyError):
    """Error: a name is unknown, such as that of an option, a layer or a model."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Suggest similar known names. If none is similar, or few are known, list up to ``MOST_KNOWN`` known names."""
        known = sorted(map(str, known))
        near = near_misses(str(name), known)
        more = f" and {len(known) - MOST_KNOWN} more" if len(known) > MOST_KNOWN else ""
        listed = f" Known: {', '.join(known[:MOST_KNOWN])}{more}." if known else " None is known."
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint}{listed if not near or len(known) <= MOST_KNOWN else ''}")


def near_misses(name: str, known: Iterable[str]) -> list[str]:
    """Return at most three known names that begin with something similar to ``name``, the closest in length first.

    Case, spaces and punctuation are ignored: "Prop. 2" and "prop-22" are both close to "prop-2-input".
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
