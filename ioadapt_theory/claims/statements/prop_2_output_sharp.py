"""The largest change of a similarity by an output adapter, ŷ = xWT with T = I + AB: exact, and to first order.

The inequality |artanh ŝ − artanh s| ≤ ln cond(T) is due to Bauer and Householder (1960); it generalises Wielandt's.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import PROP_2_TEXT, up_to


def shift(m: Model, placement: Placement) -> Term:
    """Return |artanh ŝ − artanh s₀|; ŝ is the cosine of one model's two outputs with the adapter, s₀ that without."""
    return abs(artanh(m.adapted_sim(placement)) - artanh(m.s0))


ARTANH = tuple(shift(m, OUTPUT) <= ln(cond(T)) for m in (SOURCE, TARGET))
TAU = let("τ", 2 * EPSILON / (1 + EPSILON**2))
RHS_SHARP = 2 * EPSILON * total(lambda m: m.sine0**2, *MODELS)


def rise(m: Model) -> Term:
    """Return the largest rise of the cosine s₀ of the outputs, tanh(artanh s₀ + artanh τ) − s₀, τ = 2ε/(1 + ε²)."""
    return TAU * m.sine0**2 / (1 + TAU * m.s0)


def fall(m: Model) -> Term:
    """Return the largest fall of the cosine s₀ of the outputs, s₀ − tanh(artanh s₀ − artanh τ), τ = 2ε/(1 + ε²)."""
    return TAU * m.sine0**2 / (1 - TAU * m.s0)


RHS_FINITE = maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))
FINITE_BOUND = distance(OUTPUT) <= RHS_FINITE


wielandt = told(
    "‖u‖ = ‖v‖ = 1, s = ⟨u, v⟩, p = ‖uT‖, r = ‖vT‖, k = ⟨uT, vT⟩ = ŝpr, M and m largest and least stretch of T",
    "‖(u + v)T‖² − 2(pr + k) = «p² + r² + 2k − 2(pr + k) = (p − r)²» ≥ 0, and ‖(u + v)T‖² ≤ "
    "M²‖u + v‖² = 2M²(1 + s), so pr + k ≤ M²(1 + s)",
    "‖(ru − pv)T‖² = «r²p² + p²r² − 2rpk = 2pr(pr − k)» ≥ m²‖ru − pv‖²",
    "‖ru − pv‖² = «r² + p² − 2prs = 2pr(1 − s) + (p − r)²» ≥ 2pr(1 − s), so pr − k ≥ m²(1 − s)",
    "divided: «(pr + prŝ)/(pr − prŝ) = (1 + ŝ)/(1 − ŝ)» ≤ (M/m)²(1 + s)/(1 − s)",
    "artanh s = ½ ln((1 + s)/(1 − s)) and «ln((M/m)²) = 2 ln(M/m)» = 2 ln cond(T), so artanh ŝ − artanh s ≤ ln "
    "cond(T); "
    "with −v for v, s and ŝ change their signs, and artanh is odd",
    positive="p r M m"
)  # fmt: skip
two_models = told(
    "cond(I + AB) ≤ x = (1 + ε)/(1 − ε), and tanh ln x = «(x² − 1)/(x² + 1) = 2ε/(1 + ε²)» = τ",
    "so, by prop-2-output-artanh, ŝ − s ≤ tanh(artanh s + artanh τ) − s = «(s + τ)/(1 + sτ) − s = τ(1 − s²)/(1 + τs)», "
    "and s − ŝ ≤ s − tanh(artanh s − artanh τ) = «s − (s − τ)/(1 − sτ) = τ(1 − s²)/(1 − τs)»",
    "so they are apart by at most the rise of one model and the fall of its partner",
    let={"x": "(1 + ε)/(1 − ε)"},
)
simpler = argued(Remarked, "|ŝ − ŝ'| ≤ 2τ(1 − s²)/(1 − s²τ²) ≤ 2τ ≤ 4ε")(
    spelled(
        "«τ(1 − s²)/(1 + τs) + τ(1 − s²)/(1 − τs) = 2τ(1 − s²)/(1 − s²τ²)»",
        "«2τ − 2τ(1 − s²)/(1 − s²τ²) = 2τs²(1 − τ²)/(1 − s²τ²)» ≥ 0",
        "«4ε − 4ε/(1 + ε²) = 4ε³/(1 + ε²)», and «4ε³/(1 + ε²) ≥ 0»",
        positive="ε",
    ),
)
EYE_2 = [[1, 0], [0, 1]]


def about_an_axis(k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = I, AB = diag(κ − 1, 0), and inputs (1, ±h)."""
    h = root((1 - s) / (1 + s))
    pair = {"x1": [1, h], "x2": [1, -h], "x1_target": [1, h], "x2_target": [1, -h]}
    return {"W": EYE_2, "W_target": EYE_2, "AB": [[k - 1, 0], [0, 0]], "epsilon": k, **pair}


def far_ends(epsilon: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = I, AB = ε diag(1, −1), inputs (1, ±h) of the source and (±h, 1) of the target."""
    h = root((1 - s) / (1 + s))
    pairs = {"x1": [1, h], "x2": [1, -h], "x1_target": [h, 1], "x2_target": [-h, 1]}
    return {"W": EYE_2, "W_target": EYE_2, "AB": [[epsilon, 0], [0, -epsilon]], "epsilon": epsilon, **pairs}


sharp = partial(
    Claim,
    source=PROP_2_TEXT,
    amends="prop-2-output",
    attained=("ce2", "ce2b", "ce2c"),
    words=(ATTAINED, SHARP),
    expected=PROVED,
    setting=similarity_setting(OUTPUT),
    strategies=SEARCHES,
)
both_ends = Attained(far_ends, {EPSILON: BALLS_TRIED, SOURCE.s0: COSINES_TRIED})
OUTPUT_FINITE = sharp(
    id="prop-2-output-finite",
    reading="exact, finite",
    given=(*SPECTRAL.given, BELOW_ONE),
    concludes=(FINITE_BOUND,),
    proofs=(two_models, both_ends, simpler),
    remark="for s₀ = s₀' that is 2τ(1 − s₀²)/(1 − s₀²τ²), at most 2τ ≤ 4ε",
)
CLAIMS = (
    sharp(
        id="prop-2-output-artanh",
        reading="exact, any adapter",
        given=(SAME_OUTPUTS, NOT_PARALLEL, REGULAR),
        concludes=ARTANH,
        proofs=(
            wielandt,
            Attained(
                about_an_axis,
                {cond(T): CONDITIONS_TRIED[1:], SOURCE.s0: COSINES_TRIED},
            ),
        ),
        remark="depends on I + AB alone",
    ),
    OUTPUT_FINITE,
    sharp(
        id="prop-2-output-sharp",
        reading="sharp",
        given=SPECTRAL.given,
        concludes=up_to(OUTPUT, RHS_SHARP, 3),
        proofs=(
            told(
                "where s₀ = s₀' = s and τ = 2ε/(1 + ε²), the right side of prop-2-output-finite, without a term in "
                "ε², = "
                "«2τ(1 − s²)/(1 − s²τ²) = 4(1 − s²)ε + 4ε³(1 − s²)(4s² − 1 − ε²)/((1 + ε²)² − 4s²ε²)»",
                let={"τ": "2ε/(1 + ε²)"},
            ),
            both_ends,
        ),
        strategies=TO_FIRST_ORDER,
        remark="that is 4(1 − s₀²)ε",
    ),
)
