"""Lemma 1 (App. A.1): first-order expansion of the cosine similarity, its norm bound (Eq. 8) and its remainder.

The lemma is about inner products alone, so it holds in any dimension. In the proofs, ρ_u = ‖Δu‖/‖u‖, r = ‖u + Δu‖/‖u‖,
and x is the cosine of u and u + Δu.
"""

from ioadapt_theory.claims.language import *

SOURCE_TEXT = "Lemma 1 (App. A.1)"
SQUARES = RHO_U**2 + RHO_V**2
C_PLUS, C_MINUS = (let(f"c{sign}", sqrt((1 + s) / 2)) for sign, s in (("₊", S), ("₋", -S)))
"""cos(θ/2) and sin(θ/2), where θ is the angle between u and v."""
C = let("c", sqrt((1 + abs(S)) / 2))

EQ_8 = abs(DELTA) <= (1 + abs(S)) * (RHO_U + RHO_V)
EQ_8_SHARP = abs(DELTA) <= sine(U, V, "s") * (RHO_U + RHO_V)
ABOVE, BELOW = R <= C_MINUS * (1 + C_MINUS) * SQUARES, -R <= C_PLUS * (1 + C_PLUS) * SQUARES
REMAINDER = abs(R) <= C * (1 + C) * SQUARES
EXPANSION = abs(R) <= landau(norm(DU) ** 2 + norm(DV) ** 2)
TURN = abs(angle(U + DU, V + DV) - angle(U, V)) <= arcsin(RHO_U) + arcsin(RHO_V)


def gradient(u: Term, v: Term) -> Term:
    """Return the gradient of the cosine with respect to u, ∇ᵤs = v/(‖u‖‖v‖) − s u/‖u‖²."""
    return 1 / (norm(u) * norm(v)) * v - sim(u, v) / norm(u) ** 2 * u


GRADIENT_U, GRADIENT_V = let("∇ᵤs", gradient(U, V)), let("∇ᵥs", gradient(V, U))


def along_gradients(s: Fraction, a: Fraction, b: Fraction) -> dict[str, Any]:
    """Unit vectors u, v of cosine s; Δu is a multiple of v − su, and Δv of u − sv."""
    q = root(1 - s * s)
    return {"u": [1, 0], "v": [s, q], "du": [0, a], "dv": [b * q, -b * s]}


def annihilated(s: Fraction, near: Fraction) -> dict[str, Any]:
    """Unit vectors, u + Δu = ηF for η → 0, v + Δv = F/(2c(1 + c)), F = (1 + 2c)v − u for s ≤ 0 (−v, −Δv for s > 0)."""
    v, c = [-abs(s), root(1 - s * s)], root((1 + abs(s)) / 2)
    sign = -1 if s > 0 else 1  # R ≥ 0 for s < 0; for s > 0, v has the opposite sign
    f = [(1 + 2 * c) * v[0] - 1, (1 + 2 * c) * v[1]]
    moved = [x / (2 * c * (1 + c)) for x in f]
    return {
        "u": [1, 0],
        "v": [sign * x for x in v],
        "du": [near * f[0] - 1, near * f[1]],
        "dv": [sign * (y - x) for x, y in zip(v, moved, strict=True)],
    }


