"""Lemma 2 (App. A.1): the Hessian of the cosine similarity, and its consequences for the remainder of Lemma 1."""

from ioadapt_theory.claims.language import *

SOURCE_TEXT = "Lemma 2 (App. A.1)"
SMALLER = let("m", minimum(norm(U), norm(V)))
PRINTED_BOUND = hessian_norm(U, V) <= 12 * (1 + abs(S)) / SMALLER**2
BOUND = hessian_norm(U, V) <= (1 + abs(S)) / SMALLER**2
INTEGRAL = abs(R) <= HALF * sup_hessian_norm(U, V, DU, DV) * (norm(DU) ** 2 + norm(DV) ** 2)
REST_U, REST_V = (-rho - ln(1 - rho) for rho in (RHO_U, RHO_V))
EXPLICIT = abs(R) <= 2 * (REST_U + REST_V)
UNIT = 1 / norm(U) * U, 1 / norm(V) * V
L = let("λ", scalar("l"))
spectrum = argued(
    (((L + S) ** 2 - 1).equals((L + S - 1) * (L + S + 1)), "det(λI − H(û, v̂)) on x ⊥ u, v, where H = [−s 1; 1 −s]"),
    ((L * (L + 2 * S) - sine(U, V, "s") ** 2).equals((L + S - 1) * (L + S + 1)),
     "the same in the plane, where û and v̂ move apart; where they move together, λ² = 1 − s²"),
    (sine(U, V, "s") <= 1 + abs(S), "so every eigenvalue has |λ| ≤ 1 + |s|"),
    (hessian_norm(*UNIT) <= 1 + abs(S), "so"),
    (hessian_norm(U, V) <= hessian_norm(*UNIT) / SMALLER**2, "H(u, v) = D H(û, v̂) D with D = diag(I/‖u‖, I/‖v‖)"),
    (BOUND, "put together"),
    numbers="l",
)  # fmt: skip
taylor = argued((INTEGRAL, "R = ∫₀¹ (1 − t) φ''(t) dt for φ(t) = sim(u + tΔu, v + tΔv), |φ''| ≤ ‖H‖(‖Δu‖² + ‖Δv‖²)"))
carried_out = argued(
    ((1 - TIME * RHO_U) * norm(U) <= norm(U + TIME * DU), "triangle inequality, at every place t/(1 + t)"),
    ((1 - TIME * RHO_V) * norm(V) <= norm(V + TIME * DV), "likewise"),
    (((RHO_U - 1) / (1 - RHO_U) - ln(1 - RHO_U) - (RHO_U - 1)).equals(REST_U),
     "∫₀¹ (1 − t)ρ²/(1 − tρ)² dt, with the primitive (ρ − 1)/(1 − tρ) − ln(1 − tρ)"),
    (EXPLICIT, "R = ∫₀¹ (1 − t) φ''(t) dt, and |φ''(t)| ≤ 2‖Δu‖²/‖u + tΔu‖² + 2‖Δv‖²/‖v + tΔv‖² by lemma-2-sharp"),
    numbers="t",
)  # fmt: skip


def of_equal_length(s: Fraction, m: Fraction) -> dict[str, Any]:
    """Vectors u and v of length m with the cosine s; Δu = Δv = 0."""
    q = root(1 - s * s)
    return {"u": [m, 0, 0], "v": [m * s, m * q, 0], "du": [0, 0, 0], "dv": [0, 0, 0]}


def opposite_turns(near: Fraction) -> dict[str, Any]:
    """Equal vectors u = v, and Δv = −Δu, short and orthogonal to u."""
    return {"u": [1, 0], "v": [1, 0], "du": [0, root(near)], "dv": [0, -root(near)]}


on_increments = partial(Claim, source=SOURCE_TEXT, setting=INCREMENTS, strategies=SEARCHES)
after = partial(on_increments, source="Remainder bound after Lemma 2 (App. A.1)")
CLAIMS = (
    on_increments(id="lemma-2", origin=PRINTED, concludes=(PRINTED_BOUND,), proofs=(By(("lemma-2-sharp",)),)),
    on_increments(
        id="lemma-2-sharp", reading="sharp, C = 1", amends="lemma-2", concludes=(BOUND,),
        proofs=(spectrum, Attained(of_equal_length, {sim(U, V): COSINES_TRIED, SMALLER: LENGTHS_TRIED})),
        attained=("lemma-2-sharp",), words=(ATTAINED, SHARP),
    ),
    after(
        id="lemma-2-integral", origin=READING, reading="for a segment that avoids 0", given=(AVOIDS_ZERO,),
        concludes=(INTEGRAL,), proofs=(taylor, Attained(opposite_turns, approaches=True)), words=(FACTOR,),
        setting=INCREMENTS.parametrised(partial(shorter, most=0.5)),  # short enough for the grid on the segment
    ),
    after(
        id="lemma-2-remainder", reading="explicit", amends="lemma-2-integral", given=STRICTLY_SHORTER,
        concludes=(EXPLICIT,), proofs=(carried_out,), setting=INCREMENTS.parametrised(shorter),
    ),
)  # fmt: skip
