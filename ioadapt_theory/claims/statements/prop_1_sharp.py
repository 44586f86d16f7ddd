"""Proposition 1 corrected: the closest true statement, and sharp ones in terms of the data and of W.

α = ‖x₁‖/‖x₁W‖, β = ‖x₂‖/‖x₂W‖, θ₀ is the angle between the outputs y₁ and y₂, θ_x that between the inputs. M = AB.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import both, bound, by_norms, moved


def alpha_beta(m: Model) -> tuple[Term, Term]:
    return let(f"α{m.prime}", m.stretches[0]), let(f"β{m.prime}", m.stretches[1])


def together(m: Model) -> Term:
    return let(f"cos(θ_x{m.prime} + θ₀{m.prime})", sim(m.x1, m.x2) * m.s0 - sine(m.x1, m.x2) * m.sine0)


def nuclear(m: Model) -> Term:
    """Return the nuclear norm of the gradient, with respect to a LoRA's AB, of the cosine of one model's outputs."""
    a, b = alpha_beta(m)
    return m.sine0 * sqrt((a - b) ** 2 + 2 * a * b * (1 - together(m)))


def by_singular_values(m: Model) -> Term:
    """Return (1 − s₀²)(1/s_c + 1/s_{c−1}), s₀ the outputs' cosine and s_c ≤ s_{c−1} the least singular values of W."""
    return m.sine0**2 * (1 / sigma(m.w, 1) + 1 / sigma(m.w, 2))


RHS_SINE = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]), *MODELS)
RHS_SHARP = EPSILON * total(nuclear, *MODELS)
RHS_WEIGHTS = EPSILON * total(by_singular_values, *MODELS)


def gradient(m: Model) -> Term:
    """Return the gradient of the cosine of one model's outputs with respect to a LoRA's AB."""
    return let(f"G{m.prime}", outer(m.x1, slope(m.y1, m.y2)) + outer(m.x2, slope(m.y2, m.y1)))


def units(m: Model) -> tuple[Term, Term]:
    return let(f"u{m.prime}", 1 / norm(m.y1) * m.y1), let(f"v{m.prime}", 1 / norm(m.y2) * m.y2)


def kernel(m: Model) -> Term:
    """Return the matrix K for which the outputs' cosine changes by ⟨N, K⟩, to first order, if I + N follows them."""
    u, v = units(m)
    return let(f"K{m.prime}", outer(u, v) + outer(v, u) - m.s0 * (outer(u, u) + outer(v, v)))


def of_data(m: Model) -> tuple[Any, ...]:
    """Return the steps that bound |⟨AB, G⟩| for ‖AB‖₂ ≤ ε by ε times the sum of the singular values of G."""
    g, (a, b) = gradient(m), alpha_beta(m)
    area, largest = let(f"a{m.prime}", a * b * sine(m.x1, m.x2) * m.sine0**3), spectral(g)
    return (
        (moved(m, LORA).equals(inner(AB, g)), "linear in AB"),
        ((fro(g) ** 2).equals(m.sine0**2 * (a**2 + b**2 - 2 * a * b * sim(m.x1, m.x2) * m.s0)), "expand"),
        ((fro(g) ** 2).equals(largest**2 + (area / largest) ** 2),
         "rank 2; both singular values multiply to the product of the areas spanned by the x and by the slopes"),
        ((nuclear(m) ** 2).equals((largest + area / largest) ** 2), "the last two lines"),
        (abs(moved(m, LORA)) <= spectral(AB) * (largest + area / largest), "duality of ‖AB‖₂ and the nuclear norm"),
        (abs(moved(m, LORA)) <= EPSILON * nuclear(m), "the hypothesis on AB"),
    )  # fmt: skip


def of_weights(m: Model) -> tuple[Any, ...]:
    k = kernel(m)
    return (
        (m.x1.equals(m.y1 @ pinv(m.w)), "W of full row rank"),
        (m.x2.equals(m.y2 @ pinv(m.w)), "likewise"),
        (moved(m, LORA).equals(inner(pinv(m.w) @ AB, k)), "AB beside W is I + W⁺AB behind it"),
        ((fro(k) ** 2).equals(2 * m.sine0**4), "expand"),
        (spectral(k).equals(m.sine0**2), "so both singular values of K are 1 − s₀²"),
        (abs(moved(m, LORA)) <= EPSILON * by_singular_values(m),
         "‖W⁺ᵀK‖_* is at most ‖K‖₂ times the sum of the two largest singular values of W⁺"),
    )  # fmt: skip


