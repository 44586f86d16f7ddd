"""Lemma 1 (App. A.1): first-order expansion of the cosine similarity, its norm bound (Eq. 8) and its remainder.

Proofs in inner products alone, so in every dimension. Letters: U = ‖u‖, V = ‖v‖, ρ_u = ‖Δu‖/‖u‖, r = ‖u + Δu‖/‖u‖ and x
the cosine between u and u + Δu.
"""

from collections.abc import Iterator

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import Step, agree, chained, computed, nonnegative, reached, vanishes
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.orders import OrderFit
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import CAUCHY_SCHWARZ, SINE, TRIANGLE, Link, rule
from ioadapt_theory.claims.expression.tree import Term, angle, arcsin, dot, landau, let, norm, sim, sine
from ioadapt_theory.claims.settings.increments import (
    DELTA,
    DU,
    DV,
    INCREMENTS,
    RHO_U,
    RHO_V,
    SHORTER,
    R,
    S,
    U,
    V,
    remainder,
    shorter,
)

SOURCE = "Lemma 1 (App. A.1)"
SEARCHES = (Replay(), RandomInstances(), GradientAscent())

EQ_8 = abs(DELTA) <= (1 + abs(S)) * (RHO_U + RHO_V)
EQ_8_SHARP = abs(DELTA) <= sine(U, V, "s") * (RHO_U + RHO_V)
REMAINDER = abs(R) <= (3 + abs(S)) * (RHO_U**2 + RHO_V**2)
TURN = abs(angle(U + DU, V + DV) - angle(U, V)) <= arcsin(RHO_U) + arcsin(RHO_V)

BY_EQ_8 = rule("Lemma 1, Eq. 8", EQ_8)
BY_EQ_8_SHARP = rule("Lemma 1, Eq. 8 sharpened", EQ_8_SHARP)
BY_REMAINDER = rule("Lemma 1, remainder", REMAINDER)


def gradient(u: Term, v: Term) -> Term:
    """∇ᵤs = v/(‖u‖‖v‖) − s u/‖u‖²."""
    return 1 / (norm(u) * norm(v)) * v - sim(u, v) / norm(u) ** 2 * u


GRADIENT_U, GRADIENT_V = let("∇ᵤs", gradient(U, V)), let("∇ᵥs", gradient(V, U))
SHARP_CHAIN = chained(
    abs(DELTA),
    Link("δ is linear in Δu and Δv", abs(dot(GRADIENT_U, DU) + dot(GRADIENT_V, DV))),
    Link("triangle inequality", abs(dot(GRADIENT_U, DU)) + abs(dot(GRADIENT_V, DV)), (TRIANGLE,)),
    Link("Cauchy-Schwarz", norm(GRADIENT_U) * norm(DU) + norm(GRADIENT_V) * norm(DV), (CAUCHY_SCHWARZ,)),
    Link("‖∇ᵤs‖ = √(1 − s²)/‖u‖", EQ_8_SHARP.right),
)
PRINTED_CHAIN = chained(
    abs(DELTA),
    Link("the sharp form", EQ_8_SHARP.right, (BY_EQ_8_SHARP,)),
    Link("√(1 − s²) ≤ 1 + |s|", EQ_8.right, (SINE,)),
)


@computed("Δu = ∇ᵤs, Δv = 0 attains the sharp form, for every u and v")
def attained_everywhere(claim: Claim) -> Iterator[Step]:
    """Both sides there."""
    moved = {DU: symbolic(GRADIENT_U), DV: 0 * symbolic(V)}
    delta = symbolic(dot(GRADIENT_U, GRADIENT_U))
    yield Step("δ = ⟨∇ᵤs, Δu⟩ = ‖∇ᵤs‖²", vanishes(delta - symbolic(norm(GRADIENT_U)) ** 2 * len(moved) / 2))
    there = {norm(DU): symbolic(norm(GRADIENT_U)), norm(DV): 0}
    yield reached(claim, delta, there)


