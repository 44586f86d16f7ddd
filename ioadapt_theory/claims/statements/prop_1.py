"""Proposition 1 (Sec. 4, App. A.1) as printed, in all its readings: vanilla LoRA, ŷ = x(W + AB); and with |s₀|."""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8

APPENDIX = "Proposition 1 (App. A.1)"
SETTING = similarity_setting(LORA)
DISTANCE = distance(LORA)
RHS = (1 + SOURCE.s0) * EPSILON * STRETCHES
RHS_ABS = (1 + abs(SOURCE.s0)) * EPSILON * STRETCHES
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


def moved(m: Model) -> Term:
    """δ of one model."""
    return delta(m.y1, m.y2, m.x1 @ AB, m.x2 @ AB)


def sizes(m: Model, length: Term | None = None) -> Term:
    """‖x₁AB‖/‖x₁W‖ + ‖x₂AB‖/‖x₂W‖, or with ‖x‖·length for ‖xAB‖."""
    tops = [norm(x @ AB) if length is None else norm(x) * length for x in m[:2]]
    return tops[0] / norm(m.y1) + tops[1] / norm(m.y2)


def by_norms(name: str, factor: Term, factor_target: Term, used: object, right: Term) -> Derived:
    """|δ| + |δ'| by a norm bound of Lemma 1 with this factor of each model, ‖xAB‖ ≤ ‖x‖‖AB‖₂ ≤ ‖x‖ε."""

    def sums(length: Term | None = None) -> Term:
        return factor * sizes(SOURCE, length) + factor_target * sizes(TARGET, length)

    return derived(
        name,
        first_order(DISTANCE),
        Link("triangle inequality", abs(moved(SOURCE)) + abs(moved(TARGET)), (TRIANGLE_DIFFERENCE,)),
        Link("Lemma 1", sums(), (used,)),
        Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (SPECTRAL.relation,)),
        Link("s₀ = s₀'", right, (SAME_OUTPUTS,)),
    )


PROP_1 = Claim(
    id="prop-1",
    source=APPENDIX,
    origin=READING,
    reading="‖AB‖₂ ≤ ε as its proof uses it",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS).up_to(2),),
    proofs=contradicted("ce3", "ce3b", "ce3c"),
    witnesses=("ce3", "ce3b", "ce3c"),
    expected=REFUTED,
    remark="false for s₀ < 0, by any factor as s₀ → −1; true with 1 + |s₀|, better with √(1 − s₀²)",
    setting=SETTING,
    strategies=TO_FIRST_ORDER,
)
CLAIMS = (
    PROP_1,
    Claim(
        id="prop-1-literal",
        source=APPENDIX,
        origin=PRINTED,
        reading="‖AB‖₂² ≤ ε as stated",
        given=LITERAL.given,
        concludes=PROP_1.concludes,
        proofs=contradicted("ce4-lora"),
        witnesses=("ce4-lora",),
        expected=REFUTED,
        remark="needs √ε in place of ε, and then the remainder is of the order of the displayed term",
        setting=similarity_setting(LORA, LITERAL),
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-1-frobenius",
        source=APPENDIX,
        origin=READING,
        reading="‖AB‖_F ≤ ε as in the proof of Prop. 2",
        given=FROBENIUS.given,
        concludes=PROP_1.concludes,
        proofs=contradicted("prop-1-frobenius"),
        witnesses=("prop-1-frobenius",),
        expected=REFUTED,
        remark="the smaller ball does not save it",
        setting=similarity_setting(LORA, FROBENIUS),
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-1-main",
        source="Proposition 1 (Sec. 4)",
        origin=READING,
        reading="‖AB‖₂ ≤ ε as its proof uses it; second term ‖x₂'‖/‖x₂W‖ as printed in Sec. 4",
        given=SPECTRAL.given,
        concludes=((DISTANCE <= RHS_MAIN).up_to(2),),
        proofs=contradicted("ce5"),
        witnesses=("ce5",),
        expected=REFUTED,
        remark="a misprint: the appendix has ‖x₂‖",
        setting=SETTING,
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-1-abs",
        source=APPENDIX,
        reading="|s₀| for s₀",
        amends="prop-1",
        given=SPECTRAL.given,
        concludes=((DISTANCE <= RHS_ABS).up_to(2),),
        proofs=(by_norms("Eq. 8 for both models", 1 + abs(SOURCE.s0), 1 + abs(TARGET.s0), BY_EQ_8, RHS_ABS),),
        expected=PROVED,
        remark="tight only at s₀ = 0",
        setting=SETTING,
        strategies=TO_FIRST_ORDER,
    ),
)
