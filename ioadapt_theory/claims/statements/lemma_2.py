"""Lemma 2 (App. A.1): the Hessian of the cosine similarity, and what it says about the remainder of Lemma 1."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Check,
    Step,
    computed,
    found,
    nonnegative,
    reached,
    simplifies,
    vanishes,
    zero,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.tree import (
    HALF,
    hessian_norm,
    let,
    ln,
    minimum,
    norm,
    sup_hessian_norm,
)
from ioadapt_theory.claims.settings.increments import (
    AVOIDS_ZERO,
    BELOW_ONE,
    DU,
    DV,
    INCREMENTS,
    RHO_U,
    RHO_V,
    R,
    S,
    U,
    V,
    short,
    shorter,
)
from ioadapt_theory.claims.statements.lemma_1 import SEARCHES

SOURCE = "Lemma 2 (App. A.1)"
SMALLER = let("m", minimum(norm(U), norm(V)))
PLANE = (0, 1, 4, 5)
"""Coordinates of u and v in the plane they span, for d = 4."""
FIRST, SECOND = (2, 6), (3, 7)
"""The two directions orthogonal to it."""


def at_unit_vectors(d: int) -> tuple[Any, Any, Any]:
    """Return the 2d x 2d Hessian at u = e₁, v = s e₁ + q e₂, q² = 1 − s², and the symbols s, q."""
    sp = sympy()
    x = sp.symbols(f"x:{2 * d}", real=True)
    s, q = sp.symbols("s q", real=True)
    u, v = x[:d], x[d:]
    cosine = sum(a * b for a, b in zip(u, v, strict=True)) / sp.sqrt(sum(a**2 for a in u) * sum(b**2 for b in v))
    point = dict.fromkeys(x, 0) | {x[0]: 1, x[d]: s, x[d + 1]: q}
    return sp.hessian(cosine, x).subs(point).subs(s**2 + q**2, 1), s, q


def spectrum() -> Iterator[Step]:
    """At unit vectors H has the eigenvalues −s + 1, −s − 1 (d − 1 times each) and ±√(1 − s²).

    The plane of u and v decouples from each direction orthogonal to it.
    """
    sp = sympy()
    h, s, q = at_unit_vectors(4)
    lam = sp.Symbol("lambda", real=True)
    circle = q**2 - (1 - s**2)
    blocks = (PLANE, FIRST, SECOND)
    off = [h[i, j] for a in blocks for b in blocks if a is not b for i in a for j in b]
    yield Step("plane and orthogonal directions decouple", Check(all(vanishes(e, circle).holds for e in off)))
    first, second = h.extract(FIRST, FIRST), h.extract(SECOND, SECOND)
    yield Step("every orthogonal direction adds the same block", found(first, second))
    orthogonal = lam**2 + 2 * s * lam - (1 - s**2)
    yield Step("charpoly of it: λ² + 2sλ − (1 − s²)", vanishes((lam * sp.eye(2) - first).det() - orthogonal, circle))
    plane = (lam * sp.eye(4) - h.extract(PLANE, PLANE)).det()
    yield Step(
        "charpoly in the plane: (λ² + 2sλ − (1 − s²))(λ² − (1 − s²))",
        vanishes(plane - orthogonal * (lam**2 - (1 - s**2)), circle),
    )
    yield Step("(λ + s − 1)(λ + s + 1) = λ² + 2sλ − (1 − s²)", vanishes((lam + s - 1) * (lam + s + 1) - orthogonal))


def scaling() -> Iterator[Step]:
    """H(u, v) = D H(û, v̂) D with D = diag(I/‖u‖, I/‖v‖), so ‖H‖ ≤ ‖H(û, v̂)‖/m²."""
    sp = sympy()
    big_u, big_v = sp.symbols("U V", positive=True)
    x = sp.symbols("x:4", real=True)
    cosine = (x[0] * x[2] + x[1] * x[3]) / sp.sqrt((x[0] ** 2 + x[1] ** 2) * (x[2] ** 2 + x[3] ** 2))
    h = sp.hessian(cosine, x)
    scale = sp.diag(1 / big_u, 1 / big_u, 1 / big_v, 1 / big_v)
    t = sp.Symbol("t", real=True)  # s, q on the rational circle, so that the roots resolve
    s, q = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    there = h.subs(dict(zip(x, (big_u, 0, big_v * s, big_v * q), strict=True)))
    here = h.subs(dict(zip(x, (1, 0, s, q), strict=True)))
    yield Step("H(u, v) = D H(û, v̂) D", zero([sp.simplify(e) for e in there - scale * here * scale]))


@computed("‖H(u, v)‖ ≤ (1 + |s|)/m², with equality at unit vectors")
def bound(claim: Claim) -> Iterator[Step]:
    """Scale to unit vectors; the largest |eigenvalue| there is 1 + |s|; the claim's constant is at least that."""
    sp = sympy()
    yield from spectrum()
    a, m = sp.symbols("a m", positive=True)
    yield Step("(1 + |s|)² − (1 − s²) = 2|s|(1 + |s|)", vanishes((1 + a) ** 2 - (1 - a**2) - 2 * a * (1 + a)))
    yield Step("which is ≥ 0, so ±√(1 − s²) are not the largest", nonnegative(2 * a * (1 + a)))
    yield from scaling()
    largest = max((1 + a, abs(-a + 1)), key=lambda x: x.subs(a, sp.Rational(1, 2)))  # |−s ± 1| for s = a
    constant = sp.simplify(symbolic(claim.goals[0].right, {abs(S): a, SMALLER: m}) / (largest / m**2))
    yield Step(
        "the right side is a constant C ≥ 1 times (1 + |s|)/m²",
        Check(bool(constant.is_number and constant >= 1)),
        reaches=True,
    )


