"""What Proposition 2 can say of output adaptation with ‖AB‖₂ ≤ ε: exact without a remainder, and its slope."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Check,
    Step,
    computed,
    nonnegative,
    reached,
    simplifies,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.tree import Term, let, maximum, total
from ioadapt_theory.claims.settings.letters import EPSILON, MODELS, SOURCE, TARGET, Model
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    BELOW_ONE,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import FINITE, TO_FIRST_ORDER, second_order
from ioadapt_theory.claims.statements.prop_2_output.artanh import wielandt
from ioadapt_theory.claims.statements.prop_2_output.printed import CE2, DISTANCE, OUTPUT, SOURCE_TEXT, up_to

TAU = let("τ", 2 * EPSILON / (1 + EPSILON**2))
RHS_SHARP = 2 * EPSILON * total(lambda m: m.sine0**2, *MODELS)


def rise(m: Model) -> Term:
    """tanh(artanh s₀ + artanh τ) − s₀."""
    return TAU * m.sine0**2 / (1 + TAU * m.s0)


def fall(m: Model) -> Term:
    """The other end, s₀ − tanh(artanh s₀ − artanh τ)."""
    return TAU * m.sine0**2 / (1 - TAU * m.s0)


RHS_FINITE = maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))


def moebius(s: Any, tau: Any) -> Any:
    """tanh(artanh s + artanh τ)."""
    return (s + tau) / (1 + s * tau)


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
        Proof("both ends of the interval", ends_attained, shows=frozenset([Word.SHARP]), aside=True),
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
        Proof("both ends of the interval", ends_attained, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
CLAIMS = (PROP_2_OUTPUT_SHARP, PROP_2_OUTPUT_FINITE)
