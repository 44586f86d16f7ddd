"""Evaluation of every formula in the printed lines of arguments, including those that no check computes.

A line consists of words and formulas, and a formula is a chain of relations. It is evaluated on those instances of
``paper_checks.objects`` that have all its symbols.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mpmath import mp, mpf

from ioadapt_theory.claims import CLAIMS
from paper_checks import reader

CALLS = "tanh tan cot cos sin cosh sinh ln artanh arccos arcsin arctan cond rank rows det tr diag max min sim".split()
WORD = re.compile(
    rf"(?!(?:{'|'.join(CALLS)}|dt)(?![A-Za-z]))[A-Za-z]+[A-Za-z-][\w₊₋⁺⁻'-]*|\b(?:a|I) (?=[a-z]{{3}})|~|\.\.\."
)
RELATION = re.compile(" ([=≤≥<>]) ")
SIMPLE = re.compile(r"[±−]?(?:[^\W\d_](?:_[a-z]+|[₀-₉₊₋⁺'̂*²])*'?|\d+(?:\.\d+)?|½|)")
NEAR = mpf(10) ** -25


class UnknownError(Exception):
    """Error: an instance has no value for a symbol."""


class Line(reader.Reader):
    """A reader that also supports tuples, matrices, derivatives and integrals over [0, 1]."""

    def __init__(self, letters: Mapping[str, Any]) -> None:
        super().__init__(letters, [])
        self.letters = {"I": reader.EYE} | dict(letters) | {"π": +mp.pi}

    def inner(self, formula: str, letters: Mapping[str, Any] = {}) -> Any:
        return Line(self.letters | dict(letters))(formula)

    def until(self, close: str, mark: str = "") -> list[Any]:
        self.open.append(mark)
        values = [self.sum()]
        while self.take(", ", "; "):
            values.append(self.sum())
        assert self.take(close), f"{close} is missing: {self.text[self.at :]}"
        self.open.pop()
        return values

    def bracket(self, opening: str, closing: str) -> str:
        """Return the text up to the matching closing bracket, and move past it."""
        depth, begin = 1, self.at
        while depth:
            depth += {opening: 1, closing: -1}.get(self.text[self.at], 0)
            self.at += 1
        return self.text[begin : self.at - 1]

    def product(self) -> Any:
        value = super().product()
        return value[0] if hasattr(value, "rows") and value.rows == value.cols == 1 else value

    def starts(self) -> bool:
        return super().starts() and self.text[self.at :].lstrip(" ")[:1] != ";"

    def atom(self) -> Any:
        self.take(" ")
        if self.take("d/dt("):
            what = self.bracket("(", ")")
            return mp.diff(lambda t: self.inner(what, {"t": t}), self.letters.get("t", mpf("0.3")))
        if self.take("∫("):
            what = self.bracket("(", ")")
            assert self.take(" dt")
            return mp.quad(lambda t: self.inner(what, {"t": t}), [0, 1])
        if self.take("["):
            what = self.bracket("[", "]")
            if "; " in what:
                return mp.matrix(
                    [[self.inner(x) for x in row.split(", " if ", " in row else " ")] for row in what.split("; ")]
                )
            return self.inner(what)
        if self.text.startswith("(", self.at):
            self.at += 1
            values = self.until(")")
            return values[0] if len(values) == 1 else mp.matrix([values])
        if self.text.startswith("‖", self.at):
            self.at += 1
            (m,) = self.until("‖", "‖")
            if not hasattr(m, "rows"):
                m = mp.matrix([[m]])
            if self.take("_*"):
                return sum(reader.singular(m))
            return mp.sqrt(reader.entries(m)) if self.take("_F") else (self.take("₂"), reader.singular(m)[0])[1]
        if "E" in self.letters and self.take("E"):
            return self.letters["E"]
        if self.take("√"):
            return mp.sqrt(self.atom())
        for name in (x for x in CALLS if x not in self.letters):
            for square in ("²", ""):
                if self.text.startswith(f"{name}{square}(", self.at):
                    self.at += len(name + square) + 1
                    value = self.call(name, self.until(")"))
                    return value**2 if square else value
                if re.match(rf"{name}{square} (?=\S)", self.text[self.at :]):
                    self.at += len(name + square) + 1
                    value = self.call(name, [self.power()])
                    return value**2 if square else value
        try:
            return super().atom()
        except AssertionError as error:
            if str(error).startswith("what is"):
                raise UnknownError(str(error)) from None
            raise

    def call(self, name: str, args: list[Any]) -> Any:
        first = args[0]
        if name == "rank" and not hasattr(first, "rows"):
            return mpf(1) if first else mpf(0)
        match name:
            case "tanh" | "tan" | "cot" | "sin" | "cos" | "cosh" | "sinh":
                return getattr(mp, name)(first)
            case "arctan":
                return mp.atan(first)
            case "det":
                return mp.det(first)
            case "tr":
                return sum(first[i, i] for i in range(first.rows))
            case "diag":
                return mp.diag(args)
        return self.function(name, args)


LITTLE = {*"as so at be is of to in it an by or no on if up and the for has are that which where".split()}
"""Words that are never read as products of symbols."""


def is_word(word: str, letters: set[str], before: str, behind: str) -> bool:
    if len(word) > 2 and word.isascii() and word.islower() and before in " (" and behind[:1] in ":;,. )":
        return True
    product = "|".join(map(re.escape, sorted(letters, key=len, reverse=True)))
    return word in LITTLE or len(word) > 14 or not re.fullmatch(rf"(?:{product}|[²³⁴⁺ᵀ¹⁻])+", word)


CONDITIONS = {"where", "if", "at"}


def segments(line: str, names: Mapping[str, str], letters: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (word, part) for each part of a line and the word before it; ``names`` maps names to symbols."""
    for name in sorted(names, key=len, reverse=True):
        line = line.replace(name, names[name])
    line = re.sub(r"(?:Eqs?|Props?|App|Sec)\. \S+", "it", line)
    for word in re.findall(r"\b(?:lemma|prop|eq|effect|transfer|nonlinear)-[\w-]+", line):
        assert word in CLAIMS, f"there is no claim {word}"
    depth, current, at, last = 0, "", 0, ""
    while at < len(line):
        word = WORD.match(line, at)
        if (
            word
            and is_word(word[0], letters, line[at - 1 : at], line[word.end() :])
            and not (at and (line[at - 1].isalnum() or line[at - 1] in "_₊₋⁺⁻"))
        ):
            yield last, current
            last = word[0] if word[0] != "and" or last not in CONDITIONS else last
            depth, current, at = 0, "", word.end()
            continue
        depth += {"(": 1, "[": 1, "⟨": 1, ")": -1, "]": -1, "⟩": -1}.get(line[at], 0)
        depth = max(depth, 0)
        if depth == 0 and (cut := re.match(r"[,;:] |[,;:.]$", line[at:])):
            yield last, current
            current, at, last = "", at + len(cut[0]), ""
            continue
        current += line[at]
        at += 1
    yield last, current


