"""Proposition 3 (App. A.2): vanilla LoRA on one layer of a two-layer linear model."""

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq, operator_norm, sqrt
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.inequality import Inequality
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, SharedFunction, expected_distance, setting
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES


def lhs(i: SharedFunction) -> Array:
    """E‖x(W₁ + AB)W₂ − x(W₁' + AB)W₂'‖₂²."""
    return expected_distance(i, Placement.LORA)


def rhs(i: SharedFunction) -> Array:
    """σ²(√ε + ‖AB‖₂‖W₂ − W₂'‖_F)²."""
    return i.sigma**2 * (sqrt(i.epsilon) + operator_norm(i.ab) * sqrt(frobenius_sq(i.w2 - i.w2_target))) ** 2


def exact(i: SharedFunction) -> Array:
    """σ²‖(W₁W₂ − W₁'W₂') + AB(W₂ − W₂')‖_F²."""
    return i.sigma**2 * frobenius_sq(i.gap + i.ab @ (i.w2 - i.w2_target))


def lhs_second(i: SharedFunction) -> Array:
    """E‖xW₁(W₂ + AB) − xW₁'(W₂' + AB)‖₂²."""
    return i.sigma**2 * frobenius_sq(i.w1 @ (i.w2 + i.ab) - i.w1_target @ (i.w2_target + i.ab))


def rhs_second(i: SharedFunction) -> Array:
    """σ²(√ε + ‖AB‖₂‖W₁ − W₁'‖_F)²."""
    return i.sigma**2 * (sqrt(i.epsilon) + operator_norm(i.ab) * sqrt(frobenius_sq(i.w1 - i.w1_target))) ** 2


PROP_3 = Claim(
    id="prop-3",
    source="Proposition 3 (App. A.2)",
    statement="E‖x(W₁ + AB)W₂ − x(W₁' + AB)W₂'‖² ≤ σ²(√ε + ‖AB‖₂‖W₂ − W₂'‖_F)²",
    expected=Verdict.PROVED,
    remark="tight; but a bound: G1 has 29/16 against 41/8, and cancellation can make the truth 0",
    attained=("p3-attained",),
    inequality=Inequality(setting=setting(Placement.LORA), lhs=lhs, rhs=rhs, hypotheses=(NEARLY_SAME,)),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.LORA)),
)
PROP_3_EXACT = Claim(
    id="prop-3-exact",
    source=PROP_3.source,
    reading="exact value",
    amends="prop-3",
    statement="E‖x(W₁ + AB)W₂ − x(W₁' + AB)W₂'‖² = σ²‖(W₁W₂ − W₁'W₂') + AB(W₂ − W₂')‖_F²",
    expected=Verdict.PROVED,
    remark="for a single layer (W₂ = W₂' = I) LoRA leaves the distance as it is, whatever AB",
    strategies=(ExactValue(Placement.LORA, exact),),
)
PROP_3_SECOND = Claim(
    id="prop-3-second",
    source="Proposition 3, footnote 1 (App. A.2)",
    reading="LoRA on W₂",
    statement="E‖xW₁(W₂ + AB) − xW₁'(W₂' + AB)‖² ≤ σ²(√ε + ‖AB‖₂‖W₁ − W₁'‖_F)²",
    expected=Verdict.PROVED,
    remark="analogous, as the footnote says",
    attained=("prop-3-second",),
    inequality=Inequality(
        setting=setting(Placement.LORA, second=True), lhs=lhs_second, rhs=rhs_second, hypotheses=(NEARLY_SAME,)
    ),
    strategies=SEARCHES,
)
