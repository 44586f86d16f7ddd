"""Proposition 1 without O(ε²): an explicit remainder, the finite form, the segment of its proof, and Remark A.1.

θ₀ is the angle of y₁, y₂.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import (
    Check,
    Step,
    agree,
    chained,
    computed,
    found,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import OPERATOR, TRIANGLE, TRIANGLE_DIFFERENCE, Link
from ioadapt_theory.claims.expression.tree import (
    PI,
    Term,
    angle,
    arcsin,
    cos,
    let,
    maximum,
    minimum,
    norm,
    positive,
    segment,
    sim,
    spectral,
    total,
)
from ioadapt_theory.claims.settings.letters import (
    AB,
    EPSILON,
    SOURCE,
    TARGET,
    Model,
    stretch,
)
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    BELOW_OUTPUTS,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import (
    FINITE,
    below_outputs,
    setting,
)
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8_SHARP, BY_REMAINDER, finite_angle
from ioadapt_theory.claims.statements.prop_1.printed import APPENDIX, DISTANCE, LORA, moved
from ioadapt_theory.claims.statements.prop_1.sharp import RHS_SINE

SQUARES = total(
    lambda x, w: stretch(x, w) ** 2,
    (Term("row", name="x"), SOURCE.w),
    *((x, m.w) for m in (SOURCE, TARGET) for x in m[:2]),
)
RHS_EXPLICIT = RHS_SINE + (3 + abs(SOURCE.s0)) * EPSILON**2 * SQUARES


def explicit_chain() -> Any:
    """First order and remainder of both models, each bounded by Lemma 1."""
    remainders, changes = [], []
    for m in (SOURCE, TARGET):
        u, v, du, dv = m.y1, m.y2, m.x1 @ AB, m.x2 @ AB
        changes.append(moved(m))
        remainders.append(let(f"R{m.prime}", sim(u + du, v + dv) - m.s0 - moved(m)))

    def bound(length: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [norm(x @ AB) if length is None else norm(x) * length for x in m[:2]]
            ratios = [top / norm(y) for top, y in zip(tops, (m.y1, m.y2), strict=True)]
            parts.append((3 + abs(m.s0)) * (ratios[0] ** 2 + ratios[1] ** 2) + m.sine0 * (ratios[0] + ratios[1]))
        return parts[0] + parts[1]

    same = SOURCE.s0.equals(TARGET.s0)
    return chained(
        DISTANCE,
        Link(
            "s₀ = s₀', and Lemma 1",
            abs((remainders[0] + changes[0]) - (remainders[1] + changes[1])),
            (same,),
        ),
        Link(
            "triangle inequality",
            (abs(remainders[0]) + abs(changes[0])) + (abs(remainders[1]) + abs(changes[1])),
            (TRIANGLE_DIFFERENCE, TRIANGLE),
        ),
        Link("Lemma 1 with its remainder", bound(), (BY_REMAINDER, BY_EQ_8_SHARP)),
        Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", bound(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", bound(EPSILON), (SPECTRAL.relation,)),
        Link("s₀ = s₀'", RHS_EXPLICIT, (same,)),
    )


PROP_1_EXPLICIT = Claim(
    id="prop-1-explicit",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="with its remainder",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=(DISTANCE <= RHS_EXPLICIT,),
    prose="for every ε",
    expected=Verdict.PROVED,
    remark="no A_min and no hidden O(ε²)",
    setting=LORA,
    strategies=FINITE,
    proofs=(Proof("Lemma 1 with its remainder, for both models", explicit_chain()),),
)


def turn(m: Model) -> Term:
    """The most an output pair of this model turns: arcsin(ε‖x₁‖/‖x₁W‖) + arcsin(ε‖x₂‖/‖x₂W‖)."""
    first, second = (arcsin(EPSILON * k) for k in m.stretches)
    return let(f"a{m.prime}", first + second)


def theta(m: Model) -> Term:
    """The angle of y₁ and y₂."""
    return let(f"θ₀{m.prime}", angle(m.y1, m.y2))


def rise(m: Model) -> Term:
    """The most its cosine can rise."""
    return cos(positive(theta(m) - turn(m))) - cos(theta(m))


def fall(m: Model) -> Term:
    """The most its cosine can fall."""
    return cos(theta(m)) - cos(minimum(PI, theta(m) + turn(m)))


RHS_FINITE = maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))


@computed("θ̂ lies in [θ₀ − a, θ₀ + a] ∩ [0, π], and the cosine decreases there")
def finite_interval(claim: Claim) -> Iterator[Step]:
    """The angle of Lemma 1's finite form for y₁, y₂, ‖xAB‖ ≤ ε‖x‖; both ends, for both models."""
    from ioadapt_theory.claims.statements.lemma_1 import LEMMA_1_ANGLE

    sp = sympy()
    yield from (s for s in finite_angle.chain(LEMMA_1_ANGLE) if not s.reaches)
    t, a, t_target, a_target = sp.symbols("theta a theta' a'", real=True)
    known = {theta(SOURCE): t, turn(SOURCE): a, theta(TARGET): t_target, turn(TARGET): a_target}

    def ends(angle_: Any, by: Any) -> tuple[Any, Any]:
        return sp.cos(sp.Max(angle_ - by, 0)) - sp.cos(angle_), sp.cos(angle_) - sp.cos(sp.Min(sp.pi, angle_ + by))

    (up, down), (up_target, down_target) = ends(t, a), ends(t_target, a_target)
    derived = sp.Max(up + down_target, up_target + down)
    yield Step(
        "the largest difference of two such cosines is the right side",
        Check(symbolic(claim.goals[0].right, known) == derived),
        reaches=True,
    )
    f, g, eps = sp.symbols("f g epsilon", positive=True)
    turned = symbolic(turn(SOURCE), dict(zip(SOURCE.stretches, (f, g), strict=True)))
    yield Step("a is the sum of both arcsines", agree(turned, sp.asin(eps * f) + sp.asin(eps * g)))


