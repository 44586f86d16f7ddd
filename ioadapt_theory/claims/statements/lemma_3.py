"""Lemma 3 (App. A.2): the expected distance of two linear models of nearly the same function."""

from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Inequality
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, SharedFunction, expected_distance, setting

SEARCHES = (Replay(), RandomInstances(), GradientAscent())


def lhs(i: SharedFunction) -> Array:
    """E‖xW₁W₂ − xW₁'W₂'‖₂²."""
    return expected_distance(i, None)


def rhs(i: SharedFunction) -> Array:
    """σ²ε, with ε = ‖W₁W₂ − W₁'W₂'‖_F²."""
    return i.sigma**2 * i.epsilon


LEMMA_3 = Claim(
    id="lemma-3",
    source="Lemma 3 (App. A.2)",
    statement="E‖xW₁W₂ − xW₁'W₂'‖² ≤ σ²ε, where ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε, x ~ N(0, σ²I)",
    expected=Verdict.PROVED,
    remark="an equality for the smallest such ε; only E[xᵀx] = σ²I is used, not the Gaussian law",
    attained=("lemma-3",),
    inequality=Inequality(setting=setting(None), lhs=lhs, rhs=rhs, hypotheses=(NEARLY_SAME,)),
    strategies=(*SEARCHES, StackMonteCarlo(None)),
)