@computed("at unit vectors, ‖H‖ = 1 + |s|: no constant below 1 will do")
def best_constant(claim: Claim) -> Iterator[Step]:
    """The eigenvalue of the spectrum that is largest."""
    sp = sympy()
    yield from spectrum()
    s = sp.Symbol("s", nonnegative=True)
    yield reached(claim, abs(-s - 1), {abs(S): s, SMALLER: 1})


@computed("|R| ≤ ½ sup ‖H‖(‖Δu‖² + ‖Δv‖²) along a segment that avoids 0")
def taylor(claim: Claim) -> Iterator[Step]:
    """R = ∫(1 − t)φ''(t) dt for φ(t) = s(u + tΔu, v + tΔv), and φ'' = ΔᵀHΔ."""
    sp = sympy()
    t, x, y, h = sp.symbols("t x y H", positive=True)
    phi = sp.Function("phi")
    primitive = (1 - t) * sp.diff(phi(t), t) + phi(t)
    yield Step(
        "(1 − t)φ'' is the derivative of (1 − t)φ' + φ, so its integral is φ(1) − φ(0) − φ'(0) = R",
        vanishes(sp.diff(primitive, t) - (1 - t) * sp.diff(phi(t), t, 2)),
    )
    weight = sp.integrate(1 - t, (t, 0, 1))
    yield Step("∫(1 − t) dt = ½", found(weight, sp.Rational(1, 2)))
    known = {sup_hessian_norm(U, V, DU, DV): h, norm(DU): x, norm(DV): y}
    yield reached(claim, weight * h * (x**2 + y**2), known)


@computed("u = v, Δv = −Δu orthogonal to it: R/(½ · 2 · 2x²) → −1 as x = ‖Δu‖ → 0, so the factor ½ is sharp")
def half_is_sharp(claim: Claim) -> Iterator[Step]:
    """The cosine of opposite turns, where ‖H‖ ≤ 2/(1 + x²t²)."""
    sp = sympy()
    x = sp.Symbol("x", positive=True)
    turned = (1 - x**2) / (1 + x**2)
    right = symbolic(claim.goals[0].right, {sup_hessian_norm(U, V, DU, DV): 2, norm(DU): x, norm(DV): x})
    yield Step("R over the right side tends to −1", found(sp.limit((turned - 1) / right, x, 0), -1), reaches=True)