def adds_up(placement: Placement, right: Term) -> tuple[Any, ...]:
    first = first_order(distance(placement))
    return (
        (first <= both(lambda m: abs(moved(m, placement))), "triangle inequality"),
        (first <= right, "the bounds of both models"),
    )


def turned_over(s: Fraction, s_x: Fraction, a: Fraction, b: Fraction) -> dict[str, Any]:
    """Any W and inputs, W' = −W with the same inputs, AB = ε times the polar factor of the similarity's gradient."""
    q, q_x = root(1 - s * s), root(1 - s_x * s_x)
    x1, x2 = [a, Fraction(0)], [b * s_x, b * q_x]
    w = [[1 / a, Fraction(0)], [(s - b * s_x / a) / (b * q_x), q / (b * q_x)]]  # y₁ = (1, 0), y₂ = (s, q)
    g1, g2 = [Fraction(0), q], [q * q, -s * q]  # y₂ − sy₁ and y₁ − sy₂
    g = [[x1[i] * g1[j] + x2[i] * g2[j] for j in range(2)] for i in range(2)]
    (p, q), (r, t) = g  # of negative determinant
    polar = [[p - t, q + r], [q + r, t - p]]
    length = 10 * root(polar[0][0] ** 2 + polar[0][1] ** 2)
    inputs = {"x1": x1, "x2": x2, "x1_target": x1, "x2_target": x2}
    return {"W": w, "W_target": [[-x for x in r] for r in w], **inputs, "epsilon": "1/10",
            "AB": [[x / length for x in r] for r in polar]}  # fmt: skip


def on_singular_axes(low: Fraction, high: Fraction, s: Fraction) -> dict[str, Any]:
    """W = diag(s_c, s_{c−1}), y = (1, ±h), AB = ε diag(1, −1), and W' = −W with the same inputs."""
    h = root((1 - s) / (1 + s))
    inputs = {"x1": [1 / low, h / high], "x2": [1 / low, -h / high]}
    return {"W": [[low, 0], [0, high]], "W_target": [[-low, 0], [0, -high]], "AB": [["1/10", 0], [0, "-1/10"]],
            **inputs, **{f"{key}_target": x for key, x in inputs.items()}, "epsilon": "1/10"}  # fmt: skip


CLAIMS = (
    bound(
        "prop-1-sine", LORA, RHS_SINE, reading="corrected", amends="prop-1",
        proofs=(by_norms(LORA, lambda m: m.sine0, RHS_SINE),), attained=("ce3", "ce3b", "ce3c", "ce3-double"),
        words=(ATTAINED,),
    ),
    bound(
        "prop-1-sharp", LORA, RHS_SHARP, reading="sharp for given data", amends="prop-1",
        proofs=(
            argued(*of_data(SOURCE), *of_data(TARGET), *adds_up(LORA, RHS_SHARP)),
            Attained(
                turned_over,
                {
                    SOURCE.s0: COSINES_TRIED, sim(SOURCE.x1, SOURCE.x2): COSINES_TRIED,
                    SOURCE.stretches[0]: LENGTHS_TRIED, SOURCE.stretches[1]: LENGTHS_TRIED,
                },
            ),
        ),
        attained=("ce3", "ce3b", "ce3c", "prop-1-weights"), notes=(RHS_SHARP <= RHS_SINE,), words=(ATTAINED, SHARP),
    ),
    bound(
        "prop-1-weights", LORA, RHS_WEIGHTS, more=FULL_ROW_RANK, reading="sharp in terms of W", amends="prop-1",
        proofs=(
            argued(*of_weights(SOURCE), *of_weights(TARGET), *adds_up(LORA, RHS_WEIGHTS)),
            Attained(
                on_singular_axes,
                {
                    sigma(SOURCE.w, 1): (Fraction(1, 3), Fraction(2)), sigma(SOURCE.w, 2): (Fraction(2), Fraction(7)),
                    SOURCE.s0: COSINES_TRIED,
                },
            ),
        ),
        attained=("prop-1-weights",), words=(ATTAINED, SHARP),
    ),
)  # fmt: skip