one_side = told(
    "K = c(1 + c), c = c₋, so s = 1 − 2c²; ‖u‖ = ‖v‖ = 1, p = u + Δu, q = v + Δv, E = (1 + 2c)u − v, F = (1 + 2c)v − "
    "u, z = sim(p, q)",
    "«K(‖p‖² − 2⟨p, u⟩ + 1 + ‖q‖² − 2⟨q, v⟩ + 1) − (z − s − ⟨p, v⟩ + s⟨p, u⟩ − ⟨q, u⟩ + s⟨q, v⟩)"
    " = [K‖p‖² − ⟨p, E⟩] + [K‖q‖² − ⟨q, F⟩] + 1 + 2c − z» = K(ρ_u² + ρ_v²) − R",
    "‖E‖² = ‖F‖² = «(1 + 2c)² + 1 − 2(1 + 2c)s = 8c²(1 + c)» = N²",
    "⟨E, F⟩ = «s(1 + (1 + 2c)²) − 2(1 + 2c) = −cN²»",
    "r = ‖p‖, w = ⟨p, E⟩/(rN): «K(Kr² − rNw + 2cw²) = (Kr − Nw/2)²» ≥ 0, so K‖p‖² − ⟨p, E⟩ ≥ −2cw²; so for q and F",
    "to show: 2c(a² + b² − 1) ≤ 1 − z for a = ⟨x, e⟩, b = ⟨y, f⟩, z = ⟨x, y⟩ and the unit vectors e = E/N, f = F/N, "
    "x = p/‖p‖, y = q/‖q‖, where 0 < a, 0 < b, 1 < a² + b², else it is clear",
    "h = ⟨e, y⟩, A = √(1 − a²), and likewise capitals from now on: the Gram determinant of e, x, y = "
    "«1 + 2ahz − a² − h² − z² = (1 − a²)(1 − h²) − (z − ah)²» ≥ 0, so (z − ah)² ≤ A²H²",
    "the Gram determinant of e, y, f = «1 − 2hcb − h² − c² − b² = (1 − c²)(1 − b²) − (h + cb)²» ≥ 0, so "
    "h ≤ h₀ = CB − cb < B < a",
    "H₀ = Cb + cB: «(CB − cb)² + (Cb + cB)² = 1»; z ≤ ah + AH ≤ ah₀ + AH₀, as the middle increases in h up to a",
    "ah₀ + AH₀ = «a(CB − cb) + A(Cb + cB) = C(aB + Ab) − c(ab − AB)» = C sin(α + β) − c cos(α + β), a = cos α, b = "
    "cos β",
    "«a² + b² − 1 = (ab − AB)(ab + AB)» = cos(α + β) cos(α − β) ≤ cos(α + β), as "
    "1 − cos(α − β) = «1 − ab − AB = ((a − b)² + (A − B)²)/2» ≥ 0",
    "with k = cos(α + β) and t = sin(α + β), so, 1 − z − 2c(a² + b² − 1) ≥ "
    "«1 − (Ct − ck) − 2ck = ((c − k)² + (C − t)²)/2» ≥ 0",
    let={"K": "c(1 + c)", "s": "1 − 2c²", "⟨p, E⟩": "(1 + 2c)⟨p, u⟩ − ⟨p, v⟩", "⟨q, F⟩": "(1 + 2c)⟨q, v⟩ − ⟨q, u⟩",
         "N²": "8c²(1 + c)", "N": "c√(8(1 + c))"},
    given=("a² + A² = 1", "b² + B² = 1", "c² + C² = 1", "k² + t² = 1"),
    positive="c r"
)  # fmt: skip
other_side = told(
    "the first side is R ≤ c₋(1 + c₋)(ρ_u² + ρ_v²); the second is that of −v and −Δv in place of v and Δv, where "
    "s becomes −s and R becomes −R: s(u, −v) = −s, R(u, −v, Δu, −Δv) = −R",
    "c₋ becomes c₊, as «(1 − (−s))/2 = (1 + s)/2» = c₊²",
)
larger = told(
    "lemma-1-remainder: R ≤ c₋(1 + c₋)(ρ_u² + ρ_v²), −R ≤ c₊(1 + c₊)(ρ_u² + ρ_v²)",
    "c = max(c₋, c₊), so |R| ≤ c(1 + c)(ρ_u² + ρ_v²), as both factors increase",
)


expansion = told(
    "δ = the derivative of s(u + tΔu, v + tΔv) in t at 0",
    "|R| ≤ c(1 + c)(‖Δu‖²/‖u‖² + ‖Δv‖²/‖v‖²) by lemma-1-remainder-best",
)


