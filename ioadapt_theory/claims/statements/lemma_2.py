"""Lemma 2 (App. A.1): the Hessian of the cosine similarity, and its consequences for the remainder of Lemma 1."""

from ioadapt_theory.claims.language import *

SOURCE_TEXT = "Lemma 2 (App. A.1)"
SMALLER = let("m", minimum(norm(U), norm(V)))
PRINTED_BOUND = hessian_norm(U, V) <= 12 * (1 + abs(S)) / SMALLER**2
BOUND = hessian_norm(U, V) <= (1 + abs(S)) / SMALLER**2
INTEGRAL = abs(R) <= HALF * sup_hessian_norm(U, V, DU, DV) * (norm(DU) ** 2 + norm(DV) ** 2)
EXPLICIT = abs(R) <= 2 * (-RHO_U - ln(1 - RHO_U) + (-RHO_V - ln(1 - RHO_V)))
spectrum = told(
    "unit vectors û, v̂ of cosine s, q = √(1 − s²): their plane decouples from the directions orthogonal to it",
    "in an orthogonal direction H = [−s 1; 1 −s] and det(λI − H) = «(λ + s)² − 1 = (λ + s − 1)(λ + s + 1)»",
    "in the plane, each increment along its vector and across it: H(x, y; −x, y) = −q(y, x; −y, x), so |λ| = q",
    "H(x, y; x, −y) = (−qy, −qx − 2sy; −qy, qx + 2sy), and det(λI − H) = «λ(λ + 2s) − q² = (λ + s − 1)(λ + s + 1)» "
    "again",
    "so |λ| ≤ 1 + |s|, and q² ≤ (1 + |s|)², as «(1 + a)² − (1 − a²) = 2a(1 + a)» for a = |s|",
    "H(u, v) = D H(û, v̂) D with D = diag(I/‖u‖, I/‖v‖), so ‖H(u, v)‖ ≤ ‖H(û, v̂)‖/m² for m = min(‖u‖, ‖v‖)",
    given=("q² + s² = 1",),
)
twelve = told(
    "‖H‖ ≤ (1 + a)/m² < 12(1 + a)/m² by lemma-2-sharp, a = |s|, m = min(‖u‖, ‖v‖)",
)


taylor = told(
    "φ(t) = s(u + tΔu, v + tΔv), Δ = (Δu, Δv): φ''(t) = ΔHΔᵀ ≤ ‖H‖(‖Δu‖² + ‖Δv‖²)",
    "(1 − t)φ''(t) = ((1 − t)φ' + φ)', so ∫((1 − t)φ''(t)) dt = φ(1) − φ(0) − φ'(0) = R; ∫(1 − t) dt = ½",
)


@reaching(EXPLICIT)
def carried_out(goal: Relation) -> Iterator[Step]:
    """Bound the Hessian as in lemma-2-sharp, with ‖u + tΔu‖ ≥ ‖u‖ − t‖Δu‖, and integrate as in lemma-2-integral."""
    sp = sympy()
    t, rho, other = positives("t rho other")
    primitive = (rho - 1) / (1 - t * rho) - sp.log(1 - t * rho)
    weighted = (1 - t) * rho**2 / (1 - t * rho) ** 2
    yield Step("d/dt((ρ − 1)/(1 − tρ) − ln(1 − tρ)) = (1 − t)ρ²/(1 − tρ)²", vanishes(sp.diff(primitive, t) - weighted))
    each = sp.simplify(primitive.subs(t, 1) - primitive.subs(t, 0))
    yield Step("∫((1 − t)ρ²/(1 − tρ)²) dt = −ρ − ln(1 − ρ) from 0 to 1", simplifies(each + rho + sp.log(1 - rho)))
    yield reached(goal, 2 * (each + each.subs(rho, other)), {RHO_U: rho, RHO_V: other}, by=simplifies)


def of_equal_length(s: Fraction, m: Fraction) -> dict[str, Any]:
    """Vectors u and v of length m with the cosine s; Δu = Δv = 0."""
    q = root(1 - s * s)
    return {"u": [m, 0, 0], "v": [m * s, m * q, 0], "du": [0, 0, 0], "dv": [0, 0, 0]}


def opposite_turns(near: Fraction) -> dict[str, Any]:
    """Equal vectors u = v, and Δv = −Δu, short and orthogonal to u."""
    return {"u": [1, 0], "v": [1, 0], "du": [0, root(near)], "dv": [0, -root(near)]}


on_increments = partial(Claim, source=SOURCE_TEXT, expected=PROVED, setting=INCREMENTS, strategies=SEARCHES)
after = partial(on_increments, source="Remainder bound after Lemma 2 (App. A.1)")
CLAIMS = (
    on_increments(
        id="lemma-2",
        origin=PRINTED,
        concludes=(PRINTED_BOUND,),
        proofs=(twelve,),
        remark="twelve times larger than necessary",
    ),
    on_increments(
        id="lemma-2-sharp",
        reading="sharp, C = 1",
        amends="lemma-2",
        concludes=(BOUND,),
        proofs=(
            spectrum,
            Attained(
                of_equal_length,
                {sim(U, V): COSINES_TRIED, SMALLER: LENGTHS_TRIED},
            ),
        ),
        attained=("lemma-2-sharp",),
        words=(ATTAINED, SHARP),
        remark="equality for ‖u‖ = ‖v‖; at unit norms the eigenvalues are 1 − s, −1 − s and ±√(1 − s²)",
    ),
    after(
        id="lemma-2-integral",
        origin=READING,
        reading="for a segment that avoids 0",
        given=(AVOIDS_ZERO,),
        concludes=(INTEGRAL,),
        proofs=(taylor, Attained(opposite_turns, approaches=True)),
        words=(FACTOR,),
        setting=INCREMENTS.parametrised(partial(shorter, most=0.5)),  # short enough for the grid on the segment
        remark="no factor below ½ will do",
    ),
    after(
        id="lemma-2-remainder",
        reading="explicit",
        amends="lemma-2-integral",
        given=STRICTLY_SHORTER,
        concludes=(EXPLICIT,),
        proofs=(carried_out,),
        setting=INCREMENTS.parametrised(shorter),
    ),
)
