"""Conversion of formulas to sympy expressions, and tests of whether an expression is identically zero.

Needs the extra ``proofs``; sympy is imported when it is first used.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from random import Random
from typing import Any

from ioadapt_theory.claims.expression.tree import Term
from ioadapt_theory.errors import MissingExtraError

SYMPY = {"abs": "Abs", "ln": "log", "arcsin": "asin", "artanh": "atanh", "max": "Max", "min": "Min"}
POSITIVE = frozenset(("epsilon", "sigma"))


def sympy() -> Any:
    """Return the sympy module, untyped.

    Raises:
        MissingExtraError: sympy is not installed.
    """
    try:
        import sympy as module
    except ImportError as error:
        raise MissingExtraError("sympy", "proofs") from error
    return module


def noncommuting(names: str) -> Any:
    return sympy().symbols(names, commutative=False)


def positives(names: str) -> Any:
    return sympy().symbols(names, positive=True)


def generic(rows: int, columns: int, name: str = "") -> Any:
    """Return a matrix of pseudo-random integers, which depend only on the size of the matrix and on ``name``."""
    return sympy().randMatrix(rows, columns, prng=Random(name))


def symbolic(x: Term, known: Mapping[Term, Any] = {}) -> Any:
    """Return a formula as a sympy expression; subformulas in ``known`` become their values there, outermost first.

    Raises:
        ValueError: an operation has no symbolic form.
    """
    sp = sympy()
    if x in known:
        return known[x]

    def go(y: Term) -> Any:
        return symbolic(y, known)

    match x:
        case Term("let", (inner,)):
            return go(inner)
        case Term("number", _, digits):
            return sp.Rational(digits)
        case Term("scalar", _, name):
            return sp.Symbol(name, positive=True) if name in POSITIVE else sp.Symbol(name)
        case Term("row" | "matrix", _, name):
            return sp.Symbol(name, commutative=False)
        case Term("pinv", (m,)):
            return sp.Symbol(f"pinv({go(m)})", commutative=False)
        case Term("eye"):
            return sp.Integer(1)
        case Term("pi"):
            return sp.pi
        case Term("add" | "plus", (a, b)):
            return go(a) + go(b)
        case Term("mul" | "scale" | "product", (a, b)):
            return go(a) * go(b)
        case Term("div", (a, b)):
            return go(a) / go(b)
        case Term("pow", (a,), power):
            return go(a) ** int(power)
        case Term("sum", (_, *terms)):
            return sum(go(t) for t in terms)
        case Term("positive", (a,)):
            return sp.Max(go(a), 0)
        case Term("abs" | "sqrt" | "cos" | "ln" | "arcsin" | "artanh" | "max" | "min"):
            return getattr(sp, SYMPY.get(x.op, x.op))(*(canonical(go(a)) for a in x.args))
    msg = f"The operation {x.op!r} cannot be written in sympy."
    raise ValueError(msg)


def canonical(x: Any) -> Any:
    """Return an expression as a quotient of expanded polynomials, so that functions of equal arguments are equal."""
    return sympy().cancel(sympy().together(sympy().expand(x)))


def vanishes(expression: Any, *relations: Any) -> bool:
    """Return whether a rational expression is identically zero, if the polynomials ``relations`` are zero.

    ``relations`` must be a Gröbner basis for the alphabetical order of their symbols; a single relation always is one.
    """
    sp = sympy()
    numerator = sp.expand(sp.numer(sp.together(sp.expand(expression))))
    if relations:
        letters = sorted(set().union(*(r.free_symbols for r in relations)), key=str)
        numerator = sp.reduced(numerator, list(relations), *letters)[1]
    return bool(sp.expand(numerator) == 0)


def root(x: Fraction) -> Fraction:
    """Return the square root of a fraction: exact for the square of a fraction, otherwise to 120 decimal places."""
    n, d = isqrt(x.numerator), isqrt(x.denominator)
    if n * n == x.numerator and d * d == x.denominator:
        return Fraction(n, d)
    scale = 10**120
    return Fraction(isqrt(x.numerator * scale**2 // x.denominator), scale)
