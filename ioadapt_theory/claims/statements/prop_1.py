"""Proposition 1 (Sec. 4, App. A.1) as printed, in all its readings: vanilla LoRA, ŷ = x(W + AB); and with |s₀|."""

from collections.abc import Callable

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8

APPENDIX = "Proposition 1 (App. A.1)"
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


def moved(m: Model, placement: Placement) -> Term:
    """δ of one model."""
    return delta(m.y1, m.y2, *(increment(m, x, placement) for x in m[:2]))


def increment(m: Model, x: Term, placement: Placement) -> Term:
    """What adaptation adds to xW: xAB, xABW or xWAB."""
    return {LORA: x @ AB, INPUT: x @ AB @ m.w, OUTPUT: x @ m.w @ AB}[placement]


def at_most(m: Model, x: Term, size: Term, placement: Placement) -> Term:
    """The most that its norm can be for ‖AB‖₂ = size."""
    return {LORA: norm(x) * size, INPUT: norm(x) * size * spectral(m.w), OUTPUT: norm(x @ m.w) * size}[placement]


def by_norms(name: str, placement: Placement, factor: Callable[[Model], Term], used: Rule, right: Term) -> Derived:
    """|δ| + |δ'| by a norm bound of Lemma 1 with this factor of each model, and the norm of AB."""

    def sums(size: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [at_most(m, x, size, placement) if size else norm(increment(m, x, placement)) for x in m[:2]]
            parts.append(factor(m) * (tops[0] / norm(m.y1) + tops[1] / norm(m.y2)))
        return parts[0] + parts[1]

    return derived(
        name,
        first_order(distance(placement)),
        Link(
            "triangle inequality", abs(moved(SOURCE, placement)) + abs(moved(TARGET, placement)), (TRIANGLE_DIFFERENCE,)
        ),
        Link("Lemma 1", sums(), (used,)),
        Link("‖uM‖ ≤ ‖u‖‖M‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (SPECTRAL.relation,)),
        Link("s₀ = s₀'", right, (SAME_OUTPUTS,)),
    )


def for_both(name: str, placement: Placement, each: Callable[[Model], Term], used: Rule, right: Term) -> Derived:
    """|δ − δ'| ≤ |δ| + |δ'|, each by the lemma of one model."""
    return derived(
        name,
        first_order(distance(placement)),
        Link(
            "triangle inequality", abs(moved(SOURCE, placement)) + abs(moved(TARGET, placement)), (TRIANGLE_DIFFERENCE,)
        ),
        Link("each model alone", each(SOURCE) + each(TARGET), (used,)),
        Link("collect", right),
    )


def up_to(placement: Placement, right: Term, order: int = 2) -> tuple[Relation, ...]:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ right + O(ε^order)."""
    return ((distance(placement) <= right).up_to(order),)


def fails(
    name: str,
    placement: Placement,
    ball: Ball,
    right: Term,
    witnesses: tuple[str, ...],
    remark: str,
    *,
    source: str,
    reading: str,
    origin: Origin = READING,
    amends: str | None = None,
) -> Claim:
    """A reading of Prop. 1 or 2 that shipped instances refute."""
    return Claim(
        id=name,
        source=source,
        origin=origin,
        reading=reading,
        amends=amends,
        given=ball.given,
        concludes=up_to(placement, right),
        proofs=contradicted(*witnesses),
        witnesses=witnesses,
        expected=REFUTED,
        remark=remark,
        setting=similarity_setting(placement, ball),
        strategies=TO_FIRST_ORDER,
    )  # fmt: skip


STATED, USED, IN_PROOF = (
    "‖AB‖₂² ≤ ε as stated",
    "‖AB‖₂ ≤ ε as its proof uses it",
    "‖AB‖_F ≤ ε as in the proof of Prop. 2",
)
ROOT_NEEDED = "needs √ε in place of ε, and then the remainder is of the order of the displayed term"
CE3 = ("ce3", "ce3-low-rank", "ce3b", "ce3c")
CLAIMS = (
    fails("prop-1", LORA, SPECTRAL, RHS, CE3,
          "false for s₀ < 0, by any factor as s₀ → −1; true with 1 + |s₀|, better with √(1 − s₀²)",
          source=APPENDIX, reading=USED),
    fails("prop-1-literal", LORA, LITERAL, RHS, ("ce4-lora", "ce4-lora-low-rank"), ROOT_NEEDED,
          source=APPENDIX, reading=STATED, origin=PRINTED),
    fails("prop-1-frobenius", LORA, FROBENIUS, RHS, ("prop-1-frobenius", "prop-1-frobenius-low-rank"), "the smaller ball does not save it",
          source=APPENDIX, reading=IN_PROOF),
    fails("prop-1-main", LORA, SPECTRAL, RHS_MAIN, ("ce5", "ce5-low-rank"), "a misprint: the appendix has ‖x₂‖",
          source="Proposition 1 (Sec. 4)", reading=f"{USED}; second term ‖x₂'‖/‖x₂W‖ as printed in Sec. 4"),
    Claim(
        id="prop-1-abs",
        source=APPENDIX,
        reading="|s₀| for s₀",
        amends="prop-1",
        given=SPECTRAL.given,
        concludes=up_to(LORA, RHS_ABS),
        proofs=(by_norms("Eq. 8 for both models", LORA, lambda m: 1 + abs(m.s0), BY_EQ_8, RHS_ABS),),
        expected=PROVED,
        remark="tight only at s₀ = 0",
        setting=similarity_setting(LORA),
        strategies=TO_FIRST_ORDER,
    ),
)  # fmt: skip
