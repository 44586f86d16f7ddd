"""Proposition 1 (Sec. 4, App. A.1) as printed, in all its readings: vanilla LoRA, ŷ = x(W + AB); and with |s₀|."""

from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import (
    chained,
    contradicted,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.deduction import OPERATOR, TRIANGLE_DIFFERENCE, Link
from ioadapt_theory.claims.expression.limits import delta, first_order
from ioadapt_theory.claims.expression.tree import (
    Term,
    norm,
    spectral,
)
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SOURCE, STRETCHES, TARGET, Model, distance, stretch
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import TO_FIRST_ORDER, setting
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8

APPENDIX = "Proposition 1 (App. A.1)"
LORA = setting(Placement.LORA)
DISTANCE = distance(Placement.LORA)
RHS = (1 + SOURCE.s0) * EPSILON * STRETCHES
PROP_1 = Claim(
    id="prop-1",
    source=APPENDIX,
    origin=Origin.READING,
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS).up_to(2),),
    reading="‖AB‖₂ ≤ ε as its proof uses it",
    expected=Verdict.REFUTED,
    remark="false for s₀ < 0, by any factor as s₀ → −1; true with 1 + |s₀|, better with √(1 − s₀²)",
    witnesses=("ce3", "ce3b", "ce3c"),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce3", "ce3b", "ce3c"),
)
PROP_1_LITERAL = Claim(
    id="prop-1-literal",
    source=APPENDIX,
    origin=Origin.PRINTED,
    reading="‖AB‖₂² ≤ ε as stated",
    given=LITERAL.given,
    concludes=PROP_1.concludes,
    expected=Verdict.REFUTED,
    remark="needs √ε in place of ε, and then the remainder is of the order of the displayed term",
    witnesses=("ce4-lora",),
    setting=setting(Placement.LORA, LITERAL),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce4-lora"),
)
PROP_1_FROBENIUS = Claim(
    id="prop-1-frobenius",
    source=APPENDIX,
    origin=Origin.READING,
    reading="‖AB‖_F ≤ ε as in the proof of Prop. 2",
    given=FROBENIUS.given,
    concludes=PROP_1.concludes,
    expected=Verdict.REFUTED,
    remark="the smaller ball does not save it",
    witnesses=("prop-1-frobenius",),
    setting=setting(Placement.LORA, FROBENIUS),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("prop-1-frobenius"),
)
RHS_MAIN = (
    (1 + SOURCE.s0)
    * EPSILON
    * (
        SOURCE.stretches[0]
        + norm(TARGET.x2) / norm(SOURCE.x2 @ SOURCE.w)
        + stretch(TARGET.x1, TARGET.w)
        + stretch(TARGET.x2, TARGET.w)
    )
)
PROP_1_MAIN = Claim(
    id="prop-1-main",
    source="Proposition 1 (Sec. 4)",
    origin=Origin.READING,
    reading="‖AB‖₂ ≤ ε as its proof uses it; second term ‖x₂'‖/‖x₂W‖ as printed in Sec. 4",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_MAIN).up_to(2),),
    expected=Verdict.REFUTED,
    remark="a misprint: the appendix has ‖x₂‖",
    witnesses=("ce5",),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce5"),
)
RHS_ABS = (1 + abs(SOURCE.s0)) * EPSILON * STRETCHES


def moved(m: Model) -> Term:
    """δ of one model."""
    return delta(m.y1, m.y2, m.x1 @ AB, m.x2 @ AB)


def sizes(m: Model, length: Term | None = None) -> Term:
    """‖x₁AB‖/‖x₁W‖ + ‖x₂AB‖/‖x₂W‖, or with ‖x‖·length for ‖xAB‖."""
    tops = [norm(x @ AB) if length is None else norm(x) * length for x in m[:2]]
    return tops[0] / norm(m.y1) + tops[1] / norm(m.y2)


def by_norms(factor: Term, factor_target: Term, rule: Any, right: Term) -> Any:
    """|δ| + |δ'| by a norm bound of Lemma 1 with this factor of each model, ‖xAB‖ ≤ ‖x‖‖AB‖₂ ≤ ‖x‖ε."""
    ball = SPECTRAL.relation

    def sums(length: Term | None = None) -> Term:
        return factor * sizes(SOURCE, length) + factor_target * sizes(TARGET, length)

    return chained(
        first_order(DISTANCE),
        Link("triangle inequality", abs(moved(SOURCE)) + abs(moved(TARGET)), (TRIANGLE_DIFFERENCE,)),
        Link("Lemma 1", sums(), (rule,)),
        Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (ball,)),
        Link("s₀ = s₀'", right, (SOURCE.s0.equals(TARGET.s0),)),
    )


PROP_1_ABS = Claim(
    id="prop-1-abs",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="|s₀| for s₀",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_ABS).up_to(2),),
    expected=Verdict.PROVED,
    remark="tight only at s₀ = 0",
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=(Proof("Eq. 8 for both models", by_norms(1 + abs(SOURCE.s0), 1 + abs(TARGET.s0), BY_EQ_8, RHS_ABS)),),
)
CLAIMS = (
    PROP_1,
    PROP_1_LITERAL,
    PROP_1_FROBENIUS,
    PROP_1_MAIN,
    PROP_1_ABS,
)
