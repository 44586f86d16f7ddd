"""Proposition 2 (Sec. 4, App. A.1), output adaptation, as printed and as it can be read: ŷ = xW(I + AB)."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import (
    Step,
    chained,
    computed,
    contradicted,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import OPERATOR, TRIANGLE_DIFFERENCE, Link
from ioadapt_theory.claims.expression.limits import delta, first_order
from ioadapt_theory.claims.expression.tree import Relation, Term, norm, spectral
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SOURCE, TARGET, distance
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SAME_OUTPUTS,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import TO_FIRST_ORDER, setting
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8

SOURCE_TEXT = "Proposition 2 (App. A.1)"
OUTPUT = setting(Placement.OUTPUT)
DISTANCE = distance(Placement.OUTPUT)
RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON


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
CLAIMS = (PROP_2_OUTPUT, PROP_2_OUTPUT_LITERAL, PROP_2_OUTPUT_FROBENIUS, PROP_2_OUTPUT_ABS)
