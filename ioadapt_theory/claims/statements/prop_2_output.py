"""Proposition 2 (Sec. 4, App. A.1), output adaptation: ŷ = xW(I + AB)."""

from ioadapt_theory.claims.arithmetic import (
    Array,
    apply,
    condition_number,
    log,
    maximum,
    parallel,
    plus_identity,
    rank,
    reached,
)
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis, Inequality
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SAME_OUTPUT_SIMILARITY,
    SPECTRAL,
    RelativeSimilarity,
    artanh_shifts,
    both_cosines,
    both_sines,
    similarity_distance,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import second_order, setting, up_to_second_order
from ioadapt_theory.claims.statements.prop_1 import FINITE, TO_FIRST_ORDER

SOURCE = "Proposition 2 (App. A.1)"


def lhs(i: RelativeSimilarity) -> Array:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| for ŷ = xW(I + AB)."""
    return similarity_distance(i, Placement.OUTPUT)


def rhs(i: RelativeSimilarity) -> Array:
    """4(1 + s₀) ε."""
    return 4 * (1 + i.s0) * i.epsilon


def rhs_abs(i: RelativeSimilarity) -> Array:
    """4(1 + |s₀|) ε."""
    return 4 * (1 + abs(i.s0)) * i.epsilon


def rhs_sharp(i: RelativeSimilarity) -> Array:
    """4(1 − s₀²) ε."""
    source, target = both_sines(i)
    return 2 * (source**2 + target**2) * i.epsilon


def rhs_finite(i: RelativeSimilarity) -> Array:
    """2τ(1 − s₀²)/(1 − s₀²τ²), τ = 2ε/(1 + ε²)."""
    tau = 2 * i.epsilon / (1 + i.epsilon**2)
    rise, fall = (
        [tau * sine0**2 / (1 + sign * s0 * tau) for s0, sine0 in zip(both_cosines(i), both_sines(i), strict=True)]
        for sign in (1, -1)
    )
    return maximum(rise[0] + fall[1], rise[1] + fall[0])


def artanh_shift(i: RelativeSimilarity) -> Array:
    """The larger of |artanh sim(ŷ₁, ŷ₂) − artanh s₀| over the two models."""
    return maximum(*artanh_shifts(i, Placement.OUTPUT))


def rhs_artanh(i: RelativeSimilarity) -> Array:
    """Logarithm of cond(I + AB)."""
    return log(condition_number(plus_identity(i.ab)))


def parallel_outputs(model: tuple[Array, Array, Array]) -> Array:
    """Whether x₁W and x₂W of one model are parallel."""
    x1, x2, w = model
    return parallel(apply(x1, w), apply(x2, w))


BELOW_ONE = Hypothesis("epsilon < 1", lambda i: reached(i.epsilon, 1), exact=True)
REGULAR = Hypothesis("I + AB is regular", lambda i: i.ab.shape[-1] - rank(plus_identity(i.ab)), exact=True)
NOT_PARALLEL = Hypothesis("|s0| < 1", lambda i: maximum(*map(parallel_outputs, (i.source, i.target))), exact=True)
REMARK_LITERAL = "needs √ε in place of ε, and then the remainder is of the order of the displayed term"

PROP_2_OUTPUT = Claim(
    id="prop-2-output",
    source=SOURCE,
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀) ε + O(ε²) for output adaptation",
    expected=Verdict.REFUTED,
    remark="false for every s₀ in (−1, 0), by the factor 1 − s₀; true with 1 + |s₀|; sharp: 1 − s₀²",
    witnesses=("ce2", "ce2b", "ce2c"),
    inequality=up_to_second_order(Placement.OUTPUT, rhs),
    strategies=TO_FIRST_ORDER,
)
PROP_2_OUTPUT_LITERAL = Claim(
    id="prop-2-output-literal",
    source=SOURCE,
    reading="‖AB‖₂² ≤ ε as stated",
    statement=PROP_2_OUTPUT.statement,
    expected=Verdict.REFUTED,
    remark=REMARK_LITERAL,
    witnesses=("ce4-output",),
    inequality=up_to_second_order(Placement.OUTPUT, rhs, LITERAL),
    strategies=TO_FIRST_ORDER,
)
PROP_2_OUTPUT_FROBENIUS = Claim(
    id="prop-2-output-frobenius",
    source=SOURCE,
    reading="‖AB‖_F ≤ ε as in its proof",
    statement=PROP_2_OUTPUT.statement,
    expected=Verdict.REFUTED,
    remark="false for s₀ < 1 − √2; the sharp constant of this reading is 2√2(1 − s₀²)",
    witnesses=("prop-2-output-frobenius",),
    inequality=up_to_second_order(Placement.OUTPUT, rhs, FROBENIUS),
    strategies=TO_FIRST_ORDER,
)
PROP_2_OUTPUT_ABS = Claim(
    id="prop-2-output-abs",
    source=SOURCE,
    reading="|s₀| for s₀",
    amends="prop-2-output",
    statement=PROP_2_OUTPUT.statement.replace("s₀)", "|s₀|)", 1),
    expected=Verdict.PROVED,
    remark="tight only at s₀ = 0; independent of the base weights, as the paper says",
    inequality=up_to_second_order(Placement.OUTPUT, rhs_abs),
    strategies=TO_FIRST_ORDER,
)
PROP_2_OUTPUT_SHARP = Claim(
    id="prop-2-output-sharp",
    source=SOURCE,
    reading="sharp",
    amends="prop-2-output",
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 − s₀²) ε + O(ε³) for output adaptation",
    expected=Verdict.PROVED,
    remark="attained for every s₀ by the outputs turned by 90 degrees",
    attained=("ce2", "ce2b", "ce2c"),
    inequality=up_to_second_order(Placement.OUTPUT, rhs_sharp),
    strategies=(*TO_FIRST_ORDER, second_order(Placement.OUTPUT)),
)
PROP_2_OUTPUT_FINITE = Claim(
    id="prop-2-output-finite",
    source=SOURCE,
    reading="exact, finite",
    amends="prop-2-output",
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 2τ(1 − s₀²)/(1 − s₀²τ²), τ = 2ε/(1 + ε²), ε < 1",
    expected=Verdict.PROVED,
    remark="attained for every s₀ and ε; at most 2τ ≤ 4ε, so that 4ε needs no O(ε²)",
    attained=("ce2", "ce2b", "ce2c"),
    inequality=Inequality(
        setting=setting(Placement.OUTPUT), lhs=lhs, rhs=rhs_finite, hypotheses=(*SPECTRAL.hypotheses, BELOW_ONE)
    ),
    strategies=FINITE,
)
PROP_2_OUTPUT_ARTANH = Claim(
    id="prop-2-output-artanh",
    source=SOURCE,
    reading="exact, any adapter",
    amends="prop-2-output",
    statement="|artanh sim(y₁T, y₂T) − artanh s₀| ≤ ln cond(T), T = I + AB regular",
    expected=Verdict.PROVED,
    remark="a generalised Wielandt inequality: what an output adapter can do to a similarity depends on T alone",
    attained=("ce2", "ce2b", "ce2c"),
    inequality=Inequality(
        setting=setting(Placement.OUTPUT),
        lhs=artanh_shift,
        rhs=rhs_artanh,
        hypotheses=(SAME_OUTPUT_SIMILARITY, NOT_PARALLEL, REGULAR),
    ),
    strategies=FINITE,
)
