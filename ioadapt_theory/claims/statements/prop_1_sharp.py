"""Proposition 1 corrected: the closest true statement, and sharp ones in terms of the data and of W.

α = ‖x₁‖/‖x₁W‖, β = ‖x₂‖/‖x₂W‖, θ₀ is the angle between the outputs y₁ and y₂, θ_x that between the inputs. M = AB.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import bound, by_norms


def alpha(m: Model) -> Term:
    return let(f"α{m.prime}", m.stretches[0])


def beta(m: Model) -> Term:
    return let(f"β{m.prime}", m.stretches[1])


def together(m: Model) -> Term:
    return let(f"cos(θ_x{m.prime} + θ₀{m.prime})", sim(m.x1, m.x2) * m.s0 - sine(m.x1, m.x2) * m.sine0)


def nuclear(m: Model) -> Term:
    """Return the nuclear norm of the gradient, with respect to a LoRA's AB, of the cosine of one model's outputs."""
    a, b = alpha(m), beta(m)
    return m.sine0 * sqrt((a - b) ** 2 + 2 * a * b * (1 - together(m)))


def by_singular_values(m: Model) -> Term:
    """Return (1 − s₀²)(1/s_c + 1/s_{c−1}), s₀ the outputs' cosine and s_c ≤ s_{c−1} the least singular values of W."""
    return m.sine0**2 * (1 / sigma(m.w, 1) + 1 / sigma(m.w, 2))


RHS_SINE = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]), *MODELS)
RHS_SHARP = EPSILON * total(nuclear, *MODELS)
RHS_WEIGHTS = EPSILON * total(by_singular_values, *MODELS)


given_away = argued(Remarked, "what prop-1-sharp saves under the root, C = cos(θ_x + θ₀)")(
    spelled("(α + β)² − (α² + β² − 2αβC) = «(α + β)² − ((α − β)² + 2αβ(1 − C)) = 2αβ(1 + C)» ≥ 0"),
)


data_constant = told(
    "|δ − δ'| ≤ |δ| + |δ'|; scaled so that ‖y₁‖ = ‖y₂‖ = 1, δ = ⟨M, G⟩ ≤ ‖M‖₂‖G‖_* for G = x₁ᵀg₁ + x₂ᵀg₂, "
    "g₁ = y₂ − s₀y₁, g₂ = y₁ − s₀y₂, and rank(G) ≤ 2; norms depend on inner products, so the plane is enough",
    "there y₁ = (1, 0), y₂ = (c, s): g₁ = (0, s), g₂ = (s², −cs), ‖g₂‖² = «s⁴ + c²s² = s²» = ‖g₁‖²",
    "x₁ = α(1, 0), x₂ = β(p, q), p = cos θ_x, q = sin θ_x: ‖G‖_F² = "
    "«(βps²)² + (αs − βpcs)² + (βqs²)² + (βqcs)² = s²(α² + β² − 2αβpc)»",
    "det G = «βps²(−βqcs) − (αs − βpcs)βqs² = −αβqs³», and σ₁σ₂ = |det G|",
    "‖G‖_*² = (σ₁ + σ₂)² = «s²(α² + β² − 2αβpc) + 2αβqs³ = s²(α² + β² − 2αβ(pc − qs))»",
    given=("c² + s² = 1", "p² + q² = 1"),
)
DUAL = (
    "u, v unit vectors along y₁, y₂, e₊ = (u + v)/‖u + v‖, e₋ = (u − v)/‖u − v‖, u = ce₊ + he₋, v = ce₊ − he₋, s = c² "
    "− h²: K = uᵀv + vᵀu − s(uᵀu + vᵀv) = (1 − s²)(e₊ᵀe₊ − e₋ᵀe₋), as "
    "e₊Ke₊ᵀ = «2c² − 2(c² − h²)c² = 1 − (c² − h²)²», e₋Ke₋ᵀ = «−2h² − 2(c² − h²)h² = −(1 − (c² − h²)²)»",
    "Δu = uN and Δv = vN give δ = ⟨N, K⟩; x = yW⁺, so M before W is N = W⁺MW behind it, and δ = ⟨M, W⁺ᵀKWᵀ⟩",
)


weights_constant = told(
    DUAL[0],
    "‖K‖_F² = «(1 − s²)² + (−(1 − s²))² = 2(1 − s²)²», so both singular values are 1 − s² = ‖K‖₂, and "
    "‖W⁺ᵀK‖_* ≤ (1 − s²)(σ₁ + σ₂), σ₁ and σ₂ the largest singular values of W⁺, whose inverses are the least ones of W",
    "x = yW⁺, so M beside W is N = W⁺M behind it, and |δ| = |⟨M, W⁺ᵀK⟩| ≤ ε‖W⁺ᵀK‖_*; |δ − δ'| ≤ |δ| + |δ'| adds the "
    "models",
    given=("c² + h² = 1",),
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
        "prop-1-sine",
        LORA,
        RHS_SINE,
        reading="corrected",
        amends="prop-1",
        proofs=(
            by_norms(LORA, lambda m: m.sine0, RHS_SINE),
            given_away,
        ),
        attained=("ce3", "ce3b", "ce3c", "ce3-double"),
        words=(ATTAINED,),
        remark="attained where sim(x₁, x₂) = −s₀ by W' = −W, and by W' = −2W as well",
    ),
    bound(
        "prop-1-sharp",
        LORA,
        RHS_SHARP,
        reading="sharp for given data",
        amends="prop-1",
        proofs=(
            data_constant,
            Attained(turned_over, {
                SOURCE.s0: COSINES_TRIED,
                sim(SOURCE.x1, SOURCE.x2): COSINES_TRIED,
                SOURCE.stretches[0]: LENGTHS_TRIED,
                SOURCE.stretches[1]: LENGTHS_TRIED,
            }),
        ),
        attained=("ce3", "ce3b", "ce3c", "prop-1-weights"),
        words=(ATTAINED, SHARP),
        remark="attained by W' = −W, x' = x for every W, x₁, x₂",
    ),
    bound(
        "prop-1-weights",
        LORA,
        RHS_WEIGHTS,
        more=FULL_ROW_RANK,
        reading="sharp in terms of W",
        amends="prop-1",
        proofs=(
            weights_constant,
            Attained(on_singular_axes, {
                sigma(SOURCE.w, 1): (Fraction(1, 3), Fraction(2)),
                sigma(SOURCE.w, 2): (Fraction(2), Fraction(7)),
                SOURCE.s0: COSINES_TRIED,
            }),
        ),
        attained=("prop-1-weights",),
        words=(ATTAINED, SHARP),
        remark="scaling W by t divides this bound by t and leaves Prop. 2 as it is",
    ),
)  # fmt: skip
