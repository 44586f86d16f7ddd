"""Lemma 2 (App. A.1): the Hessian of the cosine similarity, and what it says about the remainder of Lemma 1."""

from collections.abc import Mapping

from torch import Tensor

from ioadapt_theory.claims.arithmetic import (
    Array,
    block,
    cosine,
    dot,
    identity,
    largest,
    log,
    maximum,
    minimum,
    norm,
    number,
    operator_norm,
    outer,
    positive_part,
    reached,
    scaled,
    unit,
)
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis, Inequality
from ioadapt_theory.claims.settings.increments import INCREMENTS, Increments, remainder
from ioadapt_theory.claims.statements.lemma_1 import SEARCHES, shorter_increments

SOURCE = "Lemma 2 (App. A.1)"
POINTS = {True: 9, False: 33}
"""Points of the grid in a search (tensors) and for a single instance."""


def hessian(u: Array, v: Array) -> Array:
    """H(u, v), 2d x 2d, with a = v̂ − sû, b = û − sv̂.

    H_uu = −(ûᵀa + aᵀû + s(I − ûᵀû))/‖u‖², H_uv = (I − v̂ᵀv̂ − ûᵀb)/(‖u‖‖v‖).
    """
    s, nu, nv = cosine(u, v), norm(u), norm(v)
    u, v = unit(u), unit(v)
    a, b = v - scaled(s, u), u - scaled(s, v)
    eye = identity(u.shape[-1], u)
    huu = -_times(1 / nu**2, outer(u, a) + outer(a, u) + _times(s, eye - outer(u, u)))
    hvv = -_times(1 / nv**2, outer(v, b) + outer(b, v) + _times(s, eye - outer(v, v)))
    huv = _times(1 / (nu * nv), eye - outer(v, v) - outer(u, b))
    return block(huu, huv, huv.mT if isinstance(huv, Tensor) else huv.T, hvv)


def _times(a: Array, m: Array) -> Array:
    return a[..., None, None] * m if isinstance(m, Tensor) else a * m


def lhs(i: Increments) -> Array:
    """‖H(u, v)‖_op."""
    return operator_norm(hessian(i.u, i.v))


def rhs_sharp(i: Increments) -> Array:
    """(1 + |s|)/m², m = min(‖u‖, ‖v‖)."""
    return (1 + abs(cosine(i.u, i.v))) / minimum(norm(i.u), norm(i.v)) ** 2


def rhs(i: Increments) -> Array:
    """12(1 + |s|)/m²."""
    return 12 * rhs_sharp(i)


def rhs_integral(i: Increments) -> Array:
    """½ sup_t ‖H(u + tΔu, v + tΔv)‖(‖Δu‖² + ‖Δv‖²), the sup over a grid: too small if at all, so stricter."""
    sup = number(0, norm(i.u))
    points = POINTS[isinstance(i.u, Tensor)]
    for k in range(points):
        t = k / (points - 1) if isinstance(i.u, Tensor) else number(k, norm(i.u)) / (points - 1)
        sup = maximum(sup, operator_norm(hessian(i.u + t * i.du, i.v + t * i.dv)))
    return sup * (norm(i.du) ** 2 + norm(i.dv) ** 2) / 2


def rhs_explicit(i: Increments) -> Array:
    """2 Σ (−ρ − ln(1 − ρ)) over ρ = ‖Δu‖/‖u‖, ‖Δv‖/‖v‖."""
    rho = norm(i.du) / norm(i.u), norm(i.dv) / norm(i.v)
    return 2 * sum(-r - log(1 - r) for r in rho)


def segment_distance(w: Array, dw: Array) -> Array:
    """Smallest ‖w + tΔw‖ over t in [0, 1]."""
    size = largest(dw)
    direction = scaled(1 / (size + (size == 0)), dw)  # squares of at least 1, unless Δw = 0
    t = -dot(w, direction) / maximum(dot(direction, direction), number(1, size))
    return norm(w + scaled(minimum(maximum(t, number(0, t)), size), direction))


AVOIDS_ZERO = Hypothesis(
    "the segment avoids 0",
    lambda i: positive_part(
        number(1e-6, norm(i.u))
        - minimum(segment_distance(i.u, i.du) / norm(i.u), segment_distance(i.v, i.dv) / norm(i.v))
    ),
)
BELOW_ONE = (
    Hypothesis("||du|| < ||u||", lambda i: reached(dot(i.du, i.du), dot(i.u, i.u)) / 2, exact=True),
    Hypothesis("||dv|| < ||v||", lambda i: reached(dot(i.dv, i.dv), dot(i.v, i.v)) / 2, exact=True),
)


def short_increments(raw: Mapping[str, Tensor]) -> Increments:
    """Increments short enough for the grid: ‖Δ‖ < ‖·‖/2."""
    i = shorter_increments(raw)
    return Increments(u=i.u, v=i.v, du=i.du / 2, dv=i.dv / 2)


LEMMA_2 = Claim(
    id="lemma-2",
    source=SOURCE,
    statement="‖H(u, v)‖_op ≤ 12(1 + |s|)/m², m = min(‖u‖, ‖v‖)",
    expected=Verdict.PROVED,
    remark="twelve times too large",
    inequality=Inequality(setting=INCREMENTS, lhs=lhs, rhs=rhs),
    strategies=SEARCHES,
)
LEMMA_2_SHARP = Claim(
    id="lemma-2-sharp",
    source=SOURCE,
    reading="sharp, C = 1",
    amends="lemma-2",
    statement="‖H(u, v)‖_op ≤ (1 + |s|)/m²",
    expected=Verdict.PROVED,
    remark="equality for ‖u‖ = ‖v‖; at unit norms the eigenvalues are 1 − s, −1 − s and ±√(1 − s²)",
    attained=("lemma-2-sharp",),
    inequality=Inequality(setting=INCREMENTS, lhs=lhs, rhs=rhs_sharp),
    strategies=SEARCHES,
)
LEMMA_2_INTEGRAL = Claim(
    id="lemma-2-integral",
    source="Remainder bound after Lemma 2 (App. A.1)",
    statement="|R| ≤ ½ sup_t ‖H(u + tΔu, v + tΔv)‖_op (‖Δu‖² + ‖Δv‖²)",
    expected=Verdict.PROVED,
    remark="needs a segment that avoids 0, which the text does not say; the factor ½ is sharp",
    inequality=Inequality(
        setting=INCREMENTS.parametrised(short_increments),
        lhs=lambda i: abs(remainder(i)),
        rhs=rhs_integral,
        hypotheses=(AVOIDS_ZERO,),
    ),
    strategies=SEARCHES,
)
LEMMA_2_REMAINDER = Claim(
    id="lemma-2-remainder",
    source="Remainder bound after Lemma 2 (App. A.1)",
    reading="explicit",
    amends="lemma-2-integral",
    statement="|R| ≤ 2 Σ (−ρ − ln(1 − ρ)), ρ = ‖Δu‖/‖u‖ and ‖Δv‖/‖v‖, both < 1",
    expected=Verdict.PROVED,
    remark="the sup carried out with C = 1; nothing along the segment is left in it",
    inequality=Inequality(
        setting=INCREMENTS.parametrised(shorter_increments),
        lhs=lambda i: abs(remainder(i)),
        rhs=rhs_explicit,
        hypotheses=BELOW_ONE,
    ),
    strategies=SEARCHES,
)
