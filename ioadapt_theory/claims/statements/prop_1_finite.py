"""Proposition 1 without O(ε²): an explicit remainder, the finite form, the segment of outputs in its proof, Remark A.1.

θ₀ is the angle between the outputs y₁ and y₂ without an adapter.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import ON_THE_SPHERE, C
from ioadapt_theory.claims.statements.prop_1 import APPENDIX, moved
from ioadapt_theory.claims.statements.prop_1_sharp import RHS_SINE

SQUARES = total(
    lambda x, w: stretch(x, w) ** 2,
    (row("x"), SOURCE.w),
    *((x, m.w) for m in (SOURCE, TARGET) for x in m[:2]),
)


def constant(m: Model) -> Term:
    """Return c(1 + c), c = √((1 + |s₀|)/2), the constant in Lemma 1's remainder for outputs of cosine s₀."""
    c = let("c" + m.prime, replaced(C.args[0], {S: m.s0}))
    return c * (1 + c)


RHS_EXPLICIT = RHS_SINE + constant(SOURCE) * EPSILON**2 * SQUARES


def explicit() -> Derived:
    changes = [moved(m, LORA) for m in (SOURCE, TARGET)]
    remainders = [
        let(f"R{m.prime}", sim(m.y1 + m.x1 @ AB, m.y2 + m.x2 @ AB) - m.s0 - moved(m, LORA)) for m in (SOURCE, TARGET)
    ]

    def bound(length: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [norm(x @ AB) if length is None else norm(x) * length for x in m[:2]]
            ratios = [top / norm(y) for top, y in zip(tops, (m.y1, m.y2), strict=True)]
            parts.append(constant(m) * (ratios[0] ** 2 + ratios[1] ** 2) + m.sine0 * (ratios[0] + ratios[1]))
        return parts[0] + parts[1]

    return derived(
        distance(LORA),
        Link("s₀ = s₀', and Lemma 1", abs((remainders[0] + changes[0]) - (remainders[1] + changes[1]))),
        Link("triangle inequality", (abs(remainders[0]) + abs(changes[0])) + (abs(remainders[1]) + abs(changes[1]))),
        Link("Lemma 1 with its remainder", bound()),
        Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", bound(spectral(AB))),
        Link("the hypothesis on AB", bound(EPSILON)),
        Link("s₀ = s₀'", RHS_EXPLICIT),
    )


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


@reaching(FINITE_FORM)
def finite_interval(goal: Relation) -> Iterator[Step]:
    """Bound the cosine of the adapted outputs: their angle is within ``turn`` of the angle θ₀ before, and in [0, π]."""
    sp = sympy()
    yield from ON_THE_SPHERE(goal)
    t, a, t_target, a_target = sp.symbols("theta a theta' a'")
    known = {theta(SOURCE): t, turn(SOURCE): a, theta(TARGET): t_target, turn(TARGET): a_target}

    def ends(angle_: Any, by: Any) -> tuple[Any, Any]:
        return sp.cos(sp.Max(angle_ - by, 0)) - sp.cos(angle_), sp.cos(angle_) - sp.cos(sp.Min(sp.pi, angle_ + by))

    f, g, eps = positives("f g epsilon")
    turned = symbolic(turn(SOURCE), dict(zip(SOURCE.stretches, (f, g), strict=True)))
    yield Step(
        "‖x₁AB‖ ≤ ε‖x₁‖ and so on, so a = arcsin(ε‖x₁‖/‖x₁W‖) + arcsin(ε‖x₂‖/‖x₂W‖)",
        vanishes(turned - sp.asin(eps * f) - sp.asin(eps * g)),
    )
    (up, down), (up_target, down_target) = ends(t, a), ends(t_target, a_target)
    largest = sp.Max(up + down_target, up_target + down)
    says = "two such cosines are apart by at most the right side"
    yield Step(says, Check(symbolic(goal.right, known) == largest), reaches=True)


A_MIN = minimum(*(norm(x @ SOURCE.w) - EPSILON * norm(x) for x in SOURCE[:2])) <= segment(
    SOURCE.y1, SOURCE.y2, SOURCE.x1 @ AB, SOURCE.x2 @ AB
)


from_below = told(
    "‖y + txAB‖ ≥ ‖y‖ − t‖xAB‖ ≥ ‖y‖ − ε‖x‖ where 0 ≤ t ≤ 1",
)
through_zero = Refuted(
    spelled(
        "x' = x = (1, 0), W' = W = I, AB = −2I, ‖AB‖₂ = ε = 2; y + ½xAB = 0, as «1 + ½(−2) = 0»",
        "ŷ = −y is not zero, as «1 + (−2) = −1»",
    ),
)
not_displayed = Refuted(
    spelled(
        "W = I, x = (1, 0): what is displayed, ‖x‖/‖xW‖ = 1, s₀ and ε, is the same for AB and −AB; "
        "where AB = −εI, A_min = 1 − ε, as ‖x(W + tAB)‖ − A_min = «1 − tε − (1 − ε) = (1 − t)ε» ≥ 0; so 1/A_min² = "
        "1/(1 − ε)² grows without bound",
        "where AB = εI, A_min = 1, as ‖x(W + tAB)‖ − A_min = «1 + tε − 1 = tε» ≥ 0",
    ),
)
without_remainder = partial(
    Claim, source=APPENDIX, amends="prop-1", expected=PROVED, setting=similarity_setting(LORA), strategies=SEARCHES
)
in_the_proof = partial(Claim, source="Proof of Proposition 1 (App. A.1)", origin=READING)
CLAIMS = (
    without_remainder(
        id="prop-1-explicit",
        reading="with its remainder",
        given=SPECTRAL.given,
        concludes=(distance(LORA) <= RHS_EXPLICIT,),
        proofs=(explicit(),),
        remark="contains neither A_min nor a hidden O(ε²)",
    ),
    without_remainder(
        id="prop-1-finite",
        reading="finite",
        given=(*SPECTRAL.given, *BELOW_OUTPUTS),
        concludes=(FINITE_FORM,),
        proofs=(finite_interval,),
        setting=similarity_setting(LORA, limit=below_outputs),
    ),
    in_the_proof(
        id="prop-1-segment",
        reading="for every ε",
        prose="every point on the segment from (y₁, y₂) to (ŷ₁, ŷ₂) has norms bounded below by A_min > 0",
        proofs=(through_zero,),
        expected=REFUTED,
        remark="prop-1-explicit needs no segment",
    ),
    in_the_proof(
        id="prop-1-segment-small",
        reading="for ε < min ‖xW‖/‖x‖",
        given=SPECTRAL.given,
        concludes=(A_MIN,),
        proofs=(from_below,),
        expected=PROVED,
        setting=similarity_setting(LORA, limit=below_outputs),
        strategies=SEARCHES,
    ),
    Claim(
        id="remark-a1",
        source="Remark A.1 (App. A.1)",
        origin=READING,
        reading="computable from what is displayed",
        prose="the displayed bound has an explicit quadratic term in ε², computable from the data that are displayed",
        proofs=(not_displayed,),
        expected=REFUTED,
        remark="prop-1-explicit has an explicit term in the displayed data",
    ),
)
