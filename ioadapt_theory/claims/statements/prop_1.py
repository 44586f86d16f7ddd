"""Proposition 1 (Sec. 4, App. A.1): vanilla LoRA and the similarity distance; 0 ≤ i.stretches are ‖x‖/‖xW‖."""

from ioadapt_theory.claims.arithmetic import (
    Array,
    angle,
    apply,
    arcsin,
    cos,
    cosine,
    dot,
    excess,
    maximum,
    minimum,
    norm,
    number,
    positive_part,
    sine,
    singular_values,
    sqrt,
)
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis, Inequality
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SPECTRAL,
    RelativeSimilarity,
    both_cosines,
    both_sines,
    full_row_rank,
    similarity_distance,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import (
    below_outputs,
    second_order,
    setting,
    up_to_second_order,
)

APPENDIX = "Proposition 1 (App. A.1)"
TO_FIRST_ORDER = (Replay(), RandomInstances(), GradientAscent(drop=("ab",)))
FINITE = (Replay(), RandomInstances(), GradientAscent())


def lhs(i: RelativeSimilarity) -> Array:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| for ŷ = x(W + AB)."""
    return similarity_distance(i, Placement.LORA)


def rhs(i: RelativeSimilarity) -> Array:
    """(1 + s₀) ε Σ ‖x‖/‖xW‖ over x₁, x₂, x₁', x₂'."""
    return (1 + i.s0) * i.epsilon * sum(i.stretches)


def rhs_main(i: RelativeSimilarity) -> Array:
    """The same with ‖x₂'‖/‖x₂W‖ as second term."""
    first, _, third, fourth = i.stretches
    second = norm(i.x2_target) / norm(apply(i.x2, i.w))
    return (1 + i.s0) * i.epsilon * (first + second + third + fourth)


def rhs_abs(i: RelativeSimilarity) -> Array:
    """(1 + |s₀|) ε Σ ‖x‖/‖xW‖."""
    return (1 + abs(i.s0)) * i.epsilon * sum(i.stretches)


def rhs_sine(i: RelativeSimilarity) -> Array:
    """√(1 − s₀²) ε Σ ‖x‖/‖xW‖."""
    (source, target), (a, b, a_target, b_target) = both_sines(i), i.stretches
    return i.epsilon * (source * (a + b) + target * (a_target + b_target))


def rhs_sharp(i: RelativeSimilarity) -> Array:
    """ε sin θ₀ Σ √(α² + β² − 2αβ cos(θ_x + θ₀)) over both models, α, β = ‖x₁‖/‖x₁W‖, ‖x₂‖/‖x₂W‖."""
    (a, b, a_target, b_target), total = i.stretches, number(0, i.epsilon)
    models = ((a, b, i.x1, i.x2), (a_target, b_target, i.x1_target, i.x2_target))
    for (p, q, x1, x2), s0, sine0 in zip(models, both_cosines(i), both_sines(i), strict=True):
        together = cosine(x1, x2) * s0 - sine(x1, x2) * sine0  # cos(θ_x + θ₀)
        total = total + sine0 * sqrt((p - q) ** 2 + 2 * p * q * (1 - together))
    return i.epsilon * total


def rhs_weights(i: RelativeSimilarity) -> Array:
    """(1 − s₀²) ε Σ (1/s_c + 1/s_{c−1}) over both models, s_c ≤ s_{c−1} the smallest singular values of W."""
    smallest = [singular_values(w)[..., -2:] for w in (i.w, i.w_target)]
    return i.epsilon * sum(sine0**2 * (1 / s).sum(-1) for sine0, s in zip(both_sines(i), smallest, strict=True))


def rhs_explicit(i: RelativeSimilarity) -> Array:
    """√(1 − s₀²) ε Σ ‖x‖/‖xW‖ + (3 + |s₀|) ε² Σ ‖x‖²/‖xW‖²."""
    return rhs_sine(i) + (3 + abs(i.s0)) * i.epsilon**2 * sum(k**2 for k in i.stretches)


def rhs_finite(i: RelativeSimilarity) -> Array:
    """max(cos [θ₀ − a]₊ − cos min(π, θ₀ + a'), the same with a ↔ a'), a = Σ arcsin(ε‖x‖/‖xW‖) of a model."""
    turns = [arcsin(minimum(i.epsilon * k, number(1, k))) for k in i.stretches]
    pi, changes = angle(i.x1, -i.x1), list[tuple[Array, Array]]()
    for (x1, x2, w), a in ((i.source, turns[0] + turns[1]), (i.target, turns[2] + turns[3])):
        theta = angle(apply(x1, w), apply(x2, w))
        s0 = cos(theta)
        changes.append((cos(positive_part(theta - a)) - s0, s0 - cos(minimum(pi, theta + a))))
    (rise, fall), (rise_target, fall_target) = changes
    return maximum(rise + fall_target, rise_target + fall)


def beyond_outputs(i: RelativeSimilarity) -> Array:
    """By how much ε‖x‖ exceeds ‖xW‖, summed over x; rational in the entries."""
    pairs = [(x, apply(x, w)) for x1, x2, w in (i.source, i.target) for x in (x1, x2)]
    return sum(excess(i.epsilon**2 * dot(x, x), dot(y, y)) for x, y in pairs) / 2


BELOW_OUTPUTS = Hypothesis("epsilon ||x|| <= ||x W|| for every x", beyond_outputs, exact=True)

