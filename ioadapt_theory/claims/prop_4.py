"""Proposition 4 (App. A.2): input adaptation inflates the gap by at most ‖I + AB‖₂²."""

from ioadapt_theory.claims.arithmetic import Array, operator_norm, plus_identity
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence import Verdict
from ioadapt_theory.claims.inequality import Inequality
from ioadapt_theory.claims.placement import Placement
from ioadapt_theory.claims.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.shared_function import SharedFunction, expected_distance, setting


def lhs(i: SharedFunction) -> Array:
    """E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖₂²."""
    return expected_distance(i, Placement.INPUT)


def rhs(i: SharedFunction) -> Array:
    """σ²‖I + AB‖₂² ε, with ε = ‖W₁W₂ − W₁'W₂'‖_F²."""
    return i.sigma**2 * operator_norm(plus_identity(i.ab)) ** 2 * i.epsilon


PROP_4 = Claim(
    id="prop-4",
    source="Proposition 4 (App. A.2)",
    statement="E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂² ε, where ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε",
    expected=Verdict.SURVIVED,
    inequality=Inequality(setting=setting(Placement.INPUT), lhs=lhs, rhs=rhs),
    strategies=(Replay(), RandomInstances(), GradientAscent()),
)