def trimmed(segment: str) -> str:
    """Return a segment without unbalanced parentheses at its ends, which belong to the words around it."""
    segment = segment.strip(" ,;:")
    while segment.count("(") > segment.count(")") and segment.startswith("("):
        segment = segment[1:].strip()
    while segment.count(")") > segment.count("(") and segment.endswith(")"):
        segment = segment[:-1].strip()
    return segment


def chain(formula: str) -> list[str]:
    """Return the sides and signs of a chain of relations in turn; signs inside brackets belong to a side."""
    parts, depth, begin, at = [], 0, 0, 0
    while at < len(formula):
        depth += {"(": 1, "[": 1, "⟨": 1, ")": -1, "]": -1, "⟩": -1}.get(formula[at], 0)
        if depth == 0 and (sign := RELATION.match(formula, at)):
            parts += [formula[begin:at], sign[1]]
            begin = at = sign.end()
            continue
        at += 1
    return [*parts, formula[begin:]]


def both(a: Any, b: Any) -> tuple[Any, Any]:
    """Return both sides; a number x beside a square matrix becomes xI, and 0 beside any matrix a zero matrix."""
    a, b = (mp.eye(y.rows) if x is reader.EYE else x for x, y in ((a, b), (b, a)))
    for one, other in ((a, b), (b, a)):
        if hasattr(one, "rows") and not hasattr(other, "rows"):
            assert one.rows == one.cols or other == 0
            filled = mp.zeros(one.rows, one.cols) if other == 0 else other * mp.eye(one.rows)
            return (one, filled) if one is a else (filled, one)
    return a, b


