"""Instance files: JSON objects that map the paper's symbols to numbers, rows and matrices.

A number may also be a string with a fraction, such as "20/297".
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array, mp
from ioadapt_theory.errors import FileFormatError, InvalidValueError, ShapeError, UnknownNameError

LARGEST = 64 * 2**20
"""Maximum size of an instance file or a record, in bytes; 1000 x 1000 matrices fit."""
EXPONENT = re.compile(r"[eE][+-]?(_?\d){4}")  # four digits or more: 1e999999999 as a fraction would not fit into memory


@dataclass(frozen=True, slots=True)
class Letter:
    """A symbol of the paper: its key in an instance file, its attribute in an instance, and the names of its axes."""

    key: str
    attribute: str
    axes: str = ""  # separated by spaces, such as "c d" for a matrix; axes of one name have one size; "" for a number
    optional: bool = False
    positive: bool = False
    nonnegative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The form of the instances of a claim, and how they are drawn."""

    name: str
    build: Callable[..., Any]  # makes the instance from one array per symbol, by attribute name
    letters: tuple[Letter, ...]  # the symbols in an instance file
    # draws unconstrained parameters for n instances, by name, as tensors with a leading axis of size n
    start: Callable[[int, torch.Generator], dict[str, Tensor]]
    # makes instances that satisfy every hypothesis, up to rounding, from such parameters
    parametrise: Callable[[Mapping[str, Tensor]], Any]
    # raises an error if the statement has no value on an instance, for example because a vector is zero
    check: Callable[[Any], None] = lambda _: None
    # what the letters stand for, by key; a letter with an index or a prime may share the meaning of W1 or W
    meanings: Mapping[str, str] = field(default_factory=dict)

    def meaning(self, letter: Letter) -> str:
        """Return what a letter stands for, or "" if nothing is said."""
        keys = (letter.key, letter.key.removesuffix("_target"))
        shared = (re.sub(r"\d", by, key) for key in keys for by in (r"\g<0>", "1", ""))
        return next((self.meanings[key] for key in shared if key in self.meanings), "")

    def read(self, raw: Mapping[str, Any], *, exact: bool = False) -> Any:
        """Return the instance that the content of a file describes.

        Numbers become mpmath numbers of the current precision or, if ``exact``, Fractions.

        Raises:
            FileFormatError: a missing or unknown key, or a value that is not a number.
            ShapeError: sizes that do not fit together.
            InvalidValueError: a value outside its limits, or a vector for which the statement is undefined.
        """
        known = {letter.key for letter in self.letters}
        if missing := [x.key for x in self.letters if x.key not in raw and not x.optional]:
            keys = ", ".join(x.key for x in self.letters)
            msg = f"The instance lacks {', '.join(missing)}; an instance of this claim has the keys {keys}."
            raise FileFormatError(msg)
        if unknown := [key for key in raw if key not in known and key != "comment"]:
            keys = ", ".join(sorted(known))
            msg = f"Unknown key {unknown[0][:40]!r} in the instance; an instance of this claim has the keys {keys}."
            raise FileFormatError(msg)
        sizes = dict[str, tuple[int, str]]()
        given = [x for x in self.letters if x.key in raw]
        instance = self.build(**{x.attribute: _value(x, raw[x.key], sizes, exact) for x in given})
        self.check(instance)
        return instance

    def draw(self, n: int, generator: torch.Generator) -> Any:
        """Return a batch of ``n`` random instances that satisfy every hypothesis, up to rounding."""
        return self.parametrise(self.start(n, generator))

    def parametrised(self, by: Callable[[Any], Mapping[str, Tensor]]) -> "Setting":
        """Return a setting in which ``by`` replaces letters of the drawn instances."""
        return replace(self, parametrise=lambda raw: replace(i := self.parametrise(raw), **by(i)))

    def dump(self, batch: Any, index: int) -> dict[str, Any]:
        """Return the content of an instance file for instance ``index`` of a float64 batch."""
        arrays = {x: a for x in self.letters if (a := getattr(batch, x.attribute)) is not None}
        return {x.key: (a if a.dim() == len(x.axes.split()) else a[index]).tolist() for x, a in arrays.items()}


