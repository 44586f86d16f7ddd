"""Props. 4 and 5 inside a model, where adapters are in practice: they hold at its two ends only."""

from dataclasses import replace
from functools import partial

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq, operator_norm, plus_identity, sqrt
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Inequality
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.instances import Letter, Setting
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, SharedFunction, setting, start
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES

SOURCE = "beyond App. A.2"


def between(*, everywhere: bool) -> Setting:
    """AB in front of W₂ (h x h), or in front of both layers (h = c)."""
    h, shapes = ("c", (3, 3)) if everywhere else ("h", (4, 4))
    weights = (Letter("W1", "w1", f"c {h}"), Letter("W2", "w2", f"{h} d"))
    targets = (Letter("W1_target", "w1_target", f"c {h}"), Letter("W2_target", "w2_target", f"{h} d"))
    n = shapes[0]
    raw = {"w1": (3, n), "w2": (n, 2), "w1_target": (3, n), "w2_target": (n, 2), "sigma": (), "ab": shapes}
    return replace(
        setting(Placement.INPUT),
        name="setting A.2 (interior)",
        letters=(*weights, *targets, Letter("AB", "ab", f"{h} {h}"), Letter("sigma", "sigma", positive=True)),
        start=partial(start, shapes=raw),
    )


def lhs(i: SharedFunction) -> Array:
    """E‖xW₁(I + AB)W₂ − xW₁'(I + AB)W₂'‖₂²."""
    t = plus_identity(i.ab)
    return i.sigma**2 * frobenius_sq(i.w1 @ t @ i.w2 - i.w1_target @ t @ i.w2_target)


def rhs(i: SharedFunction) -> Array:
    """σ²‖I + AB‖₂² ε."""
    return i.sigma**2 * operator_norm(plus_identity(i.ab)) ** 2 * i.epsilon


def rhs_layers(i: SharedFunction) -> Array:
    """σ²‖I + AB‖₂²(‖W₁ − W₁'‖_F‖W₂‖₂ + ‖W₁'‖₂‖W₂ − W₂'‖_F)²."""
    first = sqrt(frobenius_sq(i.w1 - i.w1_target)) * operator_norm(i.w2)
    second = operator_norm(i.w1_target) * sqrt(frobenius_sq(i.w2 - i.w2_target))
    return (i.sigma * operator_norm(plus_identity(i.ab)) * (first + second)) ** 2


def lhs_everywhere(i: SharedFunction) -> Array:
    """E‖x(I + AB)W₁(I + AB)W₂ − x(I + AB)W₁'(I + AB)W₂'‖₂²."""
    t = plus_identity(i.ab)
    return i.sigma**2 * frobenius_sq(t @ i.w1 @ t @ i.w2 - t @ i.w1_target @ t @ i.w2_target)


def rhs_everywhere(i: SharedFunction) -> Array:
    """σ²‖I + AB‖₂⁴ ε."""
    return rhs(i) * operator_norm(plus_identity(i.ab)) ** 2


PROP_4_INTERIOR = Claim(
    id="prop-4-interior",
    source=SOURCE,
    reading="adapter between the layers",
    statement="E‖xW₁(I + AB)W₂ − xW₁'(I + AB)W₂'‖² ≤ σ²‖I + AB‖₂² ε",
    expected=Verdict.REFUTED,
    remark="equal functions do not stay equal: 45/2 from ε = 0, where LoRA on W₁ has 29/16",
    witnesses=("g1",),
    inequality=Inequality(setting=between(everywhere=False), lhs=lhs, rhs=rhs, hypotheses=(NEARLY_SAME,)),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.INPUT, layer=1)),
)
PROP_4_INTERIOR_LAYERS = Claim(
    id="prop-4-interior-layers",
    source=SOURCE,
    reading="adapter between the layers",
    amends="prop-4-interior",
    statement="… ≤ σ²‖I + AB‖₂²(‖W₁ − W₁'‖_F‖W₂‖₂ + ‖W₁'‖₂‖W₂ − W₂'‖_F)²",
    expected=Verdict.PROVED,
    remark="what is left inside a model depends on the layers, not on the function",
    attained=("interior-attained",),
    inequality=Inequality(setting=between(everywhere=False), lhs=lhs, rhs=rhs_layers),
    strategies=SEARCHES,
)
PROP_4_EVERY_LAYER = Claim(
    id="prop-4-every-layer",
    source=SOURCE,
    reading="adapter before every layer",
    statement="E‖x(I + AB)W₁(I + AB)W₂ − x(I + AB)W₁'(I + AB)W₂'‖² ≤ σ²‖I + AB‖₂⁴ ε",
    expected=Verdict.REFUTED,
    remark="one interior adapter among them suffices",
    witnesses=("g1",),
    inequality=Inequality(
        setting=between(everywhere=True), lhs=lhs_everywhere, rhs=rhs_everywhere, hypotheses=(NEARLY_SAME,)
    ),
    strategies=SEARCHES,
)
