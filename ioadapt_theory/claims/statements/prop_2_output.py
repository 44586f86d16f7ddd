"""Proposition 2 (Sec. 4, App. A.1), output adaptation, as printed and as it can be read: ŷ = xW(I + AB)."""

from collections.abc import Iterator

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8

PROP_2_TEXT = "Proposition 2 (App. A.1)"
SETTING = similarity_setting(OUTPUT)
DISTANCE = distance(OUTPUT)
RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON
CE2 = ("ce2", "ce2b", "ce2c")
REMARK_LITERAL = "needs √ε in place of ε, and then the remainder is of the order of the displayed term"


def by_norms() -> Derived:
    """|δ| + |δ'| by Eq. 8 of each model, ‖yAB‖ ≤ ‖y‖‖AB‖₂ ≤ ‖y‖ε, whatever W."""

    def sums(length: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [norm(y @ AB) if length is None else norm(y) * length for y in (m.y1, m.y2)]
            parts.append((1 + abs(m.s0)) * (tops[0] / norm(m.y1) + tops[1] / norm(m.y2)))
        return parts[0] + parts[1]

    changes = [delta(m.y1, m.y2, m.y1 @ AB, m.y2 @ AB) for m in (SOURCE, TARGET)]
    return derived(
        "Eq. 8 for both models",
        first_order(DISTANCE),
        Link("triangle inequality", abs(changes[0]) + abs(changes[1]), (TRIANGLE_DIFFERENCE,)),
        Link("Lemma 1", sums(), (BY_EQ_8,)),
        Link("‖yAB‖ ≤ ‖y‖‖AB‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (SPECTRAL.relation,)),
        Link("s₀ = s₀'", RHS_ABS, (SAME_OUTPUTS,)),
    )


@argued(Remarked, "the sharp constant of this reading",
        "‖AB‖_F ≤ ε: sup |δ − δ'| = 2√2(1 − s²)ε over all pairs, above 4(1 + s)ε iff s < 1 − √2")  # fmt: skip
def frobenius_constant(claim: Claim) -> Iterator[Step]:
    """δ − δ' = ⟨M, K − K'⟩ ≤ ε‖K − K'‖_F, and K, K' = −K are of norm √2(1 − s²)."""
    sp = sympy()
    s, eps = sp.Symbol("s", real=True), sp.Symbol("epsilon", positive=True)
    k = (1 - s**2) * sp.diag(1, -1)
    yield Step("‖K − K'‖_F² = 8(1 − s²)² for K' = −K", vanishes(sum(e**2 for e in k - (-k)) - 8 * (1 - s**2) ** 2))
    excess = sp.factor(2 * sp.sqrt(2) * (1 - s**2) - symbolic(claim.goals[0].right, {SOURCE.s0: s}) / eps)
    form = 2 * sp.sqrt(2) * (1 + s) * (1 - sp.sqrt(2) - s)
    yield Step("2√2(1 − s²) − 4(1 + s) = 2√2(1 + s)(1 − √2 − s)", vanishes(sp.expand(excess - form)))


def up_to(right: Term, order: int = 2, left: Term = DISTANCE) -> tuple[Relation, ...]:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')| ≤ right + O(ε^order)."""
    return ((left <= right).up_to(order),)


CLAIMS = (
    Claim(
        id="prop-2-output",
        source=PROP_2_TEXT,
        origin=READING,
        reading="‖AB‖₂ ≤ ε as its proof uses it",
        given=SPECTRAL.given,
        concludes=up_to(RHS),
        proofs=contradicted(*CE2),
        witnesses=CE2,
        expected=REFUTED,
        remark="false for every s₀ in (−1, 0), by the factor 1 − s₀; true with 1 + |s₀|; sharp: 1 − s₀²",
        setting=SETTING,
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-2-output-literal",
        source=PROP_2_TEXT,
        origin=PRINTED,
        reading="‖AB‖₂² ≤ ε as stated",
        given=LITERAL.given,
        concludes=up_to(RHS),
        proofs=contradicted("ce4-output"),
        witnesses=("ce4-output",),
        expected=REFUTED,
        remark=REMARK_LITERAL,
        setting=similarity_setting(OUTPUT, LITERAL),
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-2-output-frobenius",
        source=PROP_2_TEXT,
        origin=READING,
        reading="‖AB‖_F ≤ ε as in its proof",
        given=FROBENIUS.given,
        concludes=up_to(RHS),
        proofs=(*contradicted("prop-2-output-frobenius"), frobenius_constant),
        witnesses=("prop-2-output-frobenius",),
        expected=REFUTED,
        remark="false for s₀ < 1 − √2; the sharp constant of this reading is 2√2(1 − s₀²)",
        setting=similarity_setting(OUTPUT, FROBENIUS),
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-2-output-abs",
        source=PROP_2_TEXT,
        reading="|s₀| for s₀",
        amends="prop-2-output",
        given=SPECTRAL.given,
        concludes=up_to(RHS_ABS),
        proofs=(by_norms(),),
        expected=PROVED,
        remark="tight only at s₀ = 0; independent of the base weights, as the paper says",
        setting=SETTING,
        strategies=TO_FIRST_ORDER,
    ),
)
