"""Formulas in symbols: inner products, non-commuting products and norms, so that equal formulas are equal polynomials.

Needs the extra ``proofs`` (sympy), which is loaded when the first formula is read.
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
        MissingExtraError: it is not installed.
    """
    try:
        import sympy as module
    except ImportError as error:
        raise MissingExtraError("sympy", "proofs") from error
    return module


def noncommuting(names: str) -> Any:
    """Return symbols for matrices, as ``sympy.symbols`` reads names."""
    return sympy().symbols(names, commutative=False)


def positives(names: str) -> Any:
    """Return symbols for positive numbers, as ``sympy.symbols`` reads names."""
    return sympy().symbols(names, positive=True)


def generic(rows: int, columns: int, name: str = "") -> Any:
    """Return a matrix of integers without structure; another one for another name."""
    return sympy().randMatrix(rows, columns, prng=Random(name))


def symbolic(x: Term, known: Mapping[Term, Any] = {}) -> Any:
    """Return the formula in sympy, where ``known`` has expressions for some of its parts, outermost first.

    Raises:
        ValueError: a part that is not known has an operation without symbols.
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
            return sp.Symbol(name, positive=True) if name in POSITIVE else sp.Symbol(name, real=True)
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
        case Term("dot", (u, v)):
            return dot(go(u), go(v))
        case Term("norm", (u,)):
            return norm(go(u))
        case Term("positive", (a,)):
            return sp.Max(go(a), 0)
        case Term("abs" | "sqrt" | "cos" | "ln" | "arcsin" | "artanh" | "max" | "min"):
            return getattr(sp, SYMPY.get(x.op, x.op))(*(canonical(go(a)) for a in x.args))
    msg = f"{x.op} has no symbols."
    raise ValueError(msg)


def canonical(x: Any) -> Any:
    """Return one quotient of expanded polynomials, so that roots and the like of equal arguments are equal."""
    return sympy().cancel(sympy().together(sympy().expand(x)))


def words(vector: Any) -> list[tuple[Any, Any]]:
    """Return the (coefficient, product) pairs of a linear combination of products of letters."""
    sp = sympy()
    pairs = (part.args_cnc() for part in sp.Add.make_args(sp.expand(vector)))
    return [(sp.Mul(*coefficient), sp.Mul(*letters)) for coefficient, letters in pairs]


def dot(u: Any, v: Any) -> Any:
    """Return the inner product, expanded."""
    return sum(a * b * _dot(x, y) for a, x in words(u) for b, y in words(v))


def _dot(x: Any, y: Any) -> Any:
    sp = sympy()
    first, second = sorted(map(str, (x, y)))
    if first == second:
        return sp.Symbol(f"|{first}|", positive=True) ** 2
    return sp.Symbol(f"<{first},{second}>", real=True)


def norm(u: Any) -> Any:
    """Return the norm; of one product of letters, a symbol."""
    sp = sympy()
    parts = words(u)
    if u == 0:
        return sp.Integer(0)
    if len(parts) == 1:
        coefficient, word = parts[0]
        return sp.Abs(coefficient) * sp.Symbol(f"|{word}|", positive=True)
    return sp.sqrt(canonical(dot(u, u)))


def vanishes(expression: Any, *relations: Any) -> bool:
    """Return whether an expression rational in its symbols is identically zero, modulo polynomials that vanish.

    ``relations`` have to be a Gröbner basis in the order of their own symbols, as single relations are.
    """
    sp = sympy()
    numerator = sp.expand(sp.numer(sp.together(sp.expand(expression))))
    if relations:
        letters = sorted(set().union(*(r.free_symbols for r in relations)), key=str)
        numerator = sp.reduced(numerator, list(relations), *letters)[1]
    return bool(sp.expand(numerator) == 0)


def root(x: Fraction) -> Fraction:
    """Return the square root of a number; exactly if it is a square, else to 120 digits."""
    n, d = isqrt(x.numerator), isqrt(x.denominator)
    if n * n == x.numerator and d * d == x.denominator:
        return Fraction(n, d)
    scale = 10**120
    return Fraction(isqrt(x.numerator * scale**2 // x.denominator), scale)
