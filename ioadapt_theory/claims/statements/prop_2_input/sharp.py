"""What Proposition 2 can say of input adaptation: ŷ = x(I + AB)W; the constant depends on κ = cond(W).

u, v are the unit vectors along y₁, y₂, e₊ and e₋ those along u + v and u − v.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Step,
    agree,
    chained,
    computed,
    general,
    nonnegative,
    simplifies,
    vanishes,
    zero,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.gradients import dual_form, slope
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import OPERATOR, TRIANGLE_DIFFERENCE, Link
from ioadapt_theory.claims.expression.limits import delta, first_order
from ioadapt_theory.claims.expression.tree import Relation, Term, cond, let, ln, norm, spectral, total
from ioadapt_theory.claims.settings.letters import AB, EPSILON, MODELS, SOURCE, TARGET, Model, distance
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    BELOW_ONE,
    FULL_ROW_RANK,
    NOT_PARALLEL,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import FINITE, TO_FIRST_ORDER, second_order, setting
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8_SHARP
from ioadapt_theory.claims.statements.prop_2_output.artanh import shift
from ioadapt_theory.claims.statements.prop_2_output.printed import SOURCE_TEXT

INPUT = setting(Placement.INPUT)
DISTANCE = distance(Placement.INPUT)


def kappa(m: Model) -> Term:
    """κ = cond(W)."""
    return let(f"κ{m.prime}", cond(m.w))


def spread(m: Model) -> Term:
    """κ + 1/κ."""
    return kappa(m) + 1 / kappa(m)


RHS_SHARP = EPSILON * total(lambda m: m.sine0**2 * spread(m), *MODELS)
RHS_VECTORS = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]) * spectral(m.w), *MODELS)


def by_norms() -> Any:
    """|δ| + |δ'| by Eq. 8 sharpened; ‖xABW‖ ≤ ‖x‖‖AB‖₂‖W‖₂."""

    def sums(length: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [norm(x @ AB @ m.w) if length is None else norm(x) * length * spectral(m.w) for x in (m.x1, m.x2)]
            parts.append(m.sine0 * (tops[0] / norm(m.y1) + tops[1] / norm(m.y2)))
        return parts[0] + parts[1]

    changes = [delta(m.y1, m.y2, m.x1 @ AB @ m.w, m.x2 @ AB @ m.w) for m in (SOURCE, TARGET)]
    return chained(
        first_order(DISTANCE),
        Link("triangle inequality", abs(changes[0]) + abs(changes[1]), (TRIANGLE_DIFFERENCE,)),
        Link("Lemma 1, sharpened", sums(), (BY_EQ_8_SHARP,)),
        Link("‖xABW‖ ≤ ‖x‖‖AB‖₂‖W‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (SPECTRAL.relation,)),
        Link("collect", RHS_VECTORS),
    )


def kantorovich(k: Any) -> Any:
    """‖eW⁺‖‖eWᵀ‖ ≤ (κ + 1/κ)/2 for a unit vector e in the row space of W; returns that bound.

    Weights e_i² on λ = σ_i² in [a, b], b = κ²a; X = Σ e_i² λ_i, Y = Σ e_i²/λ_i.
    """
    sp = sympy()
    lam, x, y, a, b = sp.symbols("lambda X Y a b", positive=True)
    yield Step(
        "(λ − a)(b − λ)/λ = (a + b) − (λ + ab/λ), ≥ 0 on [a, b], so X + abY ≤ a + b",
        vanishes((lam - a) * (b - lam) / lam - (a + b) + lam + a * b / lam),
    )
    slack = (x + a * b * y) ** 2 - 4 * a * b * x * y
    yield Step("(X + abY)² − 4abXY = (X − abY)²", agree(slack, (x - a * b * y) ** 2))
    yield Step("which is ≥ 0, so XY ≤ (a + b)²/(4ab)", nonnegative((x - a * b * y) ** 2))
    bound = sp.simplify(((a + b) ** 2 / (4 * a * b)).subs(b, k**2 * a))
    root = sp.powdenest(sp.sqrt(sp.factor(bound)), force=True)
    yield Step("b = κ²a: √(XY) ≤ (κ + 1/κ)/2", simplifies(root - (k + 1 / k) / 2))
    return root


@computed("sup |δ| ≤ (1 − s²)(κ + 1/κ)ε over ‖AB‖₂ ≤ ε, for one model")
def sharp_constant(claim: Claim) -> Iterator[Step]:
    """‖W⁺ᵀKWᵀ‖_* ≤ (1 − s²)(‖e₊W⁺‖‖e₊Wᵀ‖ + ‖e₋W⁺‖‖e₋Wᵀ‖), and Kantorovich for both terms."""
    sp = sympy()
    yield from dual_form()
    k, s, eps = sp.symbols("k s epsilon", positive=True)
    each = yield from kantorovich(k)
    derived = eps * (1 - s**2) * (each + each)
    part = general(claim.goals[0].right)
    known = {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}
    yield Step("twice that is the summand of the right side", simplifies(derived - symbolic(part, known)), reaches=True)


@computed("W = W' = diag(1, κ), AB = ε[[0, 1], [1, 0]] attains it for every κ and s₀")
def attained_everywhere(claim: Claim) -> Iterator[Step]:
    """Pairs symmetric about the 45-degree directions: e₊ for the source, e₋ for the target."""
    sp = sympy()
    k, h, eps = sp.symbols("k h epsilon", positive=True)
    w, m = sp.diag(1, k), eps * sp.Matrix([[0, 1], [1, 0]])
    s = (1 - h**2) / (1 + h**2)
    yield Step("‖AB‖₂ = ε", zero(m.T * m - eps**2 * sp.eye(2)))
    pairs = {"source": ([1 + h, 1 - h], [1 - h, 1 + h]), "target": ([1 + h, h - 1], [1 - h, -1 - h])}
    cosines, slopes = [], []
    for name, (y1, y2) in pairs.items():
        u, v = sp.Matrix([y1]), sp.Matrix([y2])
        x1, x2 = u * w.inv(), v * w.inv()
        cosines.append((x1 * x2.T)[0] ** 2 / (x1 * x1.T)[0] / (x2 * x2.T)[0])
        yield Step(f"{name}: ‖y₁‖ = ‖y₂‖", vanishes((u * u.T)[0] - (v * v.T)[0]))
        yield Step(f"{name}: sim(y₁, y₂) = s", vanishes((u * v.T)[0] - s * (u * u.T)[0]))
        slopes.append(sp.powdenest(slope(u, v, x1 * m * w, x2 * m * w), force=True))
    yield Step("sim(x₁, x₂) = sim(x₁', x₂')", vanishes(cosines[0] - cosines[1]))
    known = dict.fromkeys((SOURCE.sine0, TARGET.sine0), 2 * h / (1 + h**2))
    known |= {kappa(SOURCE): k, kappa(TARGET): k}
    right = symbolic(claim.goals[0].right, known)
    yield Step("δ − δ' is the right side", simplifies(slopes[0] - slopes[1] - right), reaches=True)


@computed("|artanh ŝ − artanh s₀| ≤ (κ + 1/κ) ln 1/(1 − ε) for ε < 1, without a remainder")
def finite(claim: Claim) -> Iterator[Step]:
    """Integrate the sharp slope along x(I + tM)W: there the adapter is (I + tM)⁻¹M, of norm at most ε/(1 − tε)."""
    sp = sympy()
    yield from (step for step in sharp_constant.chain(PROP_2_INPUT_SHARP) if not step.reaches)
    s, t = sp.symbols("s t", real=True)
    eps, k = sp.symbols("epsilon k", positive=True)
    m = sp.MatrixSymbol("M", 3, 3).as_explicit()
    yield Step(
        "d artanh s = ds/(1 − s²), which cancels the (1 − s²) of the constant",
        vanishes(sp.diff(sp.atanh(s), s) - 1 / (1 - s**2)),
    )
    yield Step(
        "(I + tM)·M = M·(I + tM), so d/dt x(I + tM) = x(t)·(I + tM)⁻¹M",
        zero((sp.eye(3) + t * m) * m - m * (sp.eye(3) + t * m)),
    )
    primitive = -sp.log(1 - t * eps)
    yield Step("a primitive of ε/(1 − tε)", vanishes(sp.diff(primitive, t) - eps / (1 - t * eps)))
    part = symbolic(general(RHS_SHARP), {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}) / (eps * (1 - s**2))
    derived = sp.simplify(part) * (primitive.subs(t, 1) - primitive.subs(t, 0))
    for m_, goal in zip((SOURCE, TARGET), claim.goals, strict=True):
        right = symbolic(goal.right, {kappa(m_): k})
        yield Step(
            f"the integral is the right side{' of the target' * bool(m_.prime)}",
            simplifies(derived - right),
            reaches=True,
        )


def up_to(right: Term) -> tuple[Relation, ...]:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ right + O(ε²)."""
    return ((DISTANCE <= right).up_to(2),)


PROP_2_INPUT_SHARP = Claim(
    id="prop-2-input-sharp",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="sharp",
    amends="prop-2-input",
    given=(*SPECTRAL.given, *FULL_ROW_RANK),
    concludes=up_to(RHS_SHARP),
    expected=Verdict.PROVED,
    remark="depends on the base weights; attained for κ = κ' and every s₀; 4(1 − s₀²) only for scaled isometries",
    attained=("ce1b", "ce1f"),
    words=(Word.ATTAINED, Word.SHARP),
    setting=INPUT,
    strategies=(*TO_FIRST_ORDER, second_order(Placement.INPUT)),
    proofs=(
        Proof("nuclear norm, Kantorovich", sharp_constant),
        Proof("W = W' = diag(1, κ)", attained_everywhere, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
PROP_2_INPUT_VECTORS = Claim(
    id="prop-2-input-vectors",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="what the proof supports",
    amends="prop-2-input",
    given=SPECTRAL.given,
    concludes=up_to(RHS_VECTORS),
    prose="for any W",
    expected=Verdict.PROVED,
    remark="the only form left where c > d: there no function of the singular values bounds it",
    setting=INPUT,
    strategies=TO_FIRST_ORDER,
    proofs=(Proof("Eq. 8 sharpened, for both models", by_norms()),),
)
PROP_2_INPUT_FINITE = Claim(
    id="prop-2-input-finite",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="finite",
    amends="prop-2-input",
    given=(*SPECTRAL.given, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
    concludes=tuple(shift(m, Placement.INPUT) <= -(spread(m) * ln(1 - EPSILON)) for m in (SOURCE, TARGET)),
    expected=Verdict.PROVED,
    remark="no O(ε²); the sharp slope integrated; prop-2-input-finite-sharp is the best such bound",
    setting=INPUT,
    strategies=FINITE,
    proofs=(Proof("the sharp slope along x(I + tAB)W", finite),),
)
CLAIMS = (PROP_2_INPUT_SHARP, PROP_2_INPUT_VECTORS, PROP_2_INPUT_FINITE)