@computed("|R| ≤ (3 + |s|)(ρ_u² + ρ_v²) for all increments that leave both vectors non-zero")
def remainder_bound(claim: Claim) -> Iterator[Step]:
    """One vector at a time, plus the product of the two turns."""
    sp = sympy()
    r, x, s, y, w = sp.symbols("r x s y w", real=True)  # w = √(1 − x²); v = su + y e + ..., y² ≤ 1 − s²
    moved = x * s + w * y
    delta = (r * x * s + r * w * y - s) - s * (r * x - 1)
    one = s * (x - 1) + w * y * (1 - r)
    yield Step("one vector moved: R_u = s(x − 1) + wy(1 − r)", vanishes(moved - s - delta - one))
    rho_sq = 1 + r**2 - 2 * r * x
    inside = (r**2 + (1 - 2 * r) * x) ** 2 + (1 - x**2) * (1 - r) ** 2
    left_over = sp.Symbol("r", positive=True) * (2 + sp.Symbol("r", positive=True)) * (1 - x) ** 2
    yield Step(
        "ρ⁴ − [(r² + (1 − 2r)x)² + (1 − x²)(1 − r)²] = r(2 + r)(1 − x)²",
        vanishes(rho_sq**2 - inside - left_over.subs(sp.Symbol("r", positive=True), r)),
    )
    yield Step("which is ≥ 0 for r > 0", nonnegative(left_over))
    a = sp.Symbol("a", nonnegative=True)  # |s|
    yield Step(
        "(1 + |s|)ρ² − |s|(1 − x) = ρ² + |s|(r² + (1 − 2r)x), so Cauchy-Schwarz gives |R_u| ≤ (1 + |s|)ρ²",
        vanishes((1 + a) * rho_sq - a * (1 - x) - rho_sq - a * (r**2 + (1 - 2 * r) * x)),
    )
    p, q, uv, pq = sp.symbols("u'v uv' uv u'v'", real=True)  # cosines of the old and new unit vectors
    turned = (p - uv) + (q - uv) + (pq - p - q + uv)
    yield Step("both moved: R = R_u + R_v + (û' − û)·(v̂' − v̂)", agree(pq - uv, turned))
    h, z = sp.symbols("h z", nonnegative=True)  # h = |x| and z = 1 − h
    acute, obtuse = 4 * (r - h) ** 2 + 2 * z * (1 + 2 * h), 4 * sp.Symbol("r", positive=True) * (r + 2 * h) + 2 * z
    left = 4 * rho_sq - (2 - 2 * x)
    yield Step("4ρ² − ‖û' − û‖² = 4(r − x)² + 2(1 − x)(1 + 2x)", agree(left.subs(x, h), acute.subs(z, 1 - h)))
    yield Step(
        "= 4r(r − 2x) + 2(1 + x)", agree(left.subs(x, -h), obtuse.subs(sp.Symbol("r", positive=True), r).subs(z, 1 - h))
    )
    yield Step("the first is ≥ 0 for x ≥ 0", nonnegative(acute))
    yield Step("the second is for x ≤ 0", nonnegative(obtuse.subs(r, sp.Symbol("r", positive=True))))
    f, g = sp.symbols("rho_u rho_v", nonnegative=True)
    turns = 2 * f**2 + 2 * g**2
    yield Step("(2ρ_u)(2ρ_v) ≤ 2(ρ_u² + ρ_v²)", vanishes(turns - 4 * f * g - 2 * (f - g) ** 2))
    yield reached(claim, (1 + a) * (f**2 + g**2) + turns, {abs(S): a, RHO_U: f, RHO_V: g})


@computed("Eq. 7 is the derivative of s(u + tΔu, v + tΔv) at t = 0, and what is left is of second order")
def expansion(claim: Claim) -> Iterator[Step]:
    """Differentiate the cosine along the segment; the remainder is bounded by lemma-1-remainder."""
    sp = sympy()
    t = sp.Symbol("t", real=True)
    u, v, du, dv = (symbolic(x) for x in (U, V, DU, DV))
    from ioadapt_theory.claims.expression import algebra

    moved = algebra.dot(u + t * du, v + t * dv) / sp.sqrt(
        algebra.dot(u + t * du, u + t * du) * algebra.dot(v + t * dv, v + t * dv)
    )
    derivative = sp.powdenest(sp.diff(moved, t).subs(t, 0), force=True)
    yield Step("ds/dt at 0 equals Eq. 7", vanishes(derivative - symbolic(DELTA)), reaches=True)
    yield from (s for s in remainder_bound.chain(LEMMA_1_REMAINDER) if not s.reaches)


