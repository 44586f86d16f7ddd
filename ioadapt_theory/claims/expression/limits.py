"""First-order term in AB of a formula: its derivative along t ↦ tAB at t = 0, again as a formula."""

from typing import Final

from ioadapt_theory.claims.expression.tree import EYE, Term, dot, let, matrix, norm

AB: Final = matrix("ab")


def delta(u: Term, v: Term, du: Term, dv: Term) -> Term:
    """Return the derivative of sim(u + tΔu, v + tΔv) at t = 0 as a formula named δ, as in Eq. 7 (δ' for the target)."""
    uv, nu, nv = dot(u, v), norm(u), norm(v)
    prime = "'" if any(x.name.endswith("_target") for x in uv.walk()) else ""
    along = uv / (nu**3 * nv) * dot(u, du) + uv / (nu * nv**3) * dot(v, dv)
    return let(f"δ{prime}", (dot(du, v) + dot(u, dv)) / (nu * nv) - along)


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
