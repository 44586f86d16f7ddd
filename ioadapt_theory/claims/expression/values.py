"""Values of formulas on an instance, in its arithmetic: float64 batches, 50 digits, or exact numbers."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.claims import arithmetic as a
from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.expression.tree import Relation, Term, linear_part

FUNCTIONS: Final[dict[str, Callable[..., Array]]] = {
    "add": lambda x, y: x + y, "plus": lambda x, y: x + y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "abs": abs, "sqrt": a.sqrt, "cos": a.cos, "ln": a.log, "arcsin": lambda x: a.arcsin(a.minimum(x, a.number(1, x))),
    "artanh": a.atanh, "max": a.maximum, "min": a.minimum, "positive": lambda x: (x + abs(x)) / 2, "dot": a.dot,
    "inner": lambda m, n: (m * n).sum((-2, -1)), "outer": a.outer, "relu": lambda m: (m + abs(m)) / 2,
    "transpose": lambda m: m.mT if hasattr(m, "mT") else m.T, "norm": a.norm, "sim": a.cosine, "sine": a.sine,
    "angle": a.angle, "fro": lambda m: a.sqrt(a.frobenius_sq(m)), "spectral": a.operator_norm,
    "cond": a.condition_number, "rank": a.rank,
    "size": lambda m: m.new_full(m.shape[:-2], m.shape[-2]) if isinstance(m, Tensor) else m.shape[-2],
    "inverse": a.inverse, "pinv": a.pseudo_inverse, "hessian_norm": lambda u, v: a.operator_norm(a.hessian(u, v)),
    "outside": a.outside, "segment": lambda *vectors: a.sqrt(_segment_sq(*vectors)),
}  # fmt: skip


def _segment_sq(u: Array, v: Array, du: Array, dv: Array) -> Array:
    return a.minimum(a.segment_distance_sq(u, du), a.segment_distance_sq(v, dv))


SQUARES: Final[dict[str, Callable[..., Array]]] = {
    "norm": lambda u: a.dot(u, u), "fro": a.frobenius_sq,
    "sine": lambda u, v: 1 - a.dot(u, v) ** 2 / (a.dot(u, u) * a.dot(v, v)), "segment": _segment_sq,
}  # fmt: skip
"""Squares of values that are roots, computed by rational operations."""

MINUS: Final = Term("number", name="-1")


class Values:
    """Evaluator of formulas on one instance; a repeated subformula is computed once."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.known: dict[Term, Array] = {}

    def __call__(self, x: Term) -> Array:
        if x not in self.known:
            self.known[x] = self._value(x)
        return self.known[x]

    def _value(self, x: Term) -> Array:
        match x:
            case Term("scalar" | "row" | "matrix", _, name):
                return getattr(self.instance, name)
            case Term("let", (inner,)):
                return self(inner)
            case Term("number", _, digits):
                return self._number(digits)
            case Term("pi"):
                return a.number("pi", self._like())
            case Term("pow", (Term(op, args),), "2") if op in SQUARES and isinstance(self._like(), Fraction):
                return SQUARES[op](*map(self, args))
            case Term("pow", (base,), power):
                return self(base) ** int(power)
            case Term("sum", (_, *terms)):
                return sum(self(t) for t in terms)
            case Term("sigma", (m,), index):
                return self._singular_value(m, int(index))
            case Term("product", (left, right)):
                return a.apply(self(left), self(right)) if left.kind == "row" else self(left) @ self(right)
            case Term("plus", (left, right)) if one := times_identity(left) or times_identity(right):
                m = self(left if times_identity(right) else right)
                return (a.identity(m) if one.name == "1" else a.scaled(self(one), a.identity(m), 2)) + m
            case Term("scale", (factor, what)) if factor == MINUS:
                return -self(what)
            case Term("scale", (factor, what)):
                return a.scaled(self(factor), self(what), 2 if what.kind == "matrix" else 1)
            case Term("mean", (what, *laws)):
                return self._mean(what, dict(zip(laws[::2], laws[1::2], strict=True)))
            case Term("cells", (), name):
                from ioadapt_theory.claims.printed import cells

                return cells(name)
            case Term("mean_square", (vector, law)):
                return self._mean_square(linear_part(vector), law)
            case Term("sup_hessian_norm", vectors):
                return a.sup_hessian_norm(*(self(v) for v in vectors))
        return FUNCTIONS[x.op](*(self(arg) for arg in x.args))

    def _mean(self, what: Term, variances: dict[Term, Term]) -> Array:
        """Return a mean over the laws that put equal weights on ±√(νpq) at one entry of a p x q matrix, else 0.

        It is computed in float64, as there are thousands of combinations.
        """
        batch, points = self.instance, 1
        if not isinstance(self._like(), Tensor):
            fields = {name: getattr(batch, name) for name in batch.__dataclass_fields__}
            one = {name: torch.tensor(np.array(x, dtype=float))[None] for name, x in fields.items()}
            return a.mp.mpf(Values(type(batch)(**one))._mean(what, variances).item())
        for m, variance in variances.items():
            shape = getattr(batch, m.name).shape[-2:]
            size = (Values(batch)(variance) * math.prod(shape)).sqrt()
            each = torch.eye(math.prod(shape), dtype=size.dtype).reshape(-1, *shape)
            each = torch.cat((each, -each))
            batch = type(batch)(**{
                name: (size[:, None, None, None] * each if name == m.name else _repeated(x, len(each))).flatten(0, 1)
                for name in batch.__dataclass_fields__ for x in [getattr(batch, name)]
            })  # fmt: skip
            points *= len(each)
        return Values(batch)(what).reshape(-1, points).mean(-1)

    def _singular_value(self, m: Term, index: int) -> Array:
        """Return the singular value at an index from the end; infinite if there is none, so that its inverse is 0."""
        values = a.singular_values(self(m))
        return values[..., index] if values.shape[-1] >= -index else a.number("inf", values[..., 0])

    def _mean_square(self, d: Term | None, law: Term) -> Array:
        assert d is not None, "the mean square of x itself is not supported"
        if law.kind == "scalar":
            return self(law) ** 2 * a.frobenius_sq(self(d))
        return a.frobenius_sq(self(law) @ self(d))

    def _like(self) -> Array:
        if self.instance is None:  # a statement without letters
            return Fraction(0)
        values = (getattr(self.instance, name) for name in self.instance.__dataclass_fields__)
        value = next(x for x in values if x is not None)
        return value.reshape(-1)[0] if getattr(value, "shape", ()) else value

    def _number(self, digits: str) -> Array:
        x = Fraction(digits)
        return x.numerator if x.denominator == 1 else a.number(x, self._like())


