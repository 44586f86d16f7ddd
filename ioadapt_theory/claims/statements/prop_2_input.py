"""Proposition 2 (Sec. 4, App. A.1), input adaptation: ŷ = x(I + AB)W. The proof uses ‖x‖‖W‖ as if it were ‖xW‖."""

from ioadapt_theory.claims.arithmetic import Array, condition_number, log, maximum, operator_norm
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Inequality
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SPECTRAL,
    RelativeSimilarity,
    artanh_shifts,
    both_sines,
    full_row_rank,
    similarity_distance,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import second_order, setting, up_to_second_order
from ioadapt_theory.claims.statements.prop_1 import FINITE, TO_FIRST_ORDER
from ioadapt_theory.claims.statements.prop_2_output import BELOW_ONE, NOT_PARALLEL, REMARK_LITERAL, SOURCE, rhs, rhs_abs

FULL_ROW_RANK = (full_row_rank("w"), full_row_rank("w_target"))


def lhs(i: RelativeSimilarity) -> Array:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| for ŷ = x(I + AB)W."""
    return similarity_distance(i, Placement.INPUT)


def spread(w: Array) -> Array:
    """κ + 1/κ, κ = cond(W)."""
    kappa = condition_number(w)
    return kappa + 1 / kappa


def rhs_sharp(i: RelativeSimilarity) -> Array:
    """(1 − s₀²)(κ + 1/κ + κ' + 1/κ') ε."""
    source, target = both_sines(i)
    return (source**2 * spread(i.w) + target**2 * spread(i.w_target)) * i.epsilon


def rhs_vectors(i: RelativeSimilarity) -> Array:
    """√(1 − s₀²) ε Σ ‖x‖‖W‖₂/‖xW‖ over x₁, x₂, x₁', x₂'."""
    (source, target), (a, b, a_target, b_target) = both_sines(i), i.stretches
    stretched = source * (a + b) * operator_norm(i.w) + target * (a_target + b_target) * operator_norm(i.w_target)
    return i.epsilon * stretched


def artanh_shift(i: RelativeSimilarity) -> Array:
    """The larger over the two models of |artanh sim(ŷ₁, ŷ₂) − artanh s₀|/(κ + 1/κ)."""
    source, target = artanh_shifts(i, Placement.INPUT)
    return maximum(source / spread(i.w), target / spread(i.w_target))


PROP_2_INPUT = Claim(
    id="prop-2-input",
    source=SOURCE,
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ 4(1 + s₀) ε + O(ε²) for input adaptation",
    expected=Verdict.REFUTED,
    remark="false also with |s₀|, by any factor: the true constant grows with cond(W)",
    witnesses=("ce1", "ce1b", "ce1c", "ce1d", "ce1e", "ce1f", "ce1g"),
    inequality=up_to_second_order(Placement.INPUT, rhs),
    strategies=TO_FIRST_ORDER,
)
PROP_2_INPUT_LITERAL = Claim(
    id="prop-2-input-literal",
    source=SOURCE,
    reading="‖AB‖₂² ≤ ε as stated",
    statement=PROP_2_INPUT.statement,
    expected=Verdict.REFUTED,
    remark=REMARK_LITERAL,
    witnesses=("ce4-input",),
    inequality=up_to_second_order(Placement.INPUT, rhs, LITERAL),
    strategies=TO_FIRST_ORDER,
)
PROP_2_INPUT_FROBENIUS = Claim(
    id="prop-2-input-frobenius",
    source=SOURCE,
    reading="‖AB‖_F ≤ ε as in its proof",
    statement=PROP_2_INPUT.statement,
    expected=Verdict.REFUTED,
    remark="the witnesses have rank one, for which the two norms agree",
    witnesses=("ce1", "ce1c", "ce1e", "ce1g"),
    inequality=up_to_second_order(Placement.INPUT, rhs, FROBENIUS),
    strategies=TO_FIRST_ORDER,
)
PROP_2_INPUT_ABS = Claim(
    id="prop-2-input-abs",
    source=SOURCE,
    reading="|s₀| for s₀",
    amends="prop-2-input",
    statement=PROP_2_INPUT.statement.replace("s₀)", "|s₀|)", 1),
    expected=Verdict.REFUTED,
    remark="guaranteed where (1 − |s₀|)(κ + 1/κ + κ' + 1/κ') ≤ 4",
    witnesses=PROP_2_INPUT.witnesses,
    inequality=up_to_second_order(Placement.INPUT, rhs_abs),
    strategies=TO_FIRST_ORDER,
)
PROP_2_INPUT_SHARP = Claim(
    id="prop-2-input-sharp",
    source=SOURCE,
    reading="sharp",
    amends="prop-2-input",
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ (1 − s₀²)(κ + 1/κ + κ' + 1/κ') ε + O(ε²), κ = cond(W), rank W = c",
    expected=Verdict.PROVED,
    remark="depends on the base weights; 4(1 − s₀²) only for scaled isometries",
    attained=("ce1b", "ce1f"),
    inequality=up_to_second_order(Placement.INPUT, rhs_sharp, extra=FULL_ROW_RANK),
    strategies=(*TO_FIRST_ORDER, second_order(Placement.INPUT)),
)
PROP_2_INPUT_VECTORS = Claim(
    id="prop-2-input-vectors",
    source=SOURCE,
    reading="what the proof supports",
    amends="prop-2-input",
    statement="|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ √(1 − s₀²) ε Σ ‖x‖‖W‖₂/‖xW‖ + O(ε²) for any W",
    expected=Verdict.PROVED,
    remark="the only form left where c > d: there no function of the singular values bounds it",
    inequality=up_to_second_order(Placement.INPUT, rhs_vectors),
    strategies=TO_FIRST_ORDER,
)
PROP_2_INPUT_FINITE = Claim(
    id="prop-2-input-finite",
    source=SOURCE,
    reading="finite",
    amends="prop-2-input",
    statement="|artanh sim(ŷ₁, ŷ₂) − artanh s₀| ≤ (κ + 1/κ) ln 1/(1 − ε), κ = cond(W), rank W = c, ε < 1",
    expected=Verdict.PROVED,
    remark="no O(ε²); both sides divided by κ + 1/κ in the ratio, the larger model counts",
    inequality=Inequality(
        setting=setting(Placement.INPUT),
        lhs=artanh_shift,
        rhs=lambda i: -log(1 - i.epsilon),
        hypotheses=(*SPECTRAL.hypotheses, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
    ),
    strategies=FINITE,
)
