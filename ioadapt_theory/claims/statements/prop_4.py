"""Proposition 4 (App. A.2): input adaptation inflates the gap by at most ‖I + AB‖₂²."""

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq, operator_norm, plus_identity
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.inequality import Inequality
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, SharedFunction, expected_distance, setting
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES


def lhs(i: SharedFunction) -> Array:
    """E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖₂²."""
    return expected_distance(i, Placement.INPUT)


def rhs(i: SharedFunction) -> Array:
    """σ²‖I + AB‖₂² ε, with ε = ‖W₁W₂ − W₁'W₂'‖_F²."""
    return i.sigma**2 * operator_norm(plus_identity(i.ab)) ** 2 * i.epsilon


def exact(i: SharedFunction) -> Array:
    """σ²‖(I + AB)(W₁W₂ − W₁'W₂')‖_F²."""
    return i.sigma**2 * frobenius_sq(plus_identity(i.ab) @ i.gap)


PROP_4 = Claim(
    id="prop-4",
    source="Proposition 4 (App. A.2)",
    statement="E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂² ε",
    expected=Verdict.PROVED,
    remark="tight; never below Lemma 3 if rank AB < c; only for an adapter before the first layer",
    attained=("r1",),
    inequality=Inequality(setting=setting(Placement.INPUT), lhs=lhs, rhs=rhs, hypotheses=(NEARLY_SAME,)),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.INPUT)),
)
PROP_4_EXACT = Claim(
    id="prop-4-exact",
    source=PROP_4.source,
    reading="exact value",
    amends="prop-4",
    statement="E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² = σ²‖(I + AB)(W₁W₂ − W₁'W₂')‖_F²",
    expected=Verdict.PROVED,
    remark="equal functions stay equal",
    strategies=(ExactValue(Placement.INPUT, exact),),
)
