"""The largest change of a similarity by an output adapter, ŷ = xWT with T = I + AB: exact, and to first order.

The inequality |artanh ŝ − artanh s| ≤ ln cond(T) is due to Bauer and Householder (1960); it generalises Wielandt's.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import PROP_2_TEXT, up_to
from ioadapt_theory.claims.statements.prop_1_sharp import units


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


def wielandt(m: Model) -> tuple[Any, ...]:
    """Return the steps that bound the change of one model's cosine by the largest and least stretch of T."""
    u, v = units(m)
    p, r, k = (let(n + m.prime, x) for n, x in (("p", norm(u @ T)), ("r", norm(v @ T)), ("k", dot(u @ T, v @ T))))
    most, least, after, s = spectral(T), sigma(T, 1), m.adapted_sim(OUTPUT), m.s0
    return (
        ((norm((u + v) @ T) ** 2).equals(2 * (p * r + k) + (p - r) ** 2), "expand"),
        (p * r + k <= most**2 * (1 + s), "for T = I + AB, ‖(u + v)T‖² is at most ‖T‖₂²‖u + v‖² = 2‖T‖₂²(1 + s₀)"),
        ((norm((r * u - p * v) @ T) ** 2).equals(2 * p * r * (p * r - k)), "expand"),
        ((norm(r * u - p * v) ** 2).equals(2 * p * r * (1 - s) + (p - r) ** 2), "expand"),
        (least**2 * (1 - s) <= p * r - k, "‖(ru − pv)T‖² is at least s_c(T)²‖ru − pv‖², by 3 and 4"),
        ((1 + after) / (1 - after) <= cond(T) ** 2 * (1 + s) / (1 - s), "divide, as k = ŝpr"),
        ((1 - after) / (1 + after) <= cond(T) ** 2 * (1 - s) / (1 + s), "likewise for −v in place of v"),
        (shift(m, OUTPUT) <= ln(cond(T)), "as artanh s = ½ ln((1 + s)/(1 − s))"),
    )  # fmt: skip


def ends(m: Model) -> tuple[Any, ...]:
    return (
        (m.adapted_sim(OUTPUT) - m.s0 <= rise(m), "prop-2-output-artanh, tanh(artanh s + artanh τ) = (s + τ)/(1 + sτ)"),
        (m.s0 - m.adapted_sim(OUTPUT) <= fall(m), "likewise"),
    )


STRETCH = (1 + EPSILON) / (1 - EPSILON)
two_models = argued(
    (cond(T) <= STRETCH, "‖AB‖₂ ≤ ε < 1"),
    (((STRETCH**2 - 1) / (STRETCH**2 + 1)).equals(TAU), "so tanh ln cond(I + AB) is at most τ"), *ends(SOURCE),
    *ends(TARGET), (FINITE_BOUND, "s₀ = s₀', so the cosines are apart by one model's rise and the other's fall"),
)  # fmt: skip


def simple(m: Model) -> Term:
    """Return 2τ(1 − s₀²)/(1 − s₀²τ²), the sum of rise and fall."""
    return 2 * TAU * m.sine0**2 / (1 - m.s0**2 * TAU**2)


THIRD = 4 * EPSILON**3 * SOURCE.sine0**2 * (4 * SOURCE.s0**2 - 1 - EPSILON**2)
expanded = argued(
    (RHS_FINITE.equals(simple(SOURCE)), "prop-2-output-finite bounds the distance by its right side, s₀ = s₀'"),
    (simple(SOURCE).equals(4 * SOURCE.sine0**2 * EPSILON
                           + THIRD / ((1 + EPSILON**2) ** 2 - 4 * SOURCE.s0**2 * EPSILON**2)), "no term in ε²"),
    (first_order(distance(OUTPUT)) <= RHS_SHARP, "s₀ = s₀'"),
)  # fmt: skip
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
    Claim, source=PROP_2_TEXT, amends="prop-2-output", attained=("ce2", "ce2b", "ce2c"), words=(ATTAINED, SHARP),
    setting=similarity_setting(OUTPUT), strategies=SEARCHES,
)  # fmt: skip
both_ends = Attained(far_ends, {EPSILON: BALLS_TRIED, SOURCE.s0: COSINES_TRIED})
CLAIMS = (
    sharp(
        id="prop-2-output-artanh", reading="exact, any adapter", given=(SAME_OUTPUTS, NOT_PARALLEL, REGULAR),
        concludes=ARTANH,
        proofs=(
            argued(*wielandt(SOURCE), *wielandt(TARGET)),
            Attained(about_an_axis, {cond(T): CONDITIONS_TRIED[1:], SOURCE.s0: COSINES_TRIED}),
        ),
    ),
    sharp(
        id="prop-2-output-finite", reading="exact, finite", given=(*SPECTRAL.given, BELOW_ONE),
        concludes=(FINITE_BOUND,), proofs=(two_models, both_ends),
        notes=(RHS_FINITE.equals(simple(SOURCE)), simple(SOURCE) <= 2 * TAU, 2 * TAU <= 4 * EPSILON),
    ),
    sharp(
        id="prop-2-output-sharp", reading="sharp", given=SPECTRAL.given, concludes=up_to(OUTPUT, RHS_SHARP, 3),
        proofs=(expanded, both_ends), strategies=TO_FIRST_ORDER,
    ),
)  # fmt: skip
