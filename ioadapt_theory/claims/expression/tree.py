"""Formulas as trees: each statement is written once, and its text, values and Coq statement are derived from the tree.

A ``Term`` has an operation, arguments and, for leaves and definitions, a name. Symbols are named like the attributes of
an instance (``w_target`` is W'). Trees are read by ``notation`` (text and LaTeX), ``values`` (float64 batches, 50
digits, exact numbers), and ``algebra`` (sympy).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, Final, Literal, Union

__all__ = [
    "EYE", "HALF", "NOTHING", "PI", "Relation", "Term", "angle", "arcsin", "artanh", "cond", "cos", "dot", "fro",
    "hessian_norm", "inner", "inverse", "landau", "let", "ln", "matrix", "maximum", "mean", "mean_square", "minimum",
    "norm", "opened", "outer", "outside", "pinv", "positive", "rank", "relu", "replaced", "row", "rows", "scalar",
    "segment", "sigma", "sim", "sine", "spectral", "sqrt", "sup_hessian_norm", "term", "total", "transpose",
]  # fmt: skip
"""Exported to ``language``."""

Kind = Literal["scalar", "row", "matrix"]
Like = Union["Term", int, Fraction]
SCALARS: Final = frozenset(
    "number scalar add mul div pow abs sqrt outside cos ln arcsin artanh max min positive dot inner norm sim sine"
    " angle pi fro spectral cond sigma rank size mean mean_square sum hessian_norm sup_hessian_norm segment landau"
    " cells".split()
)
"""Operations with a scalar value; the kind of any other operation follows from its arguments."""


def _fits(condition: bool, left: "Term", sign: str, right: "Term") -> None:
    if not condition:
        msg = f"The formula {left.kind} {sign} {right.kind} is not defined."
        raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class Term:
    """A formula: an operation applied to formulas."""

    op: str  # operation; "scalar", "row" and "matrix" are symbols, "let" gives its argument a name
    args: tuple["Term", ...] = ()  # operands
    name: str = ""  # name of a symbol or definition, digits of a number or an exponent, index of a singular value
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.op, self.args, self.name)))  # computed once: larger terms reuse it

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return Term, (self.op, self.args, self.name)  # hashes of strings differ between processes

    @property
    def kind(self) -> Kind:
        if self.op in SCALARS:
            return "scalar"
        if self.op in {"row", "matrix"}:
            return self.op  # type: ignore[return-value]
        if self.op in {"eye", "inverse", "outer", "pinv", "transpose"}:
            return "matrix"
        kinds = [x.kind for x in self.args]
        if self.op == "product":
            return kinds[0]  # row times matrix is a row
        return kinds[-1]

    def __add__(self, other: Like) -> "Term":
        right = term(other)
        _fits(self.kind == right.kind, self, "+", right)
        return Term("add" if self.kind == "scalar" else "plus", (self, right))

    def __radd__(self, other: Like) -> "Term":
        return term(other) + self

    def __neg__(self) -> "Term":
        return -1 * self

    def __sub__(self, other: Like) -> "Term":
        return self + (-term(other))

    def __rsub__(self, other: Like) -> "Term":
        return term(other) - self

    def __mul__(self, other: Like) -> "Term":
        left, right = self, term(other)
        _fits("scalar" in {left.kind, right.kind}, left, "*", right)
        if right.kind != "scalar":
            return Term("scale", (left, right))
        return Term("mul", (left, right)) if left.kind == "scalar" else Term("scale", (right, left))

    def __rmul__(self, other: Like) -> "Term":
        return term(other) * self

    def __truediv__(self, other: Like) -> "Term":
        return Term("div", (self, term(other)))

    def __rtruediv__(self, other: Like) -> "Term":
        return term(other) / self

    def __pow__(self, power: int) -> "Term":
        return Term("pow", (self,), str(power))

    def __matmul__(self, other: "Term") -> "Term":
        _fits(self.kind != "scalar" and other.kind == "matrix", self, "@", other)
        return Term("product", (self, other))

    def __abs__(self) -> "Term":
        return Term("abs", (self,))

    def __le__(self, other: Like) -> "Relation":
        return Relation(self, "<=", term(other))

    def __lt__(self, other: Like) -> "Relation":
        return Relation(self, "<", term(other))

    def equals(self, other: Like) -> "Relation":
        """Return the relation self = other; ``==`` compares the formulas themselves."""
        return Relation(self, "=", term(other))

    def walk(self) -> Iterator["Term"]:
        yield self
        for x in self.args:
            yield from x.walk()


@dataclass(frozen=True, slots=True)
class Relation:
    """The relation left ≤ right, left < right or left = right; with ``order`` p, up to O(ε^p)."""

    left: Term
    sign: Literal["<=", "<", "="]
    right: Term
    order: int | None = None

    def up_to(self, order: int) -> "Relation":
        return Relation(self.left, self.sign, self.right, order)


def term(x: Like) -> Term:
    return x if isinstance(x, Term) else Term("number", name=str(Fraction(x)))


def scalar(name: str) -> Term:
    return Term("scalar", name=name)


def row(name: str) -> Term:
    return Term("row", name=name)


def matrix(name: str) -> Term:
    return Term("matrix", name=name)


def let(name: str, what: Term) -> Term:
    """Return a definition, which is printed as ``name`` and evaluated as ``what``."""
    return Term("let", (what,), name)


def _function(op: str, doc: str) -> Callable[..., Term]:
    def function(*args: Like) -> Term:
        return Term(op, tuple(term(x) for x in args))

    function.__doc__ = doc
    function.__name__ = op
    return function


sqrt = _function("sqrt", "√a.")
cos = _function("cos", "cos a.")
ln = _function("ln", "Natural logarithm.")
arcsin = _function("arcsin", "arcsin min(a, 1), since a may exceed 1 by rounding.")
artanh = _function("artanh", "artanh a.")
maximum = _function("max", "The larger of two scalars.")
minimum = _function("min", "The smaller of two scalars.")
positive = _function("positive", "[a]₊ = max(a, 0).")
dot = _function("dot", "uvᵀ of row vectors.")
inner = _function("inner", "⟨M, N⟩ = tr MNᵀ of matrices.")
outer = _function("outer", "uᵀv of row vectors, a matrix of rank one.")
transpose = _function("transpose", "Mᵀ.")
norm = _function("norm", "‖u‖ of a row vector.")
sim = _function("sim", "The cosine of two row vectors, s(u, v) of Lemma 1.")
angle = _function("angle", "arccos sim(u, v), accurate at every angle.")
fro = _function("fro", "‖M‖_F.")
spectral = _function("spectral", "‖M‖₂.")
cond = _function("cond", "σ_max/σ_min over the min(c, d) singular values.")
rank = _function("rank", "Rank of a matrix.")
rows = _function("size", "Number of rows of a matrix.")
inverse = _function("inverse", "M⁻¹.")
pinv = _function("pinv", "The Moore-Penrose pseudoinverse M⁺.")
hessian_norm = _function("hessian_norm", "‖H(u, v)‖_op of the Hessian of sim.")
sup_hessian_norm = _function("sup_hessian_norm", "sup_t ‖H(u + tΔu, v + tΔv)‖_op over t in [0, 1], on a grid.")
segment = _function("segment", "min_t min(‖u + tΔu‖, ‖v + tΔv‖) over t in [0, 1].")
landau = _function("landau", "O(a).")
outside = _function("outside", "Number of entries of a row below or above all others.")
mean_square = _function(
    "mean_square", "E‖xD‖² of a row xD, linear in the symbol x; 2nd argument: σ or F, for E[xᵀx] = σ²I or FᵀF."
)

relu = _function("relu", "max(m, 0) of every entry of a matrix.")


def mean(x: Term, **variances: Like) -> Term:
    """Return E[x] over random matrices, given by name with the variance of their entries.

    Different matrices are independent; the entries of one have mean 0, this variance, and are uncorrelated.
    """
    return Term("mean", (x, *(y for name, v in variances.items() for y in (matrix(name), term(v)))))


def sine(u: Term, v: Term, named: str = "") -> Term:
    """Return √(1 − sim(u, v)²), accurate for nearly parallel vectors; printed as √(1 − s²) if ``named`` is "s"."""
    return Term("sine", (u, v), named)


EYE: Final = Term("eye")
PI: Final = Term("pi")
NOTHING: Final = Term("number", name="0")
HALF: Final = Term("number", name="1/2")


def sigma(m: Term, from_last: int) -> Term:
    """Return the smallest singular value of a matrix (``from_last`` 1), the second smallest (2), and so on."""
    return Term("sigma", (m,), str(-from_last))


def total(over: Callable[..., Term], general: tuple[Any, ...], *models: tuple[Any, ...]) -> Term:
    """Return the sum of ``over(*model)`` over ``models``, printed as Σ followed by ``over(*general)``."""
    return Term("sum", tuple(over(*model) for model in (general, *models)))


@cache
def opened(x: Term) -> Term:
    """Return the formula with every definition (``let``) replaced by what it stands for."""
    if x.op == "let":
        return opened(x.args[0])
    return Term(x.op, tuple(opened(a) for a in x.args), "" if x.op == "sine" else x.name)


def replaced(x: Term, by: Mapping[Term, Term]) -> Term:
    """Return the formula with some terms replaced, outermost first."""
    if x in by:
        return by[x]
    return Term(x.op, tuple(replaced(a, by) for a in x.args), x.name)


def squared(x: Term) -> Term | None:
    """Return x² if x is nonnegative, as scalar symbols are, and x² can be computed without a root; otherwise None."""
    if x.op in {"norm", "fro", "sine", "segment", "scalar", "number"}:
        return None if x.name.startswith("-") else x**2
    if x.op in {"let", "mul", "div", "min", "max"}:
        args = [squared(a) for a in x.args]
        return None if None in args else Term(x.op, tuple(a for a in args if a), x.name)
    return None


def linear_part(x: Term) -> Term | None:
    """Return D for a row xD in the symbol x, None for x itself; raise an error for a row that is not linear in x."""

    def part(y: Term) -> Term:
        d = linear_part(y)
        return EYE if d is None else d

    match x:
        case Term("row", _, "x"):
            return None
        case Term("product", (left, right)):
            d = linear_part(left)
            return right if d is None else d @ right
        case Term("plus", (a, b)):
            return part(a) + part(b)
        case Term("scale", (a, b)):
            return a * part(b)
    msg = f"The operation {x.op!r} is not linear in x."
    raise ValueError(msg)