@computed("|R| ≤ 2 Σ(−ρ − ln(1 − ρ)) over ρ = ‖Δu‖/‖u‖, ‖Δv‖/‖v‖ < 1")
def explicit_remainder(claim: Claim) -> Iterator[Step]:
    """The supremum carried out: H = D H₀ D with ‖H₀‖ ≤ 1 + |s| ≤ 2, and ‖u + tΔu‖ ≥ ‖u‖(1 − tρ)."""
    sp = sympy()
    yield from (s for s in bound.chain(LEMMA_2_SHARP) if not s.reaches)
    yield from (s for s in taylor.chain(LEMMA_2_INTEGRAL) if not s.reaches)
    t, rho, other = sp.symbols("t rho other", positive=True)
    weighted = (1 - t) * rho**2 / (1 - t * rho) ** 2
    primitive = (rho - 1) / (1 - t * rho) - sp.log(1 - t * rho)
    yield Step("a primitive of (1 − t)ρ²/(1 − tρ)²", vanishes(sp.diff(primitive, t) - weighted))
    total = sp.simplify(primitive.subs(t, 1) - primitive.subs(t, 0))
    yield Step("∫ from 0 to 1 = −ρ − ln(1 − ρ)", simplifies(total + rho + sp.log(1 - rho)))
    derived = 2 * (total + total.subs(rho, other))
    right = symbolic(claim.goals[0].right, {RHO_U: rho, RHO_V: other})
    yield Step("twice the sum is the right side", simplifies(derived - right), reaches=True)


LEMMA_2 = Claim(
    id="lemma-2",
    source=SOURCE,
    origin=Origin.PRINTED,
    concludes=(hessian_norm(U, V) <= 12 * (1 + abs(S)) / SMALLER**2,),
    expected=Verdict.PROVED,
    remark="twelve times too large",
    setting=INCREMENTS,
    strategies=SEARCHES,
    proofs=(Proof("exact spectrum", bound),),
)
LEMMA_2_SHARP = Claim(
    id="lemma-2-sharp",
    source=SOURCE,
    origin=Origin.OURS,
    reading="sharp, C = 1",
    amends="lemma-2",
    concludes=(hessian_norm(U, V) <= (1 + abs(S)) / SMALLER**2,),
    expected=Verdict.PROVED,
    remark="equality for ‖u‖ = ‖v‖; at unit norms the eigenvalues are 1 − s, −1 − s and ±√(1 − s²)",
    attained=("lemma-2-sharp",),
    words=(Word.ATTAINED, Word.SHARP),
    setting=INCREMENTS,
    strategies=SEARCHES,
    proofs=(
        Proof("exact spectrum", bound),
        Proof("the largest eigenvalue", best_constant, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
LEMMA_2_INTEGRAL = Claim(
    id="lemma-2-integral",
    source="Remainder bound after Lemma 2 (App. A.1)",
    origin=Origin.PRINTED,
    given=(AVOIDS_ZERO,),
    concludes=(abs(R) <= HALF * sup_hessian_norm(U, V, DU, DV) * (norm(DU) ** 2 + norm(DV) ** 2),),
    expected=Verdict.PROVED,
    remark="needs a segment that avoids 0, which the text does not say; the factor ½ is sharp",
    words=(Word.SHARP,),
    setting=INCREMENTS.parametrised(short),
    strategies=SEARCHES,
    proofs=(
        Proof("Taylor's theorem with integral remainder", taylor),
        Proof("opposite turns", half_is_sharp, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
LEMMA_2_REMAINDER = Claim(
    id="lemma-2-remainder",
    source="Remainder bound after Lemma 2 (App. A.1)",
    origin=Origin.OURS,
    reading="explicit",
    amends="lemma-2-integral",
    given=BELOW_ONE,
    concludes=(abs(R) <= 2 * (-RHO_U - ln(1 - RHO_U) + (-RHO_V - ln(1 - RHO_V))),),
    expected=Verdict.PROVED,
    remark="the sup carried out with C = 1; nothing along the segment is left in it",
    setting=INCREMENTS.parametrised(shorter),
    strategies=SEARCHES,
    proofs=(Proof("the supremum carried out", explicit_remainder),),
)
CLAIMS = (LEMMA_2, LEMMA_2_SHARP, LEMMA_2_INTEGRAL, LEMMA_2_REMAINDER)