PROP_1_FINITE = Claim(
    id="prop-1-finite",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="finite",
    amends="prop-1",
    given=(*SPECTRAL.given, BELOW_OUTPUTS),
    concludes=(DISTANCE <= RHS_FINITE,),
    expected=Verdict.PROVED,
    remark="no O(ε²) at all, for ε‖x‖ ≤ ‖xW‖",
    setting=setting(Placement.LORA, limit=below_outputs),
    strategies=FINITE,
    proofs=(Proof("triangle inequality on the sphere", finite_interval),),
)


@computed("the segment from y to ŷ may pass through 0: x = (1, 0), W = I, AB = −2I, ε = 2", prose=True)
def segment_through_zero(claim: Claim) -> Iterator[Step]:
    """All hypotheses of App. A.1 hold there, since W' = W and x' = x."""
    sp = sympy()
    x, ab = sp.Matrix([[1, 0]]), -2 * sp.eye(2)
    middle = x + sp.Rational(1, 2) * x * ab
    yield Step("y + ½xAB = 0", found(middle, sp.zeros(1, 2)))
    yield Step("‖AB‖₂ = ε = 2", found((ab.T * ab), 4 * sp.eye(2)))
    yield Step("ŷ = −y is not zero", found(x + x * ab, -x))


PROP_1_SEGMENT = Claim(
    id="prop-1-segment",
    source="Proof of Proposition 1 (App. A.1)",
    origin=Origin.PRINTED,
    prose="every point on the segment from (y₁, y₂) to (ŷ₁, ŷ₂) has norms bounded below by A_min > 0",
    expected=Verdict.REFUTED,
    remark="true while ε < min ‖xW‖/‖x‖ (prop-1-segment-small); prop-1-explicit does not need it",
    proofs=(Proof("AB = −2I", segment_through_zero, refutes=True),),
)