PROP_1 = Claim(
    id="prop-1",
    source=APPENDIX,
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 + s₀) ε Σ ‖x‖/‖xW‖ + O(ε²) for LoRA",
    expected=Verdict.REFUTED,
    remark="false for s₀ < 0, by any factor as s₀ → −1; true with 1 + |s₀|, better with √(1 − s₀²)",
    witnesses=("ce3", "ce3b", "ce3c"),
    inequality=up_to_second_order(Placement.LORA, rhs),
    strategies=TO_FIRST_ORDER,
)
PROP_1_LITERAL = Claim(
    id="prop-1-literal",
    source=APPENDIX,
    reading="‖AB‖₂² ≤ ε as stated",
    statement=PROP_1.statement,
    expected=Verdict.REFUTED,
    remark="needs √ε in place of ε, and then the remainder is of the order of the displayed term",
    witnesses=("ce4-lora",),
    inequality=up_to_second_order(Placement.LORA, rhs, LITERAL),
    strategies=TO_FIRST_ORDER,
)
PROP_1_FROBENIUS = Claim(
    id="prop-1-frobenius",
    source=APPENDIX,
    reading="‖AB‖_F ≤ ε as in the proof of Prop. 2",
    statement=PROP_1.statement,
    expected=Verdict.REFUTED,
    remark="the smaller ball does not save it",
    witnesses=("prop-1-frobenius",),
    inequality=up_to_second_order(Placement.LORA, rhs, FROBENIUS),
    strategies=TO_FIRST_ORDER,
)
PROP_1_MAIN = Claim(
    id="prop-1-main",
    source="Proposition 1 (Sec. 4)",
    reading="second term ‖x₂'‖/‖x₂W‖ as printed in Sec. 4",
    statement=PROP_1.statement.replace("Σ ‖x‖/‖xW‖", "(… + ‖x₂'‖/‖x₂W‖ + …)"),
    expected=Verdict.REFUTED,
    remark="a misprint: the appendix has ‖x₂‖",
    witnesses=("ce5",),
    inequality=up_to_second_order(Placement.LORA, rhs_main),
    strategies=TO_FIRST_ORDER,
)
PROP_1_ABS = Claim(
    id="prop-1-abs",
    source=APPENDIX,
    reading="|s₀| for s₀",
    amends="prop-1",
    statement=PROP_1.statement.replace("s₀)", "|s₀|)"),
    expected=Verdict.PROVED,
    remark="tight only at s₀ = 0",
    inequality=up_to_second_order(Placement.LORA, rhs_abs),
    strategies=TO_FIRST_ORDER,
)
PROP_1_SINE = Claim(
    id="prop-1-sine",
    source=APPENDIX,
    reading="corrected",
    amends="prop-1",
    statement=PROP_1.statement.replace("(1 + s₀)", "√(1 − s₀²)"),
    expected=Verdict.PROVED,
    remark="the closest true statement; equality iff sim(x₁, x₂) = −s₀ and W' = −W",
    attained=("ce3", "ce3b", "ce3c"),
    inequality=up_to_second_order(Placement.LORA, rhs_sine),
    strategies=TO_FIRST_ORDER,
)
PROP_1_SHARP = Claim(
    id="prop-1-sharp",
    source=APPENDIX,
    reading="sharp for given data",
    amends="prop-1",
    statement="… ≤ ε sin θ₀ Σ √(α² + β² − 2αβ cos(θ_x + θ₀)) + O(ε²), α, β = ‖x₁‖/‖x₁W‖, ‖x₂‖/‖x₂W‖",
    expected=Verdict.PROVED,
    remark="attained by W' = −W, x' = x for every W, x₁, x₂; the hypothesis on sim(x₁, x₂) enters only here",
    attained=("ce3", "ce3b", "ce3c", "prop-1-weights"),
    inequality=up_to_second_order(Placement.LORA, rhs_sharp),
    strategies=(*TO_FIRST_ORDER, second_order(Placement.LORA)),
)
PROP_1_WEIGHTS = Claim(
    id="prop-1-weights",
    source=APPENDIX,
    reading="sharp in terms of W",
    amends="prop-1",
    statement="… ≤ (1 − s₀²) ε Σ (1/s_c + 1/s_{c−1}) + O(ε²), the two smallest singular values of W and of W'",
    expected=Verdict.PROVED,
    remark="W → tW divides this by t and leaves Prop. 2: the two propositions do not rank the methods",
    attained=("prop-1-weights",),
    inequality=up_to_second_order(Placement.LORA, rhs_weights, extra=(full_row_rank("w"), full_row_rank("w_target"))),
    strategies=TO_FIRST_ORDER,
)
PROP_1_EXPLICIT = Claim(
    id="prop-1-explicit",
    source=APPENDIX,
    reading="with its remainder",
    amends="prop-1",
    statement="… ≤ √(1 − s₀²) ε Σ ‖x‖/‖xW‖ + (3 + |s₀|) ε² Σ ‖x‖²/‖xW‖² for every ε",
    expected=Verdict.PROVED,
    remark="no A_min and no hidden O(ε²)",
    inequality=Inequality(setting=setting(Placement.LORA), lhs=lhs, rhs=rhs_explicit, hypotheses=SPECTRAL.hypotheses),
    strategies=FINITE,
)
PROP_1_FINITE = Claim(
    id="prop-1-finite",
    source=APPENDIX,
    reading="finite",
    amends="prop-1",
    statement="… ≤ max{cos[θ₀ − a]₊ − cos min(π, θ₀ + a'), a ↔ a'}, a = Σ arcsin(ε‖x‖/‖xW‖) of a model",
    expected=Verdict.PROVED,
    remark="no O(ε²) at all, for ε‖x‖ ≤ ‖xW‖",
    inequality=Inequality(
        setting=setting(Placement.LORA, limit=below_outputs),
        lhs=lhs,
        rhs=rhs_finite,
        hypotheses=(*SPECTRAL.hypotheses, BELOW_OUTPUTS),
    ),
    strategies=FINITE,
)