def _repeated(x: Tensor, times: int) -> Tensor:
    return x[:, None].expand(-1, times, *x.shape[1:])


def times_identity(x: Term) -> Term | None:
    """Return the factor c of a formula cI, or None for any other formula."""
    match x:
        case Term("eye"):
            return Term("number", name="1")
        case Term("scale", (factor, inner)) if one := times_identity(inner):
            return factor * one
    return None


def both(r: Relation, values: Values) -> tuple[Array, Array]:
    """Return the values of both sides; the right one may be I."""
    left = values(r.left)
    return left, a.identity(left) if r.right.op == "eye" else values(r.right)


def value(x: Term, instance: Any) -> Array:
    return Values(instance)(x)


def both_sides(relations: tuple[Relation, ...]) -> tuple[Callable[[Any], Array], Callable[[Any], Array]]:
    """Return both sides as functions of an instance; for several relations, those with the largest ratio left/right.

    A single equation with a mean square on the left becomes larger side ≤ smaller side. Any other equation a = b
    becomes 1 + |a − b|/(|a| + |b|) ≤ 1, with ‖·‖² in place of |·| for vectors and matrices. In both cases the ratio is
    1 if the equation holds.
    """
    first, *others = relations
    if not others and first.sign != "=":
        return partial(value, first.left), partial(value, first.right)

    def worst(instance: Any) -> tuple[Array, Array]:
        values = Values(instance)
        if not others and first.left.op == "mean_square":
            left, right = values(first.left), values(first.right)
            return a.maximum(left, right), a.minimum(left, right)
        left, right = _sides(first, values)
        for r in others:
            x, y = _sides(r, values)
            one, other = x * right, left * y
            left, right = a.where_larger(one, other, x, left), a.where_larger(one, other, y, right)
        return left, right

    return lambda i: worst(i)[0], lambda i: worst(i)[1]


ROUNDING: Final = 1e-9
"""Relative error up to which a relation of float64 numbers counts as true."""


def fits(r: Relation, values: Values) -> Tensor:
    """Return whether a relation holds on each instance of a batch, up to rounding."""
    left, right = (torch.as_tensor(x, dtype=torch.float64) for x in both(r, values))
    if r.left.kind != "scalar":
        size = a.frobenius_sq if r.left.kind == "matrix" else lambda m: (m * m).sum(-1)
        return size(left - right).sqrt() <= ROUNDING * (size(left).sqrt() + size(right).sqrt() + 1e-3)
    room = ROUNDING * (abs(left) + abs(right) + 1e-3)
    return abs(left - right) <= room if r.sign == "=" else left < right + room


def _sides(r: Relation, values: Values) -> tuple[Array, Array]:
    left, right = both(r, values)
    if r.sign != "=":
        return left, right
    if r.left.kind == "scalar":
        size, gap = abs(left) + abs(right), abs(left - right)
    else:
        size, gap = a.frobenius_sq(left) + a.frobenius_sq(right), a.frobenius_sq(left - right)
    one = a.number(1, size)
    share = torch.where(gap == 0, 0.0, gap / size) if isinstance(gap, Tensor) else gap if gap == 0 else gap / size
    return one + share, one
