"""Proposition 2 (Sec. 4, App. A.1), output adaptation: ŷ = xW(I + AB). T = I + AB."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Check,
    Step,
    agree,
    chained,
    computed,
    contradicted,
    nonnegative,
    reached,
    simplifies,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import OPERATOR, TRIANGLE_DIFFERENCE, Link
from ioadapt_theory.claims.expression.limits import delta, first_order
from ioadapt_theory.claims.expression.tree import Relation, Term, artanh, cond, let, ln, maximum, norm, spectral, total
from ioadapt_theory.claims.settings.letters import AB, EPSILON, MODELS, SOURCE, TARGET, Model, T, distance
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    BELOW_ONE,
    FROBENIUS,
    LITERAL,
    NOT_PARALLEL,
    REGULAR,
    SAME_OUTPUTS,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import FINITE, TO_FIRST_ORDER, second_order, setting
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8

SOURCE_TEXT = "Proposition 2 (App. A.1)"
OUTPUT = setting(Placement.OUTPUT)
DISTANCE = distance(Placement.OUTPUT)
TAU = let("τ", 2 * EPSILON / (1 + EPSILON**2))
RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON
RHS_SHARP = 2 * EPSILON * total(lambda m: m.sine0**2, *MODELS)


def rise(m: Model) -> Term:
    """tanh(artanh s₀ + artanh τ) − s₀."""
    return TAU * m.sine0**2 / (1 + TAU * m.s0)


def fall(m: Model) -> Term:
    """The other end, s₀ − tanh(artanh s₀ − artanh τ)."""
    return TAU * m.sine0**2 / (1 - TAU * m.s0)


def shift(m: Model, placement: Placement) -> Term:
    """|artanh sim(ŷ₁, ŷ₂) − artanh s₀| of one model."""
    return abs(artanh(m.adapted_sim(placement)) - artanh(m.s0))


RHS_FINITE = maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))


def by_norms() -> Any:
    """|δ| + |δ'| by Eq. 8 of each model, ‖yAB‖ ≤ ‖y‖‖AB‖₂ ≤ ‖y‖ε, whatever W."""

    def sums(length: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [norm(y @ AB) if length is None else norm(y) * length for y in (m.y1, m.y2)]
            parts.append((1 + abs(m.s0)) * (tops[0] / norm(m.y1) + tops[1] / norm(m.y2)))
        return parts[0] + parts[1]

    changes = [delta(m.y1, m.y2, m.y1 @ AB, m.y2 @ AB) for m in (SOURCE, TARGET)]
    return chained(
        first_order(DISTANCE),
        Link("triangle inequality", abs(changes[0]) + abs(changes[1]), (TRIANGLE_DIFFERENCE,)),
        Link("Lemma 1", sums(), (BY_EQ_8,)),
        Link("‖yAB‖ ≤ ‖y‖‖AB‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (SPECTRAL.relation,)),
        Link("s₀ = s₀'", RHS_ABS, (SAME_OUTPUTS.relation,)),
    )


def moebius(s: Any, tau: Any) -> Any:
    """tanh(artanh s + artanh τ)."""
    return (s + tau) / (1 + s * tau)


def wielandt() -> Iterator[Step]:
    """(1 + ŝ)/(1 − ŝ) ≤ (M/m)²(1 + s)/(1 − s) for M, m the largest and smallest stretch of T; a generalised Wielandt.

    u, v unit vectors with cosine s, p = ‖uT‖, r = ‖vT‖, c = ⟨uT, vT⟩ = ŝpr. The norms of (u + v)T and (ru − pv)T give
    both halves; no plane, no decomposition.
    """
    sp = sympy()
    p, r = sp.symbols("p r", positive=True)
    c, s = sp.symbols("c s", real=True)
    both = p**2 + r**2 + 2 * c
    yield Step(
        "‖(u + v)T‖² = p² + r² + 2c, at least 2(pr + c): the rest is (p − r)²",
        agree(both - 2 * (p * r + c), (p - r) ** 2),
    )
    yield Step("and it is at most M²‖u + v‖² = 2M²(1 + s), so pr + c ≤ M²(1 + s)", nonnegative((p - r) ** 2))
    image = r**2 * p**2 + p**2 * r**2 - 2 * r * p * c
    yield Step("‖(ru − pv)T‖² = 2pr(pr − c)", agree(image, 2 * p * r * (p * r - c)))
    length = r**2 + p**2 - 2 * p * r * s
    yield Step(
        "it is at least m²‖ru − pv‖², and ‖ru − pv‖² = 2pr(1 − s) + (p − r)²",
        agree(length, 2 * p * r * (1 - s) + (p - r) ** 2),
    )
    hat = c / (p * r)
    yield Step(
        "divided, so pr − c ≥ m²(1 − s): (pr + c)/(pr − c) = (1 + ŝ)/(1 − ŝ)",
        vanishes((p * r + c) / (p * r - c) - (1 + hat) / (1 - hat)),
    )
    yield Step("−v for v: s and ŝ change sign, and artanh is odd", simplifies(sp.atanh(-s) + sp.atanh(s)))


@computed("|artanh ŝ − artanh s₀| ≤ ln cond(T) for every regular T: a generalised Wielandt inequality")
def finite_theorem(claim: Claim) -> Iterator[Step]:
    """Half the logarithm of Wielandt's quotient."""
    sp = sympy()
    yield from wielandt()
    top, bottom, x = sp.symbols("M m x", positive=True)
    s = sp.Symbol("s", real=True)
    derivative = sp.diff(sp.log((1 + s) / (1 - s)) / 2, s)
    yield Step(
        "artanh s = ½ ln((1 + s)/(1 − s)): equal slopes, both 0 at 0", vanishes(derivative - sp.diff(sp.atanh(s), s))
    )
    derived = sp.expand_log(sp.log((top / bottom) ** 2 * x) / 2 - sp.log(x) / 2)
    for goal in claim.goals:
        right = sp.expand_log(symbolic(goal.right, {cond(T): top / bottom}))
        yield Step("½ ln((M/m)²x) − ½ ln x is the right side", simplifies(derived - right), reaches=True)


@computed("equality for every s₀ and cond(T): u, v symmetric about a singular axis of T")
def finite_attained(claim: Claim) -> Iterator[Step]:
    """u, v = (1, ±h), T = diag(k, 1): h becomes h/k, and (1 + s)/(1 − s) = 1/h²."""
    sp = sympy()
    k, h = sp.symbols("k h", positive=True)

    def odds(height: Any) -> Any:
        s = (1 - height**2) / (1 + height**2)
        return sp.simplify((1 + s) / (1 - s))

    growth = sp.log(sp.simplify(odds(h / k) / odds(h))) / 2
    right = symbolic(claim.goals[0].right, {cond(T): k})
    yield Step(
        "½ ln of the quotient of the odds is the right side", simplifies(sp.expand_log(growth - right)), reaches=True
    )


def condition_of_adapter() -> Iterator[Step]:
    """‖AB‖₂ ≤ ε < 1: ln cond(I + AB) ≤ 2 artanh ε; with rank(AB) = 1 only ln 1/(1 − ε)."""
    sp = sympy()
    eps = sp.Symbol("epsilon", positive=True)
    tanh_sq = (((1 + eps) / (1 - eps)) ** 2 - 1) / (((1 + eps) / (1 - eps)) ** 2 + 1)
    yield Step(
        "cond ≤ (1 + ε)/(1 − ε) = exp(2 artanh ε): tanh of its logarithm is 2ε/(1 + ε²)",
        vanishes(tanh_sq - 2 * eps / (1 + eps**2)),
    )
    kappa, lam, perp = sp.symbols("kappa lambda q", real=True)  # κ² + q² = 1; AB = ε eᵀf with f = (κ, q)
    circle = perp**2 + kappa**2 - 1
    t = sp.eye(2) + eps * sp.Matrix([[kappa, perp], [0, 0]])
    gram = t * t.T
    yield Step("rank 1: σ₁σ₂ = 1 + εκ", vanishes(gram.det() - (1 + eps * kappa) ** 2, circle))
    yield Step(
        "σ₁/σ₂ + σ₂/σ₁ = 2 + ε²/(1 + εκ)",
        vanishes(gram.trace() / (1 + eps * kappa) - 2 - eps**2 / (1 + eps * kappa), circle),
    )
    yield Step(
        "which is largest, 1/(1 − ε) + (1 − ε), at κ = −1", vanishes(2 + eps**2 / (1 - eps) - 1 / (1 - eps) - (1 - eps))
    )
    at_one = (lam * sp.eye(2) - gram).det().subs(lam, 1)
    yield Step(
        "(1 − σ₁²)(1 − σ₂²) = −ε²(1 − κ²) ≤ 0: the other singular values, 1, lie between",
        vanishes(at_one + eps**2 * (1 - kappa**2), circle),
    )


@computed("|ŝ − ŝ'| ≤ 2τ(1 − s²)/(1 − s²τ²) ≤ 2τ ≤ 4ε with τ = 2ε/(1 + ε²)")
def two_models(claim: Claim) -> Iterator[Step]:
    """Both adapted cosines lie in the interval tanh(artanh s ± artanh τ)."""
    sp = sympy()
    yield from wielandt()
    yield from condition_of_adapter()
    s, s_target, tau = sp.symbols("s s' tau", real=True)
    eps = sp.Symbol("epsilon", positive=True)
    known = {TAU: tau, SOURCE.s0: s, TARGET.s0: s_target}
    known |= {SOURCE.sine0: sp.sqrt(1 - s**2), TARGET.sine0: sp.sqrt(1 - s_target**2)}
    ends = [moebius(a, tau) - a + b - moebius(b, -tau) for a, b in ((s, s_target), (s_target, s))]
    for k, (end, part) in enumerate(zip(ends, claim.goals[0].right.args, strict=True)):
        yield Step(f"the two far ends, {('source above', 'target above')[k]}, are an argument of the right side",
                   vanishes(end - symbolic(part, known)), reaches=True)  # fmt: skip
    gap = moebius(s, tau) - moebius(s, -tau)
    yield Step("s₀ = s₀': 2τ(1 − s²)/(1 − s²τ²)", vanishes(gap - 2 * tau * (1 - s**2) / (1 - s**2 * tau**2)))
    yield Step("which is ends[0] for equal cosines", vanishes(ends[0].subs(s_target, s) - gap))
    yield Step(
        "2τ − that = 2τ s²(1 − τ²)/(1 − s²τ²)",
        vanishes(2 * tau - gap - 2 * tau * s**2 * (1 - tau**2) / (1 - s**2 * tau**2)),
    )
    double = symbolic(TAU)
    yield Step("4ε − 2τ = 4ε³/(1 + ε²)", vanishes(4 * eps - 2 * double - 4 * eps**3 / (1 + eps**2)))
    yield Step("which is ≥ 0", nonnegative(4 * eps**3 / (1 + eps**2)))


@computed("AB = ε(e₊ᵀe₊ − e₋ᵀe₋) moves the cosine to an end of the interval, for every s₀ and ε")
def ends_attained(claim: Claim) -> Iterator[Step]:
    """The pair y = (1, ±h) around e₊ = (1, 0), so s = (1 − h²)/(1 + h²); the target's pair (±h, 1) around e₋."""
    sp = sympy()
    h = sp.Symbol("h", real=True)
    eps = sp.Symbol("epsilon", positive=True)
    cosine, double = (1 - h**2) / (1 + h**2), symbolic(TAU)
    for sign, h_hat in ((1, h * (1 - eps) / (1 + eps)), (-1, h * (1 + eps) / (1 - eps))):
        adapted = (1 - h_hat**2) / (1 + h_hat**2)
        yield Step(f"the end {sign:+d}", vanishes(adapted - moebius(cosine, sign * double)))
    s = sp.Symbol("s", real=True)
    gap = (moebius(s, double) - moebius(s, -double)).subs(s, cosine)
    known = {m.s0: cosine for m in (SOURCE, TARGET)} | {m.sine0: sp.sqrt(1 - cosine**2) for m in (SOURCE, TARGET)}
    first = claim.goals[0].right.args[0] if claim.goals[0].right.op == "max" else None
    if first is None:  # to first order
        series = sp.series(gap, eps, 0, 2).removeO()
        right = symbolic(claim.goals[0].right, known)
        yield Step("the slope at ε = 0 is the right side", simplifies(series - right), reaches=True)
    else:
        yield Step("their distance is the right side", simplifies(gap - symbolic(first, known)), reaches=True)


@computed("the finite theorem to second order: 4(1 − s²)ε + O(ε³)")
def sharp_slope(claim: Claim) -> Iterator[Step]:
    """The series of the interval's length."""
    sp = sympy()
    yield from wielandt()
    yield from condition_of_adapter()
    s = sp.Symbol("s", real=True)
    eps = sp.Symbol("epsilon", positive=True)
    gap = moebius(s, symbolic(TAU)) - moebius(s, -symbolic(TAU))
    series = sp.series(gap, eps, 0, 3).removeO()
    yield Step("no term in ε²", vanishes(series - series.coeff(eps, 1) * eps))
    known = dict.fromkeys((SOURCE.sine0, TARGET.sine0), sp.sqrt(1 - s**2))
    yield Step("the order that is claimed is 3", Check(claim.concludes[0].order == 3))
    yield reached(claim, sp.expand(series), known)


@computed("‖AB‖_F ≤ ε: sup |δ − δ'| = 2√2(1 − s²)ε over all pairs, above 4(1 + s)ε iff s < 1 − √2")
def frobenius_constant(claim: Claim) -> Iterator[Step]:
    """δ − δ' = ⟨M, K − K'⟩ ≤ ε‖K − K'‖_F, and ‖K‖_F = √2(1 − s²) with K, K' = −K orthogonal in sign: 2√2(1 − s²)."""
    sp = sympy()
    s = sp.Symbol("s", real=True)
    k = (1 - s**2) * sp.diag(1, -1)
    size_sq = sum(e**2 for e in k - (-k))
    yield Step("‖K − K'‖_F² = 8(1 − s²)² for K' = −K", vanishes(size_sq - 8 * (1 - s**2) ** 2))
    printed = symbolic(claim.goals[0].right, {SOURCE.s0: s}) / sp.Symbol("epsilon", positive=True)
    excess = sp.factor(2 * sp.sqrt(2) * (1 - s**2) - printed)
    yield Step("2√2(1 − s²) − 4(1 + s) = 2√2(1 + s)(1 − √2 − s)",
               vanishes(sp.expand(excess - 2 * sp.sqrt(2) * (1 + s) * (1 - sp.sqrt(2) - s))), reaches=True)  # fmt: skip


def up_to(right: Term, order: int = 2) -> tuple[Relation, ...]:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ right + O(ε^order)."""
    return ((DISTANCE <= right).up_to(order),)


REMARK_LITERAL = "needs √ε in place of ε, and then the remainder is of the order of the displayed term"
CE2 = ("ce2", "ce2b", "ce2c")
SHARP = frozenset([Word.SHARP])

PROP_2_OUTPUT = Claim(
    id="prop-2-output",
    source=SOURCE_TEXT,
    origin=Origin.READING,
    reading="‖AB‖₂ ≤ ε as its proof uses it",
    given=SPECTRAL.given,
    concludes=up_to(RHS),
    expected=Verdict.REFUTED,
    remark="false for every s₀ in (−1, 0), by the factor 1 − s₀; true with 1 + |s₀|; sharp: 1 − s₀²",
    witnesses=CE2,
    setting=OUTPUT,
    strategies=TO_FIRST_ORDER,
    proofs=contradicted(*CE2),
)
PROP_2_OUTPUT_LITERAL = Claim(
    id="prop-2-output-literal",
    source=SOURCE_TEXT,
    origin=Origin.PRINTED,
    reading="‖AB‖₂² ≤ ε as stated",
    given=LITERAL.given,
    concludes=up_to(RHS),
    expected=Verdict.REFUTED,
    remark=REMARK_LITERAL,
    witnesses=("ce4-output",),
    setting=setting(Placement.OUTPUT, LITERAL),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce4-output"),
)
PROP_2_OUTPUT_FROBENIUS = Claim(
    id="prop-2-output-frobenius",
    source=SOURCE_TEXT,
    origin=Origin.READING,
    reading="‖AB‖_F ≤ ε as in its proof",
    given=FROBENIUS.given,
    concludes=up_to(RHS),
    expected=Verdict.REFUTED,
    remark="false for s₀ < 1 − √2; the sharp constant of this reading is 2√2(1 − s₀²)",
    witnesses=("prop-2-output-frobenius",),
    setting=setting(Placement.OUTPUT, FROBENIUS),
    strategies=TO_FIRST_ORDER,
    proofs=(
        *contradicted("prop-2-output-frobenius"),
        Proof("the sharp constant of this reading", frobenius_constant, refutes=True),
    ),
)
PROP_2_OUTPUT_ABS = Claim(
    id="prop-2-output-abs",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="|s₀| for s₀",
    amends="prop-2-output",
    given=SPECTRAL.given,
    concludes=up_to(RHS_ABS),
    expected=Verdict.PROVED,
    remark="tight only at s₀ = 0; independent of the base weights, as the paper says",
    setting=OUTPUT,
    strategies=TO_FIRST_ORDER,
    proofs=(Proof("Eq. 8 for both models", by_norms()),),
)
PROP_2_OUTPUT_SHARP = Claim(
    id="prop-2-output-sharp",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="sharp",
    amends="prop-2-output",
    given=SPECTRAL.given,
    concludes=up_to(RHS_SHARP, 3),
    expected=Verdict.PROVED,
    remark="that is 4(1 − s₀²)ε; attained for every s₀ by the outputs turned by 90 degrees",
    attained=CE2,
    words=(Word.ATTAINED, Word.SHARP),
    setting=OUTPUT,
    strategies=(*TO_FIRST_ORDER, second_order(Placement.OUTPUT)),
    proofs=(
        Proof("the finite theorem, expanded", sharp_slope),
        Proof("both ends of the interval", ends_attained, shows=SHARP, aside=True),
    ),
)
PROP_2_OUTPUT_FINITE = Claim(
    id="prop-2-output-finite",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="exact, finite",
    amends="prop-2-output",
    given=(*SPECTRAL.given, BELOW_ONE),
    concludes=(DISTANCE <= RHS_FINITE,),
    expected=Verdict.PROVED,
    remark="for s₀ = s₀' that is 2τ(1 − s₀²)/(1 − s₀²τ²), at most 2τ ≤ 4ε, so that 4ε needs no O(ε²)",
    attained=CE2,
    words=(Word.ATTAINED, Word.SHARP),
    setting=OUTPUT,
    strategies=FINITE,
    proofs=(
        Proof("generalised Wielandt; cond(I + AB); both ends of the interval", two_models),
        Proof("both ends of the interval", ends_attained, shows=SHARP, aside=True),
    ),
)
PROP_2_OUTPUT_ARTANH = Claim(
    id="prop-2-output-artanh",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="exact, any adapter",
    amends="prop-2-output",
    given=(SAME_OUTPUTS, NOT_PARALLEL, REGULAR),
    concludes=tuple(shift(m, Placement.OUTPUT) <= ln(cond(T)) for m in (SOURCE, TARGET)),
    expected=Verdict.PROVED,
    remark="a generalised Wielandt inequality: what an output adapter can do to a similarity depends on I + AB alone",
    attained=CE2,
    words=(Word.ATTAINED, Word.SHARP),
    setting=OUTPUT,
    strategies=FINITE,
    proofs=(
        Proof("norms of (u + v)T and (ru − pv)T", finite_theorem),
        Proof("a pair about a singular axis", finite_attained, shows=SHARP, aside=True),
    ),
)
CLAIMS = (
    PROP_2_OUTPUT,
    PROP_2_OUTPUT_LITERAL,
    PROP_2_OUTPUT_FROBENIUS,
    PROP_2_OUTPUT_ABS,
    PROP_2_OUTPUT_SHARP,
    PROP_2_OUTPUT_FINITE,
    PROP_2_OUTPUT_ARTANH,
)
