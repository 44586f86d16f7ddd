"""Proposition 1 without O(ε²): an explicit remainder, the finite form, the segment of outputs in its proof, Remark A.1.

θ₀ is the angle between the outputs y₁ and y₂ without an adapter.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import C
from ioadapt_theory.claims.statements.prop_1 import APPENDIX, both, increments, moved
from ioadapt_theory.claims.statements.prop_1_sharp import RHS_SINE

SQUARES = total(lambda x, w: stretch(x, w) ** 2, *EACH_INPUT)


def constant(m: Model) -> Term:
    """Return c(1 + c), c = √((1 + |s₀|)/2), the constant in Lemma 1's remainder for outputs of cosine s₀."""
    c = let("c" + m.prime, replaced(C.args[0], {S: m.s0}))
    return c * (1 + c)


RHS_EXPLICIT = RHS_SINE + constant(SOURCE) * EPSILON**2 * SQUARES


def explicit() -> Derived:
    def remainder(m: Model) -> Term:
        return let(f"R{m.prime}", sim(m.y1 + m.x1 @ AB, m.y2 + m.x2 @ AB) - m.s0 - moved(m, LORA))

    def one_model(m: Model, length: Term | None) -> Term:
        one, other = increments(m, LORA, length)
        return constant(m) * (one**2 + other**2) + m.sine0 * (one + other)

    def bound(length: Term | None = None) -> Term:
        return both(lambda m: one_model(m, length))

    source, target = (remainder(m) + moved(m, LORA) for m in (SOURCE, TARGET))
    return derived(
        distance(LORA), Link("s₀ = s₀', and Lemma 1", abs(source - target)),
        Link("triangle inequality", both(lambda m: abs(remainder(m)) + abs(moved(m, LORA)))),
        Link("Lemma 1 with its remainder", bound()), Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", bound(spectral(AB))),
        Link("the hypothesis on AB", bound(EPSILON)), Link("s₀ = s₀'", RHS_EXPLICIT),
    )  # fmt: skip


def turn(m: Model) -> Term:
    """Return arcsin(ε‖x₁‖/‖x₁W‖) + arcsin(ε‖x₂‖/‖x₂W‖), a bound on LoRA's change of the angle between the outputs."""
    first, second = (arcsin(EPSILON * k) for k in m.stretches)
    return let(f"a{m.prime}", first + second)


def theta(m: Model) -> Term:
    return let(f"θ₀{m.prime}", angle(m.y1, m.y2))


def rise(m: Model) -> Term:
    """Return the largest rise of the cosine of the outputs if their angle changes by at most ``turn(m)``."""
    return cos(positive(theta(m) - turn(m))) - cos(theta(m))


def fall(m: Model) -> Term:
    """Return the largest fall of the cosine of the outputs if their angle changes by at most ``turn(m)``."""
    return cos(theta(m)) - cos(minimum(PI, theta(m) + turn(m)))


FINITE_FORM = distance(LORA) <= maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))


def turned(m: Model) -> tuple[Any, ...]:
    """Return the steps that bound the change of one model's angle by ``turn`` and, with it, that of its cosine."""
    after = m.adapted_sim(LORA)
    each = [(y, x @ AB, norm(x) / norm(y)) for x, y in ((m.x1, m.y1), (m.x2, m.y2))]
    return (
        *((norm(change) / norm(y) <= EPSILON * k, "the hypothesis on AB") for y, change, k in each),
        *((angle(y, y + change) <= arcsin(EPSILON * k), "lemma-1-angle") for y, change, k in each),
        (abs(angle(*m.adapted(LORA)) - theta(m)) <= turn(m), "triangle inequality of angles"),
        (after - m.s0 <= rise(m), "the cosine falls from 0 to π, and an angle is in [0, π]"),
        (m.s0 - after <= fall(m), "likewise"),
    )


LEAST = segment(SOURCE.y1, SOURCE.y2, SOURCE.x1 @ AB, SOURCE.x2 @ AB)
A_MIN = minimum(*(norm(x @ SOURCE.w) - EPSILON * norm(x) for x in SOURCE[:2])) <= LEAST


