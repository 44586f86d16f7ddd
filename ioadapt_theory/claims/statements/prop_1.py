"""Proposition 1 (Sec. 4, App. A.1) on vanilla LoRA, ŷ = x(W + AB): as printed, in other readings, and with |s₀|."""

from functools import reduce
from operator import add

from ioadapt_theory.claims.language import *

APPENDIX, PROP_2_TEXT = "Proposition 1 (App. A.1)", "Proposition 2 (App. A.1)"
RHS = (1 + SOURCE.s0) * EPSILON * STRETCHES
RHS_ABS = (1 + abs(SOURCE.s0)) * EPSILON * STRETCHES
MISPRINTED = SOURCE.stretches[0] + norm(TARGET.x2) / norm(SOURCE.y2) + TARGET.stretches[0] + TARGET.stretches[1]
RHS_MAIN = (1 + SOURCE.s0) * EPSILON * MISPRINTED


def moved(m: Model, placement: Placement) -> Term:
    """Return δ of Eq. 7: the change in the cosine between a model's two outputs, to first order in AB."""
    return delta(m.y1, m.y2, *(increment(m, x, placement) for x in m[:2]))


def increment(m: Model, x: Term, placement: Placement) -> Term:
    return {LORA: x @ AB, INPUT: x @ AB @ m.w, OUTPUT: x @ m.w @ AB}[placement]


def increments(m: Model, placement: Placement, size: Term | None = None) -> list[Term]:
    """Return the norms of both outputs' increments over those of the outputs; upper bounds for ‖AB‖₂ ≤ ``size``."""

    def length(x: Term) -> Term:
        if size is None:
            return norm(increment(m, x, placement))
        return {LORA: norm(x) * size, INPUT: norm(x) * size * spectral(m.w), OUTPUT: norm(x @ m.w) * size}[placement]

    return [length(x) / norm(y) for x, y in ((m.x1, m.y1), (m.x2, m.y2))]


def both(part: Callable[[Model], Term]) -> Term:
    return part(SOURCE) + part(TARGET)


def by_norms(placement: Placement, factor: Callable[[Model], Term], right: Term) -> Derived:
    """Return a proof by norms of the first-order bound ``right``; ``factor(m)`` is Lemma 1's constant for model m."""

    def sums(size: Term | None = None) -> Term:
        return both(lambda m: factor(m) * reduce(add, increments(m, placement, size)))

    return derived(
        first_order(distance(placement)), Link("triangle inequality", both(lambda m: abs(moved(m, placement)))),
        Link("Lemma 1", sums()), Link("‖uM‖ ≤ ‖u‖‖M‖₂", sums(spectral(AB))),
        Link("the hypothesis on AB", sums(EPSILON)), Link("s₀ = s₀'", right),
    )  # fmt: skip


def up_to(placement: Placement, right: Term, order: int = 2) -> tuple[Relation, ...]:
    return ((distance(placement) <= right).up_to(order),)


def bound(
    name: str,
    placement: Placement,
    right: Term,
    *,
    ball: Ball = SPECTRAL,
    more: tuple[Relation, ...] = (),
    **others: Any,
) -> Claim:
    """Return a claim like Prop. 1 or 2, up to O(ε²): ``right`` is its right side, ``more`` holds further hypotheses."""
    usual: dict[str, Any] = {
        "source": APPENDIX if placement is LORA else PROP_2_TEXT, "given": (*ball.given, *more),
        "concludes": up_to(placement, right), "expected": PROVED, "setting": similarity_setting(placement, ball),
        "strategies": TO_FIRST_ORDER,
    }  # fmt: skip
    return Claim(id=name, **(usual | others))


STATED: dict[str, Any] = {"origin": PRINTED, "reading": "‖AB‖₂² ≤ ε as stated"}
USED: dict[str, Any] = {"origin": READING, "reading": "‖AB‖₂ ≤ ε as its proof uses it"}
IN_ITS_PROOF: dict[str, Any] = {"origin": READING, "reading": "‖AB‖_F ≤ ε as in its proof"}
CLAIMS = (
    bound("prop-1", LORA, RHS, **USED, **refuted_by("ce3", "ce3-low-rank", "ce3b", "ce3c")),
    bound("prop-1-literal", LORA, RHS, ball=LITERAL, **STATED, **refuted_by("ce4-lora", "ce4-lora-low-rank")),
    bound(
        "prop-1-frobenius", LORA, RHS, ball=FROBENIUS, origin=READING, reading="‖AB‖_F ≤ ε as in the proof of Prop. 2",
        **refuted_by("prop-1-frobenius", "prop-1-frobenius-low-rank"),
    ),
    bound(
        "prop-1-main", LORA, RHS_MAIN, source="Proposition 1 (Sec. 4)", origin=READING,
        reading="‖AB‖₂ ≤ ε as its proof uses it; second term ‖x₂'‖/‖x₂W‖ as printed in Sec. 4",
        **refuted_by("ce5", "ce5-low-rank"),
    ),
    bound(
        "prop-1-abs", LORA, RHS_ABS, reading="|s₀| for s₀", amends="prop-1",
        proofs=(by_norms(LORA, lambda m: 1 + abs(m.s0), RHS_ABS),),
    ),
)  # fmt: skip
