"""Formulas in symbols: inner products, non-commuting products, norms, so that equal formulas are equal polynomials.

Needs the extra ``proofs`` (sympy), which is loaded when the first formula is read.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from math import isqrt
from typing import Any, Final

from ioadapt_theory.claims.expression.tree import Term, linear_part
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


def symbolic(x: Term, known: Mapping[Term, Any] | None = None) -> Any:
    """Return the formula in sympy: rows and matrices are polynomials in non-commuting letters, norms are symbols."""
    return _symbolic(x, tuple((known or {}).items()))


@cache
def _symbolic(x: Term, pairs: tuple[tuple[Term, Any], ...]) -> Any:
    """Return the formula, where ``pairs`` give sympy expressions for some of its parts, outermost first."""
    sp, known = sympy(), dict(pairs)
    if x in known:
        return known[x]

    def go(y: Term) -> Any:
        return _symbolic(y, pairs)

    match x:
        case Term("let", (inner,)):
            return go(inner)
        case Term("number", _, digits):
            return sp.Rational(digits)
        case Term("scalar", _, name):
            return sp.Symbol(name, positive=True) if name in POSITIVE else sp.Symbol(name, real=True)
        case Term("row" | "matrix", _, name):
            return sp.Symbol(name, commutative=False)
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
        case Term("inner", (m, n)):
            return trace_form(go(m), go(n))
        case Term("outer", (u, v)):
            return transposed(go(u)) * go(v)
        case Term("transpose", (m,)):
            return transposed(go(m))
        case Term("norm", (u,)):
            return norm(go(u))
        case Term("sim", (u, v)):
            return dot(go(u), go(v)) / (norm(go(u)) * norm(go(v)))
        case Term("sine", (u, v)):
            return sp.sqrt(canonical(1 - go(Term("sim", (u, v))) ** 2))
        case Term("angle", (u, v)):
            return sp.acos(go(Term("sim", (u, v))))
        case Term("positive", (a,)):
            return sp.Max(go(a), 0)
        case Term("mean_square", (vector, law)):
            return atom("E", expanded(go(linear_part(vector) or Term("eye")), known), sp.expand(go(law)))
        case Term("abs" | "sqrt" | "cos" | "ln" | "arcsin" | "artanh" | "max" | "min"):
            return getattr(sp, SYMPY.get(x.op, x.op))(*(canonical(go(a)) for a in x.args))
    return atom(x.op + x.name, *(expanded(go(a), known) for a in x.args))


def symbol(k: int, kind: str) -> Any:
    """Return a symbol for both sides of the k-th equation."""
    return sympy().Symbol(f"equation{k}", commutative=kind == "scalar")


def canonical(x: Any) -> Any:
    """Return one quotient of expanded polynomials, so that roots and the like of equal arguments are equal."""
    return sympy().cancel(sympy().together(sympy().expand(x)))


def atom(op: str, *args: Any) -> Any:
    """Return a norm, a condition number and the like as a symbol; the sign of the matrix does not matter."""
    sp = sympy()
    if op in {"E", "fro", "spectral"} and args[0] == 0:
        return sp.Integer(0)
    names = [min(str(a), str(sp.expand(-a))) for a in args]
    commutative = op not in {"inverse", "pinv"}
    if not commutative:
        return sp.Symbol(f"{op}({args[0]})", commutative=False)
    return sp.Symbol(f"{op}({', '.join(names)})", nonnegative=True)


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


def transposed(m: Any) -> Any:
    """The transpose: products are turned round, and every letter is."""
    sp = sympy()
    turned = (a * sp.Mul(*map(_turned, reversed(_letters(x)))) for a, x in words(m))
    return sp.Add(*turned)


def _turned(x: Any) -> Any:
    return sympy().Symbol(x.name.removesuffix("ᵀ") + ("" if x.name.endswith("ᵀ") else "ᵀ"), commutative=False)


def _letters(word: Any) -> list[Any]:
    powers = (x.as_base_exp() for x in sympy().Mul.make_args(word) if x != 1)
    return [x for x, times in powers for _ in range(int(times))]


def trace_form(m: Any, n: Any) -> Any:
    """Expand tr MNᵀ; traces that are equal by tr MN = tr NM and tr M = tr Mᵀ are one symbol."""
    return sum(a * _trace(_letters(x)) for a, x in words(m * transposed(n)))


def _trace(letters: list[Any]) -> Any:
    both = letters, [_turned(x) for x in reversed(letters)]
    turns = (x[k:] + x[:k] for x in both for k in range(max(1, len(x))))
    return sympy().Symbol(f"tr({min('*'.join(map(str, turn)) for turn in turns)})", real=True)


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


def equal(
    left: Term, right: Term, known: Mapping[Term, Any] | None = None, ones: Iterable[tuple[Term, Term]] = ()
) -> bool:
    """Return whether two formulas are equal by algebra alone, some of their parts being symbols that may be the same.

    Args:
        left: a formula.
        right: another one.
        known: symbols for parts.
        ones: pairs of matrices whose product is I.
    """
    known = {**(known or {}), ONES: tuple(symbolic(a) * symbolic(b) for a, b in ones)}
    a, b = symbolic(left, known), symbolic(right, known)
    if left.kind == "scalar":
        return _equal_somewhere(a, b) and sympy().simplify(a - b) == 0
    return bool(expanded(a - b, known) == 0)


ONES: Final = Term("ones")
"""The key under which ``known`` holds products that are I."""


def expanded(x: Any, known: Mapping[Term, Any]) -> Any:
    """Return a polynomial in non-commuting letters, multiplied out, without the products that are I."""
    sp = sympy()
    x = sp.expand(x)
    for product in known.get(ONES, ()):
        x = sp.expand(x.subs(product, 1))
    return x


def root(x: Fraction) -> Fraction:
    """Return the square root of a number; exactly if it is a square, else to 120 digits."""
    n, d = isqrt(x.numerator), isqrt(x.denominator)
    if n * n == x.numerator and d * d == x.denominator:
        return Fraction(n, d)
    scale = 10**120
    return Fraction(isqrt(x.numerator * scale**2 // x.denominator), scale)


def _equal_somewhere(a: Any, b: Any) -> bool:
    """Whether they agree at one point: what does not is not equal, and that is found out soon."""
    sp = sympy()
    letters = sorted((a - b).free_symbols, key=str)
    point = {x: sp.Rational(7 * k + 11, 5 * k + 13) for k, x in enumerate(letters)}
    try:
        return bool(abs(sp.N((a - b).xreplace(point), 30)) < sp.Float("1e-20"))
    except (TypeError, ValueError):  # an angle of no two vectors there
        return False