def above(m: Model) -> tuple[Any, ...]:
    """Return A_min² of one model and the squared lengths that are divided by it in Remark A.1."""
    shortest = minimum(*(norm(y) - EPSILON * norm(x) for x, y in ((m.x1, m.y1), (m.x2, m.y2))))
    return let(f"A{m.prime}", shortest), norm(m.x1) ** 2 + norm(m.x2) ** 2


QUADRATIC = 2 * EPSILON**2 * both(lambda m: above(m)[1] / above(m)[0] ** 2)
WITH_A_MIN = distance(LORA) <= RHS_SINE + QUADRATIC
BELOW = tuple(EPSILON * norm(x) < norm(x @ w) for x, w in EACH_INPUT[1:])
PLACE = tuple(y + TIME * (x @ AB) for x, y in ((SOURCE.x1, SOURCE.y1), (SOURCE.x2, SOURCE.y2)))
from_below = argued(
    (norm(SOURCE.y1) - EPSILON * norm(SOURCE.x1) <= norm(PLACE[0]), "triangle inequality, ‖x₁AB‖ ≤ ε‖x₁‖"),
    (norm(SOURCE.y2) - EPSILON * norm(SOURCE.x2) <= norm(PLACE[1]), "likewise, at every place t/(1 + t)"),
    (A_MIN, "so"),
    numbers="t",
)
by_explicit = argued(
    (distance(LORA) <= RHS_EXPLICIT, "prop-1-explicit"), (constant(SOURCE) <= 2, "|s₀| ≤ 1"),
    *((above(m)[0] <= norm(y), "ε‖x‖ ≥ 0") for m in (SOURCE, TARGET) for y in (m.y1, m.y2)),
    (constant(SOURCE) * EPSILON**2 * SQUARES <= QUADRATIC, "so"), (WITH_A_MIN, "so"),
)  # fmt: skip
ENDS = minimum(minimum(norm(SOURCE.y1), norm(SOURCE.y2)), minimum(*map(norm, SOURCE.adapted(LORA))))
without_remainder = partial(
    Claim, source=APPENDIX, amends="prop-1", setting=similarity_setting(LORA), strategies=SEARCHES
)
in_the_proof = partial(Claim, source="Proof of Proposition 1 (App. A.1)", origin=READING)
CLAIMS = (
    without_remainder(
        id="prop-1-explicit", reading="with its remainder", given=SPECTRAL.given,
        concludes=(distance(LORA) <= RHS_EXPLICIT,), proofs=(explicit(),),
    ),
    without_remainder(
        id="prop-1-finite", reading="finite", given=(*SPECTRAL.given, *BELOW_OUTPUTS), concludes=(FINITE_FORM,),
        proofs=(argued(*turned(SOURCE), *turned(TARGET), (FINITE_FORM, "s₀ = s₀'")),),
        setting=similarity_setting(LORA, limit=below_outputs),
    ),
    in_the_proof(
        id="prop-1-segment",
        reading="for every ε, the ends of the segment bound its norms from below, and so some A_min > 0 does",
        given=SPECTRAL.given, concludes=(ENDS <= LEAST,), **refuted_by("through-zero"),
        setting=similarity_setting(LORA),
    ),
    in_the_proof(
        id="prop-1-segment-small", reading="for ε < min ‖xW‖/‖x‖", given=SPECTRAL.given, concludes=(A_MIN,),
        proofs=(from_below,), setting=similarity_setting(LORA, limit=below_outputs), strategies=SEARCHES,
    ),
    without_remainder(
        id="remark-a1", source="Remark A.1 (App. A.1)", origin=READING,
        reading="a quadratic term in ε² from W, x and A = A_min, for small ε; Prop. 1's remainder with A_min",
        amends=None, given=(*SPECTRAL.given, *BELOW), concludes=(WITH_A_MIN,), proofs=(by_explicit,),
        setting=similarity_setting(LORA, limit=below_outputs),
    ),
    Claim(
        id="remark-a1-displayed", source="Remark A.1 (App. A.1)", origin=READING,
        reading="computed from what is displayed, ‖x‖/‖xW‖, s₀ and ε: A_min is the same for AB and −AB",
        given=SPECTRAL.given, concludes=(LEAST.equals(replaced(LEAST, {AB: -AB})),), **refuted_by("displayed"),
        setting=similarity_setting(LORA),
    ),
)  # fmt: skip
