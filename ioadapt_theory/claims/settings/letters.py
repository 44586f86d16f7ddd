"""The symbols of App. A.1 and A.2 as formulas, and first-order terms in AB: derivatives along t ↦ tAB at t = 0."""

from enum import StrEnum
from typing import Final, NamedTuple

from ioadapt_theory.claims.expression.tree import (
    EYE,
    Term,
    dot,
    let,
    matrix,
    mean_square,
    norm,
    row,
    scalar,
    sim,
    sine,
    total,
)

__all__ = [
    "AB", "EACH_INPUT", "EPSILON", "GAP", "MODELS", "SIGMA", "SOURCE", "STRETCHES", "TARGET", "TIME", "W1", "W1_TARGET",
    "W2", "W2_TARGET", "Model", "T", "X", "delta", "discrepancy", "distance", "first_order", "slope", "stretch",
]  # fmt: skip
"""Exported to ``language``."""

AB: Final = matrix("ab")
EPSILON: Final = scalar("epsilon")
SIGMA: Final = scalar("sigma")
T: Final = EYE + AB
TIME: Final = scalar("t") / (1 + scalar("t"))
"""A place on the way from 0 to 1, any one if t stands for every positive number."""


class Placement(StrEnum):
    """The place where AB acts (Eqs. 1 and 3): LORA, X(W + AB); INPUT, X(I + AB)W; OUTPUT, XW(I + AB).

    Defined independently of the package ``adapters``, so that a mistake cannot affect both.
    """

    LORA = "lora"
    INPUT = "input"
    OUTPUT = "output"


class Model(NamedTuple):
    """The source or target of App. A.1: a layer W and two inputs. ``prime`` is appended to printed names."""

    x1: Term
    x2: Term
    w: Term
    prime: str = ""

    @property
    def y1(self) -> Term:
        return self.x1 @ self.w

    @property
    def y2(self) -> Term:
        return self.x2 @ self.w

    @property
    def s0(self) -> Term:
        return let(f"s₀{self.prime}", sim(self.y1, self.y2))

    @property
    def sine0(self) -> Term:
        return sine(self.y1, self.y2, f"s₀{self.prime}")

    @property
    def stretches(self) -> tuple[Term, Term]:
        return stretch(self.x1, self.w), stretch(self.x2, self.w)

    def adapted(self, placement: Placement) -> tuple[Term, Term]:
        first, second = (adapted(x, self.w, placement) for x in (self.x1, self.x2))
        return let(f"ŷ₁{self.prime}", first), let(f"ŷ₂{self.prime}", second)

    def adapted_sim(self, placement: Placement) -> Term:
        return sim(*self.adapted(placement))


SOURCE: Final = Model(row("x1"), row("x2"), matrix("w"))
TARGET: Final = Model(row("x1_target"), row("x2_target"), matrix("w_target"), "'")


def stretch(x: Term, w: Term) -> Term:
    """Return ‖x‖/‖xW‖, the inverse of the factor by which W stretches x."""
    return norm(x) / norm(x @ w)


def adapted(x: Term, w: Term, placement: Placement) -> Term:
    """Return the adapted output ŷ: x(W + AB), x(I + AB)W or xW(I + AB) (Eqs. 1 and 3)."""
    return {Placement.LORA: x @ (w + AB), Placement.INPUT: x @ T @ w, Placement.OUTPUT: x @ w @ T}[placement]


def distance(placement: Placement) -> Term:
    """Return |sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')|, the left side of Props. 1 and 2."""
    return abs(SOURCE.adapted_sim(placement) - TARGET.adapted_sim(placement))


X: Final = row("x")
EACH_INPUT: Final = (X, SOURCE.w), *((x, model.w) for model in (SOURCE, TARGET) for x in model[:2])
"""Arguments of ``total`` for sums over inputs: x and W in the printed general term, then each input and its layer."""
STRETCHES: Final = total(stretch, *EACH_INPUT)
"""Σ ‖x‖/‖xW‖ over x₁, x₂, x₁', x₂'."""
W1, W2, W1_TARGET, W2_TARGET = (matrix(name) for name in ("w1", "w2", "w1_target", "w2_target"))
GAP: Final = W1 @ W2 - W1_TARGET @ W2_TARGET