@computed("‖y + txAB‖ ≥ ‖y‖ − t‖xAB‖ ≥ ‖y‖ − ε‖x‖ for t in [0, 1]")
def segment_from_below(claim: Claim) -> Iterator[Step]:
    """The reversed triangle inequality, and ‖xAB‖ ≤ ‖x‖‖AB‖₂ ≤ ε‖x‖."""
    sp = sympy()
    x, y, eps, slack, rest = sp.symbols("x y epsilon slack rest", nonnegative=True)
    shorter, t = eps * x - slack, 1 - rest  # ‖xAB‖ and t
    yield Step(
        "y − t‖xAB‖ − (y − ε‖x‖) = slack + rest·‖xAB‖",
        agree(y - t * shorter - (y - eps * x), slack + rest * shorter),
    )
    x2, y2 = sp.symbols("x2 y2", nonnegative=True)
    lengths = {norm(SOURCE.x1): x, norm(SOURCE.x2): x2, norm(SOURCE.y1): y, norm(SOURCE.y2): y2}
    left = symbolic(claim.goals[0].left, {**lengths, EPSILON: eps})
    yield Step("the smaller one is the left side", Check(left == sp.Min(y - eps * x, y2 - eps * x2)), reaches=True)
    ends = segment(SOURCE.y1, SOURCE.y2, SOURCE.x1 @ AB, SOURCE.x2 @ AB)
    yield Step("the least length of both segments is the right side", Check(claim.goals[0].right == ends), reaches=True)


PROP_1_SEGMENT_SMALL = Claim(
    id="prop-1-segment-small",
    source="Proof of Proposition 1 (App. A.1)",
    origin=Origin.OURS,
    reading="small ε",
    amends="prop-1-segment",
    given=SPECTRAL.given,
    concludes=(
        minimum(*(norm(x @ SOURCE.w) - EPSILON * norm(x) for x in SOURCE[:2]))
        <= segment(SOURCE.y1, SOURCE.y2, SOURCE.x1 @ AB, SOURCE.x2 @ AB),
    ),
    expected=Verdict.PROVED,
    remark="so A_min > 0 where ε‖x‖ < ‖xW‖ for both inputs",
    setting=setting(Placement.LORA, limit=below_outputs),
    strategies=FINITE,
    proofs=(Proof("reversed triangle inequality", segment_from_below),),
)


@computed(
    "the constant of the printed remainder, C'/(2A_min²)(‖x₁‖² + ‖x₂‖²), is no function of what is displayed",
    prose=True,
)
def no_explicit_quadratic_term(claim: Claim) -> Iterator[Step]:
    """W = I, x = (1, 0), AB = −εI: A_min = 1 − ε → 0 as ε → 1, while ‖x‖/‖xW‖ = 1 and s₀ stay."""
    sp = sympy()
    eps, t = sp.symbols("epsilon t", positive=True)
    x = sp.Matrix([[1, 0]])
    length = (x - t * eps * x)[0].subs(t, 1)
    yield Step("A_min = 1 − ε", agree(length, 1 - eps))
    yield Step("1/A_min² → ∞ as ε → 1", found(sp.limit(1 / length**2, eps, 1, "-"), sp.oo))


REMARK_A1 = Claim(
    id="remark-a1",
    source="Remark A.1 (App. A.1)",
    origin=Origin.PRINTED,
    prose="the displayed bound has an explicit quadratic term in ε², and both parts are computable from the data",
    expected=Verdict.REFUTED,
    remark="O(ε²) is displayed, with A_min in its constant; prop-1-explicit has an explicit one in the displayed data",
    proofs=(Proof("A_min → 0 where all that is displayed stays", no_explicit_quadratic_term, refutes=True),),
)
CLAIMS = (
    PROP_1_EXPLICIT,
    PROP_1_FINITE,
    PROP_1_SEGMENT,
    PROP_1_SEGMENT_SMALL,
    REMARK_A1,
)