def off(a: Any, b: Any) -> Any:
    """Return by how much b exceeds a, and how far apart they are: for numbers, b − a and |b − a|.

    For matrices of one shape, they are the least eigenvalue of (b − a + (b − a)ᵀ)/2, or None for unequal matrices that
    are not square, and the largest |entry| of b − a; for matrices of different shapes, None and infinity.
    """
    a, b = both(a, b)
    if hasattr(a, "rows") and (a.rows, a.cols) != (b.rows, b.cols):
        return None, mp.inf
    difference = b - a
    if not hasattr(difference, "rows"):
        return difference, abs(difference)
    apart = max(abs(x) for x in difference)
    if difference.rows != difference.cols or apart < NEAR:
        return (mpf(0) if apart < NEAR else None), apart
    return min(mp.eigsy((difference + difference.T) / 2, eigvals_only=True)), apart


def related(a: Any, sign: str, b: Any) -> tuple[bool, bool]:
    least, apart = off(a, b) if sign in "=≤<" else off(b, a)
    equal = apart <= NEAR
    if sign == "=":
        return equal, equal
    assert least is not None
    return (equal or least > -NEAR) if sign in "≤≥" else (not equal and least > 0), equal


def meets(sides: list[str], instance: Mapping[str, Any]) -> bool:
    try:
        values = [Line(instance)(side) for side in sides[::2]]
    except (UnknownError, ValueError):
        return False
    return all(related(a, sign, b)[0] for a, sign, b in zip(values, sides[1::2], values[1:], strict=False))


def wrong(line: str, instances: list[dict[str, Any]], *, define: bool = False) -> list[str]:
    """Return messages about formulas of a line that have no relation, no value on any instance, or are false on one.

    A condition (after "where", "if" or "at") must hold on some instance; only such instances are used from there on.
    Without ``define``, every ≤ and ≥ must be an equality on some instance. With it, that is not required, and an
    equation whose left side is a new symbol defines the symbol.
    """
    phrases = {name for i in instances for name in i if not SIMPLE.fullmatch(name)}
    names = {name: chr(0xE000 + k) for k, name in enumerate(sorted(phrases))}
    known = [{names.get(name, name): x for name, x in i.items()} for i in instances] or [{}]
    found = []
    letters = {x for i in known for x in i}
    for word, part in segments(line, names, letters):
        formula = trimmed(part)
        if formula.lstrip("±−") in {*letters, *CALLS} or SIMPLE.fullmatch(formula):
            continue
        shown = formula
        for name, mark in names.items():
            shown = shown.replace(mark, name)
        sides = chain(formula)
        if len(sides) == 1:
            found.append(f"no relation: {shown}")
            continue
        if word in CONDITIONS:
            known = [i for i in known if meets(sides, i)]
            if not known:
                found.append(f"never the case: {shown}")
            continue
        if define and len(sides) == 3 and sides[1] == "=" and SIMPLE.fullmatch(sides[0]) and sides[0] not in letters:
            known = [i | {sides[0]: Line(i)(sides[2])} for i in known]
            letters.add(sides[0])
        tried, why, equal = 0, "", [False] * (len(sides) // 2)
        for instance in known:
            try:
                values = [Line(instance)(side.removesuffix(" ")) for side in sides[::2]]
            except (UnknownError, AttributeError) as error:
                why = f"{why}; {error}"
                continue
            tried += 1
            for k, (a, sign, b) in enumerate(zip(values, sides[1::2], values[1:], strict=False)):
                holds, same = related(a, sign, b)
                equal[k] |= same
                if not holds:
                    found.append(f"not so: {shown} ({sides[2 * k]}{sign}{sides[2 * k + 2]})")
        if not tried:
            found.append(f"unknown in {shown}: {why}")
        found += [f"never equal: {shown} at {sign}" for sign, e in zip(sides[1::2], equal, strict=True)
                  if tried and sign in "≤≥" and not e and not define]  # fmt: skip
    return found