def model(w1: Term, w2: Term, placement: Placement | None) -> Term:
    """Return the output x(W₁ + AB)W₂, x(I + AB)W₁W₂ or xW₁W₂(I + AB) (Eq. 9); without a placement, xW₁W₂."""
    plain = X @ w1 @ w2
    adapted = {Placement.LORA: X @ (w1 + AB) @ w2, Placement.INPUT: X @ T @ w1 @ w2, Placement.OUTPUT: plain @ T}
    return plain if placement is None else adapted[placement]


def discrepancy(placement: Placement | None, law: Term = SIGMA) -> Term:
    """Return E‖source(x) − target(x)‖² for the models of Eq. 9; E[xᵀx] is σ²I or, if ``law`` is a matrix F, FᵀF."""
    return mean_square(model(W1, W2, placement) - model(W1_TARGET, W2_TARGET, placement), law)


MODELS = ((SOURCE,), (SOURCE,), (TARGET,))
"""Arguments of ``total`` for sums over both models: the model in the printed general term, then the two models."""


def delta(u: Term, v: Term, du: Term, dv: Term) -> Term:
    """Return the derivative of sim(u + tΔu, v + tΔv) at t = 0 as a formula named δ, as in Eq. 7 (δ' for the target)."""
    uv, nu, nv = dot(u, v), norm(u), norm(v)
    prime = "'" if any(x.name.endswith("_target") for x in uv.walk()) else ""
    along = uv / (nu**3 * nv) * dot(u, du) + uv / (nu * nv**3) * dot(v, dv)
    return let(f"δ{prime}", (dot(du, v) + dot(u, dv)) / (nu * nv) - along)


def slope(u: Term, v: Term) -> Term:
    """Return the gradient of sim(u, v) with respect to u, v/(‖u‖‖v‖) − sim(u, v) u/‖u‖²."""
    return 1 / (norm(u) * norm(v)) * v - sim(u, v) / norm(u) ** 2 * u


def first_order(x: Term) -> Term:
    """Return the limit of x(tAB)/t as t → 0, for a formula x that is 0 at AB = 0."""
    derivative = _derivative(x)
    assert derivative is not None, "the formula does not depend on AB"
    return derivative


def at_zero(x: Term) -> Term | None:
    """Return a row or matrix at AB = 0, as a formula; None if it is zero there."""
    if x == AB:
        return None
    if x.op == "let":
        return at_zero(x.args[0])
    args = [at_zero(a) for a in x.args]
    if x.op == "plus" and None in args:
        return args[0] or args[1]
    if None in args:
        return None
    if x.op == "product" and EYE in args:
        return args[0] if args[1] == EYE else args[1]
    return Term(x.op, tuple(a for a in args if a is not None), x.name)


def _derivative(x: Term) -> Term | None:
    if x == AB:
        return AB
    match x:
        case Term("let", (inner,)):
            return _derivative(inner)
        case Term("abs", (inner,)):  # the argument vanishes at AB = 0
            return abs(first_order(inner))
        case Term("add" | "plus", (a, b)):
            return _plus(_derivative(a), _derivative(b))
        case Term("mul" | "scale", (a, b)) if a.op == "number":
            d = _derivative(b)
            return None if d is None else a * d
        case Term("product", (a, b)):
            left, right = (_times(_derivative(a), at_zero(b)), _times(at_zero(a), _derivative(b)))
            return _plus(left, right)
        case Term("sim", (u, v)):
            parts = (at_zero(u), at_zero(v), _derivative(u), _derivative(v))
            return delta(*(t for t in parts if t is not None))  # all are Terms; the condition is for mypy
    return None


def _plus(a: Term | None, b: Term | None) -> Term | None:
    return a + b if a and b else a or b


def _times(a: Term | None, b: Term | None) -> Term | None:
    if a is None or b is None:
        return None
    return b if a == EYE else a if b == EYE else a @ b