@computed("|θ̂ − θ| ≤ arcsin ρ_u + arcsin ρ_v for ρ ≤ 1; |ŝ − s| ≤ √(1 − s²) sin a + |s|(1 − cos a) for a ≤ π/2")
def finite_angle(claim: Claim) -> Iterator[Step]:
    """The triangle inequality on the sphere, without a remainder."""
    sp = sympy()
    r, x, theta, a = sp.symbols("r x theta a", real=True)
    rho_sq = 1 + r**2 - 2 * r * x
    yield Step("ρ² − sin²∠(u, u + Δu) = (r − x)² ≥ 0", vanishes(rho_sq - (1 - x**2) - (r - x) ** 2))
    yield Step("ρ ≤ 1 makes the angle acute: 2rx = (1 − ρ²) + r²", agree(2 * r * x, (1 - rho_sq) + r**2))
    for sign in (1, -1):
        moved = sp.expand_trig(sp.cos(theta + sign * a)) - sp.cos(theta)
        form = -sign * sp.sin(theta) * sp.sin(a) - sp.cos(theta) * (1 - sp.cos(a))
        yield Step(f"cos(θ {sign:+d}·a) − cos θ = {-sign:+d}·sin θ sin a − cos θ(1 − cos a)", vanishes(moved - form))
    f, g = sp.symbols("rho_u rho_v", nonnegative=True)
    yield reached(claim, sp.asin(f) + sp.asin(g), {RHO_U: f, RHO_V: g})


@computed("(1 + |s|)/√(1 − s²) = √((1 + |s|)/(1 − |s|)), equal to 1 at s = 0 only")
def excess_of_eq_8(claim: Claim) -> Iterator[Step]:
    """The printed factor over the sharp one."""
    a = sympy().Symbol("a", positive=True)
    yield Step("(1 + a)²/(1 − a²) = (1 + a)/(1 − a)", vanishes((1 + a) ** 2 / (1 - a**2) - (1 + a) / (1 - a)))
    yield Step("(1 + a) − (1 − a) = 2a > 0", nonnegative(2 * a))


LEMMA_1_EXPANSION = Claim(
    id="lemma-1-expansion",
    source="Lemma 1, Eq. 7 (App. A.1)",
    origin=Origin.PRINTED,
    concludes=(abs(R) <= landau(norm(DU) ** 2 + norm(DV) ** 2),),
    expected=Verdict.PROVED,
    remark="no segment condition is needed: lemma-1-remainder has a constant that holds everywhere",
    strategies=(OrderFit(remainder, INCREMENTS, ("du", "dv")),),
    proofs=(Proof("derivative and remainder", expansion),),
)
LEMMA_1 = Claim(
    id="lemma-1",
    source="Lemma 1, Eq. 8 (App. A.1)",
    origin=Origin.PRINTED,
    concludes=(EQ_8,),
    expected=Verdict.PROVED,
    remark="tight only at s = 0; too large by √((1 + |s|)/(1 − |s|)) → ∞ as |s| → 1",
    attained=("lemma-1",),
    words=(Word.ATTAINED,),
    setting=INCREMENTS,
    strategies=SEARCHES,
    proofs=(Proof("the sharp form", PRINTED_CHAIN),),
)
LEMMA_1_SHARP = Claim(
    id="lemma-1-sharp",
    source=SOURCE,
    origin=Origin.OURS,
    reading="sharp",
    amends="lemma-1",
    concludes=(EQ_8_SHARP,),
    expected=Verdict.PROVED,
    remark="attained for every s by Δu ∝ v̂ − sû, Δv ∝ û − sv̂",
    attained=("lemma-1-sharp",),
    words=(Word.ATTAINED, Word.SHARP),
    setting=INCREMENTS,
    strategies=SEARCHES,
    proofs=(
        Proof("gradient orthogonal to the vector, Cauchy-Schwarz", SHARP_CHAIN),
        Proof("Δu along the gradient", attained_everywhere, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
LEMMA_1_REMAINDER = Claim(
    id="lemma-1-remainder",
    source=SOURCE,
    origin=Origin.OURS,
    reading="with a constant",
    amends="lemma-1-expansion",
    concludes=(REMAINDER,),
    prose="for all increments",
    expected=Verdict.PROVED,
    remark="no minimum norm along the segment enters, unlike A_min in the proof of Prop. 1",
    setting=INCREMENTS,
    strategies=SEARCHES,
    proofs=(Proof("one vector at a time", remainder_bound),),
)
LEMMA_1_ANGLE = Claim(
    id="lemma-1-angle",
    source=SOURCE,
    origin=Origin.OURS,
    reading="finite",
    amends="lemma-1",
    given=SHORTER,
    concludes=(TURN,),
    expected=Verdict.PROVED,
    remark="the same without a remainder, for increments not longer than their vectors",
    attained=("lemma-1-angle",),
    words=(Word.ATTAINED,),
    setting=INCREMENTS.parametrised(shorter),
    strategies=SEARCHES,
    proofs=(Proof("triangle inequality on the sphere", finite_angle),),
)
CLAIMS = (LEMMA_1_EXPANSION, LEMMA_1, LEMMA_1_SHARP, LEMMA_1_REMAINDER, LEMMA_1_ANGLE)
