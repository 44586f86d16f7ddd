"""Parser for the lines of an argument: a formula between « and » is checked as it is written."""

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any, Final

from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.algebra import vanishes as is_zero

QUOTED: Final = re.compile("«(.*?)»")
NAME: Final = r"[^\W\d_](?:_[a-zα-ω]|[₀-₉₊₋])*['*]*"
TOKEN: Final = re.compile(
    rf"\d+|½|[²³⁴]|⁻¹|⁻²|\|[^|]*\||(?:⟨[^⟩]*⟩|‖[^‖]*‖(?:_F|_\*|₂)?)|(?:cosh?|sinh?|ln|arc\w+|artanh)\b|{NAME}|[−+/·√()\[\]]"
)
FUNCTIONS: Final = {"√": "sqrt", "cos": "cos", "sin": "sin", "cosh": "cosh", "sinh": "sinh", "ln": "log",
                    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "artanh": "atanh"}  # fmt: skip
WRITTEN: Final = {"−": "-", "·": "*", "[": "(", "]": ")", "²": "**2", "³": "**3", "⁴": "**4", "⁻¹": "**(-1)",
                  "⁻²": "**(-2)", "½": "(1/2)"}  # fmt: skip
BEFORE: Final = frozenset("+ − / · ( [ √".split())
"""Signs after which no multiplication sign is implied."""


class Reader:
    """A parser of formulas. Symbols commute, except capitals in a formula of matrices (``of_matrices``).

    Args:
        let: formulas that replace symbols or brackets such as ⟨x, E⟩, by symbol or bracket.
        positive: symbols for positive numbers, separated by spaces.
    """

    def __init__(self, let: Mapping[str, str] = {}, positive: str = "") -> None:
        self.let, self.positive, self.matrices = let, positive.split(), False

    def letter(self, name: str) -> Any:
        """Return the sympy expression of a symbol: that of its replacement, a constant, or a sympy symbol."""
        if name in self.let:
            return self(self.let[name])
        if self.matrices and name[0].isupper():
            return 1 if name == "I" else sympy().Symbol(name, commutative=False)
        if name == "π":
            return sympy().pi
        known = {"positive": True} if name in self.positive else {"real": True}
        return sympy().Symbol(name, **known)

    def __call__(self, formula: str) -> Any:
        """Return the sympy expression of a formula.

        Raises:
            ValueError: the formula contains an unknown character.
        """
        if left := TOKEN.sub("", formula).strip(" "):
            msg = f"The formula {formula!r} contains {left!r}, which cannot be parsed."
            raise ValueError(msg)
        tokens, names, code = TOKEN.findall(formula), dict[str, Any](), ""
        for before, token in zip(["(", *tokens], tokens, strict=False):
            factor = token not in WRITTEN or token in "[½"
            if factor and token not in "+/)" and before not in BEFORE and before not in FUNCTIONS:
                code += "*"
            if token in FUNCTIONS:
                code += FUNCTIONS[token]
                continue
            if token[0] == "|":
                written = f"Abs({self._named(self(token[1:-1]), names)})"
            elif token in WRITTEN or token in "+/()" or token.isdigit():
                written = WRITTEN.get(token, token)
            else:
                written = self._named(self.letter(token), names)
            code += f"({written})" if before in FUNCTIONS and token not in "([" else written
        return sympy().sympify(code, locals=names)

    def _named(self, value: Any, names: dict[str, Any]) -> str:
        names[f"n{len(names)}"] = value
        return f"n{len(names) - 1}"

    def holds(self, formula: str, given: tuple[str, ...] = ()) -> bool:
        """Return whether "a ≥ 0" is true, or "a = b" (or "a = b = c") under ``given``; "a = a" counts as false."""
        if formula.endswith(" ≥ 0"):
            return bool(sympy().factor(self(formula.removesuffix(" ≥ 0"))).is_nonnegative)
        self.matrices = of_matrices(formula)
        sides, relations = formula.split(" = "), [[self(side) for side in g.split(" = ")] for g in given]
        if len(sides) < 2 or any(a == b for a, b in pairwise(sides)):
            return False
        values = [self(side) for side in sides]
        return all(self._equal(a, b, relations) for a, b in pairwise(values))

    def _equal(self, a: Any, b: Any, relations: list[list[Any]]) -> bool:
        sp = sympy()
        difference = sp.expand(a - b)
        if self.matrices:
            for left, right in relations:
                difference = sp.expand(difference.subs(left, right))
            return bool(difference == 0)
        with suppress(sp.PolynomialError):  # raised for roots
            if is_zero(difference, *(left - right for left, right in relations)):
                return True
        return bool(sp.simplify(difference) == 0)


def of_matrices(formula: str) -> bool:
    """Return whether capitals in a formula stand for matrices: it contains I, or its symbols are all capitals."""
    letters = [x for x in TOKEN.findall(formula) if x[0] in "⟨‖|" or (x not in FUNCTIONS and re.fullmatch(NAME, x))]
    return "I" in letters or (bool(letters) and all(x[0].isupper() for x in letters))


def formulas(line: str) -> list[str]:
    return QUOTED.findall(line)


def printed(line: str) -> str:
    return re.sub("[«»]", "", line)