def _value(letter: Letter, raw: Any, sizes: dict[str, tuple[int, str]], exact: bool) -> Array:
    axes = letter.axes.split()
    array = np.array(_nested(letter.key, raw, len(axes)), dtype=object)
    if not exact:
        array = np.array(np.frompyfunc(lambda x: mp.mpf(x.numerator) / x.denominator, 1, 1)(array), dtype=object)
    if not axes:
        value = array.item()
        if (letter.positive and value <= 0) or (letter.nonnegative and value < 0):
            msg = f"{letter.key} must be {'positive' if letter.positive else 'at least 0'}, not {float(value):g}."
            raise InvalidValueError(msg)
        return value
    for axis, size in zip(axes, array.shape, strict=True):
        expected, owner = sizes.setdefault(axis, (size, letter.key))
        if size != expected:
            shape, form = " x ".join(map(str, array.shape)), " x ".join(axes)
            msg = f"{letter.key} must have size {form}, with {axis} = {expected} as in {owner}, not {shape}."
            raise ShapeError(msg)
    return array


def _nested(key: str, raw: Any, depth: int) -> Any:
    if depth == 0:
        return _scalar(key, raw)
    kind = "a non-empty list of " + ("numbers" if depth == 1 else "rows of equal length")
    lists = [raw] if depth == 1 or not isinstance(raw, list) else [raw, *raw]
    if not all(isinstance(x, list) and x for x in lists):
        msg = f"{key} must be {kind}, not {_short(raw)}."
        raise FileFormatError(msg)
    if depth == 2 and len({len(row) for row in raw}) > 1:
        msg = f"{key} must be {kind}, not rows of lengths {_short([len(row) for row in raw])[1:-1]}."
        raise ShapeError(msg)
    return [_nested(key, x, depth - 1) for x in raw]


def _scalar(key: str, raw: Any) -> Fraction:
    if isinstance(raw, str) and EXPONENT.search(raw):
        msg = f"{key} contains {_short(raw)}, but an exponent may have at most three digits."
        raise FileFormatError(msg)
    try:
        return Fraction("" if isinstance(raw, bool) else raw)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        msg = f'{key} contains {_short(raw)}, which is neither a finite number nor a string such as "20/297".'
        raise FileFormatError(msg) from None


def _short(raw: Any) -> str:
    text = json.dumps(raw) if not isinstance(raw, float) or math.isfinite(raw) else str(raw)
    return text if len(text) < 40 else text[:37] + "..."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict[str, Any]()
    for key, value in pairs:
        if key in content:
            msg = f"contains the key {_short(key)} twice; remove one."
            raise FileFormatError(msg)
        content[key] = value
    return content


def load(path: Path | str, kind: str = "instance file") -> dict[str, Any]:
    """Return the JSON object in a file, which error messages call ``kind``."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
        raw = [] if len(content) > LARGEST else json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)
    except FileFormatError as error:
        msg = f"The {kind} {str(path)!r} {error}"
        raise FileFormatError(msg) from None
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or f"not JSON ({error})"
        msg = f"The {kind} {str(path)!r} cannot be read: {reason}."
        raise FileFormatError(msg) from None
    if not isinstance(raw, dict):
        large = f"is larger than the limit of {LARGEST >> 20} MiB"
        reason = large if len(content) > LARGEST else f"must contain a JSON object, not {_short(raw)}"
        msg = f"The {kind} {str(path)!r} {reason}."
        raise FileFormatError(msg)
    return raw


SHIPPED = resources.files("ioadapt_theory.claims") / "witnesses.json"


def witnesses() -> dict[str, dict[str, Any]]:
    return json.loads(SHIPPED.read_text("utf-8"))


def witness(name: str) -> dict[str, Any]:
    """Return the content of an instance that the package contains (in ``witnesses.json``), by name.

    Example:
        >>> from ioadapt_theory.claims.instances import witness
        >>> witness("ce1")["W"]
        [[1, 0], [0, 3]]
    """
    return witnesses()[name]


def load_or_witness(name: str) -> dict[str, Any]:
    """Return the content of an instance file or, if there is no such file, of the shipped instance of this name."""
    shipped, stored = witnesses(), Path(name).exists()
    if not stored and name not in shipped:
        kind = "instance file or shipped instance"
        raise UnknownNameError(kind, name, shipped)
    return load(name) if stored else shipped[name]


def normals(n: int, shapes: Mapping[str, tuple[int, ...]], generator: torch.Generator) -> dict[str, Tensor]:
    """Return standard normal draws by name, each a float64 tensor of shape (n, *shape)."""
    return {name: torch.randn((n, *x), generator=generator, dtype=torch.float64) for name, x in shapes.items()}
