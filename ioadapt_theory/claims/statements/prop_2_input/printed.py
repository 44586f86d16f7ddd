"""Proposition 2 (Sec. 4, App. A.1), input adaptation, as printed and as it can be read: ŷ = x(I + AB)W.

The proof uses ‖x‖‖W‖ as if it were ‖xW‖. κ = cond(W).
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import (
    Check,
    Step,
    computed,
    contradicted,
    found,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.settings import intervals
from ioadapt_theory.claims.settings.letters import SOURCE, TARGET
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import TO_FIRST_ORDER, setting
from ioadapt_theory.claims.statements.prop_2_input.sharp import INPUT, RHS_SHARP, kappa, up_to
from ioadapt_theory.claims.statements.prop_2_output.printed import REMARK_LITERAL, RHS, RHS_ABS, SOURCE_TEXT

ALL = tuple(f"ce1{x}" for x in ("", "b", "c", "d", "e", "f", "g"))


@computed("4(1 + |s|)ε bounds δ for all weights of condition numbers κ, κ' iff (1 − |s|)(κ + 1/κ + κ' + 1/κ') ≤ 4")
def printed_term(claim: Claim) -> Iterator[Step]:
    """Compare with the sharp constant; at κ = κ' = 1 it is the output constant 4(1 − s²)."""
    sp = sympy()
    a, k, l = sp.symbols("a k l", positive=True)  # noqa: E741, a = |s|
    known = dict.fromkeys((SOURCE.sine0, TARGET.sine0), sp.sqrt(1 - a**2)) | {kappa(SOURCE): k, kappa(TARGET): l}
    eps = sp.Symbol("epsilon", positive=True)
    sharp = sp.expand(symbolic(RHS_SHARP, known) / eps)
    printed = symbolic(claim.goals[0].right, {SOURCE.s0: a, abs(SOURCE.s0): a}) / eps
    yield Step(
        "printed − sharp = (1 + |s|)(4 − (1 − |s|)(κ + 1/κ + κ' + 1/κ'))",
        vanishes(printed - sharp - (1 + a) * (4 - (1 - a) * (k + 1 / k + l + 1 / l))),
        reaches=True,
    )
    yield Step(
        "κ + 1/κ − 2 = (κ − 1)²/κ: at s = 0 only scaled row isometries qualify",
        vanishes(k + 1 / k - 2 - (k - 1) ** 2 / k),
    )
    yield Step("κ = κ' = 1 gives the sharp output constant", vanishes(sharp.subs({k: 1, l: 1}) - 4 * (1 - a**2)))
    yield Step("κ → ∞: no constant will do", found(sp.limit(sharp.subs({a: 0, l: k}) - 4, k, sp.oo), sp.oo))


@computed("ce1c violates 4ε for every ε in (0, 11/100]: the slope 5 at 0 is no artefact of a single ε")
def interval(claim: Claim) -> Iterator[Step]:
    """W = diag(1, 6), W' = I, x = e₁, e₂, AB = ε e₁ᵀe₂: closed form, then two independent interval libraries."""
    sp = sympy()
    eps = sp.Symbol("epsilon", positive=True)
    x1, x2, ab = sp.Matrix([[1, 0]]), sp.Matrix([[0, 1]]), eps * sp.Matrix([[0, 1], [0, 0]])

    def cosine(w: Any) -> Any:
        u, v = x1 * (sp.eye(2) + ab) * w, x2 * (sp.eye(2) + ab) * w
        return (u * v.T)[0] / sp.sqrt(sp.expand((u * u.T)[0] * (v * v.T)[0]))

    gap = cosine(sp.diag(1, 6)) - cosine(sp.eye(2))
    printed = symbolic(claim.goals[0].right, {SOURCE.s0: 0})
    excess = intervals.excess(eps, sp.sqrt)
    yield Step("distance − 4ε = ε·excess", vanishes(gap - printed - eps * excess), reaches=True)
    yield Step("slope of the excess at 0: 5 − 4", found(sp.limit(excess, eps, 0), 1))
    upper = Fraction(11, 100)
    beyond = excess.subs(eps, sp.Rational(upper + Fraction(1, 100)))
    yield Step("negative at 12/100, so that no larger range of whole hundredths will do", found(sp.sign(beyond), -1))
    yield Step("positive on the range, mpmath intervals", Check(intervals.by_mpmath(upper)))
    yield Step("positive on the range, Arb balls", Check(intervals.by_flint(upper)))


PROP_2_INPUT = Claim(
    id="prop-2-input",
    source=SOURCE_TEXT,
    origin=Origin.READING,
    reading="‖AB‖₂ ≤ ε as its proof uses it",
    given=SPECTRAL.given,
    concludes=up_to(RHS),
    expected=Verdict.REFUTED,
    remark="false also with |s₀|, by any factor: the true constant grows with cond(W)",
    witnesses=ALL,
    setting=INPUT,
    strategies=TO_FIRST_ORDER,
    proofs=(*contradicted(*ALL), Proof("ce1c violates on a whole interval of epsilon", interval, refutes=True)),
)
PROP_2_INPUT_LITERAL = Claim(
    id="prop-2-input-literal",
    source=SOURCE_TEXT,
    origin=Origin.PRINTED,
    reading="‖AB‖₂² ≤ ε as stated",
    given=LITERAL.given,
    concludes=up_to(RHS),
    expected=Verdict.REFUTED,
    remark=REMARK_LITERAL,
    witnesses=("ce4-input",),
    setting=setting(Placement.INPUT, LITERAL),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce4-input"),
)
PROP_2_INPUT_FROBENIUS = Claim(
    id="prop-2-input-frobenius",
    source=SOURCE_TEXT,
    origin=Origin.READING,
    reading="‖AB‖_F ≤ ε as in its proof",
    given=FROBENIUS.given,
    concludes=up_to(RHS),
    expected=Verdict.REFUTED,
    remark="the witnesses have rank one, for which the two norms agree",
    witnesses=("ce1", "ce1c", "ce1e", "ce1g"),
    setting=setting(Placement.INPUT, FROBENIUS),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce1", "ce1c", "ce1e", "ce1g"),
)
PROP_2_INPUT_ABS = Claim(
    id="prop-2-input-abs",
    source=SOURCE_TEXT,
    origin=Origin.READING,
    reading="|s₀| for s₀",
    amends="prop-2-input",
    given=SPECTRAL.given,
    concludes=up_to(RHS_ABS),
    expected=Verdict.REFUTED,
    remark="guaranteed where (1 − |s₀|)(κ + 1/κ + κ' + 1/κ') ≤ 4",
    witnesses=ALL,
    setting=INPUT,
    strategies=TO_FIRST_ORDER,
    proofs=(
        *contradicted(*ALL),
        Proof("where it is guaranteed, and that it is not in general", printed_term, refutes=True),
    ),
)
CLAIMS = (PROP_2_INPUT, PROP_2_INPUT_LITERAL, PROP_2_INPUT_FROBENIUS, PROP_2_INPUT_ABS)
