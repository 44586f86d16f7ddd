"""Proposition 5 (App. A.2): output adaptation inflates the gap by at most ‖I + AB‖₂²."""

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
    """E‖xW₁W₂(I + AB) − xW₁'W₂'(I + AB)‖₂²."""
    return expected_distance(i, Placement.OUTPUT)


def rhs(i: SharedFunction) -> Array:
    """σ²‖I + AB‖₂² ε, with ε = ‖W₁W₂ − W₁'W₂'‖_F²."""
    return i.sigma**2 * operator_norm(plus_identity(i.ab)) ** 2 * i.epsilon


def exact(i: SharedFunction) -> Array:
    """σ²‖(W₁W₂ − W₁'W₂')(I + AB)‖_F²."""
    return i.sigma**2 * frobenius_sq(i.gap @ plus_identity(i.ab))


PROP_5 = Claim(
    id="prop-5",
    source="Proposition 5 (App. A.2)",
    statement="E‖xW₁W₂(I + AB) − xW₁'W₂'(I + AB)‖² ≤ σ²‖I + AB‖₂² ε",
    expected=Verdict.PROVED,
    remark="tight; never below Lemma 3 if rank AB < d; holds word for word for any functions and any law of x",
    attained=("r1",),
    inequality=Inequality(setting=setting(Placement.OUTPUT), lhs=lhs, rhs=rhs, hypotheses=(NEARLY_SAME,)),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.OUTPUT)),
)
PROP_5_EXACT = Claim(
    id="prop-5-exact",
    source=PROP_5.source,
    reading="exact value",
    amends="prop-5",
    statement="E‖xW₁W₂(I + AB) − xW₁'W₂'(I + AB)‖² = σ²‖(W₁W₂ − W₁'W₂')(I + AB)‖_F²",
    expected=Verdict.PROVED,
    remark="equal functions stay equal",
    strategies=(ExactValue(Placement.OUTPUT, exact),),
)