ON_THE_SPHERE = spelled(
    "r = ‖u + Δu‖/‖u‖, ρ = ‖Δu‖/‖u‖, x = sim(u, u + Δu): «ρ² − (1 − x²) = (r − x)²» ≥ 0, so √(1 − x²) ≤ ρ",
    "for ρ ≤ 1 the angle is acute, as «2rx = (1 − ρ²) + r²» > 0, so arccos x ≤ arcsin ρ",
    let={"ρ": "√(1 + r² − 2rx)"},
)


@reaching(TURN)
def finite_angle(goal: Relation) -> Iterator[Step]:
    """Show that Δu turns u by at most arcsin ρ_u, ρ_u = ‖Δu‖/‖u‖ ≤ 1; the turns of u and v add up."""
    yield from ON_THE_SPHERE(goal)
    f, g = sympy().symbols("rho_u rho_v")
    yield reached(goal, sympy().asin(f) + sympy().asin(g), {RHO_U: f, RHO_V: g})


HALVED = (Fraction(-7, 25), Fraction(-119, 169), Fraction(7, 25), Fraction(1))
"""Cosines s for which √(1 − s²) and √((1 + |s|)/2) are rational."""
on_increments = partial(Claim, source=SOURCE_TEXT, expected=PROVED, setting=INCREMENTS, strategies=SEARCHES)
CLAIMS = (
    Claim(
        id="lemma-1-expansion",
        source="Lemma 1, Eq. 7 (App. A.1)",
        origin=PRINTED,
        concludes=(EXPANSION,),
        proofs=(expansion,),
        expected=PROVED,
    ),
    on_increments(
        id="lemma-1",
        source="Lemma 1, Eq. 8 (App. A.1)",
        origin=PRINTED,
        concludes=(EQ_8,),
        proofs=(
            derived(
                EQ_8.left,
                Link("the sharp form", EQ_8_SHARP.right),
                Link("√(1 − s²) ≤ 1 + |s|", EQ_8.right),
            ),
        ),
        attained=("lemma-1",),
        words=(ATTAINED,),
        remark="tight only at s = 0; too large by √((1 + |s|)/(1 − |s|))",
    ),
    on_increments(
        id="lemma-1-sharp",
        reading="sharp",
        amends="lemma-1",
        concludes=(EQ_8_SHARP,),
        proofs=(
            derived(
                EQ_8_SHARP.left,
                Link("δ is linear in Δu and Δv", abs(dot(GRADIENT_U, DU) + dot(GRADIENT_V, DV))),
                Link("triangle inequality", abs(dot(GRADIENT_U, DU)) + abs(dot(GRADIENT_V, DV))),
                Link("Cauchy-Schwarz", norm(GRADIENT_U) * norm(DU) + norm(GRADIENT_V) * norm(DV)),
                Link("‖∇ᵤs‖ = √(1 − s²)/‖u‖", EQ_8_SHARP.right),
            ),
            Attained(along_gradients, {sim(U, V): COSINES_TRIED, RHO_U: LENGTHS_TRIED, RHO_V: LENGTHS_TRIED}),
        ),
        attained=("lemma-1-sharp",),
        words=(ATTAINED, SHARP),
        remark="attained for every s by Δu ∝ v̂ − sû, Δv ∝ û − sv̂",
    ),
    on_increments(
        id="lemma-1-remainder",
        reading="with a constant, on either side",
        amends="lemma-1-expansion",
        concludes=(ABOVE, BELOW),
        proofs=(one_side, other_side),
    ),
    on_increments(
        id="lemma-1-remainder-best",
        reading="with the least constant for every s",
        amends="lemma-1-expansion",
        concludes=(REMAINDER,),
        proofs=(
            larger,
            Attained(annihilated, {sim(U, V): HALVED}, approaches=True, factor=C * (1 + C)),
        ),
        words=(SHARP,),
        remark="at most 2, and 2 only for |s| = 1",
    ),
    on_increments(
        id="lemma-1-angle",
        reading="finite",
        amends="lemma-1",
        given=SHORTER,
        concludes=(TURN,),
        proofs=(finite_angle,),
        attained=("lemma-1-angle",),
        words=(ATTAINED,),
        setting=INCREMENTS.parametrised(shorter),
    ),
)
