"""Proposition 2 (Sec. 4, App. A.1), output adaptation, as printed and as it can be read: ŷ = xW(I + AB)."""

from collections.abc import Iterator
from dataclasses import replace

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8
from ioadapt_theory.claims.statements.prop_1 import ROOT_NEEDED, STATED, USED, by_norms, fails, up_to

PROP_2_TEXT = "Proposition 2 (App. A.1)"
RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON
CE2 = ("ce2", "ce2b", "ce2c")
FROBENIUS_BALL = ("prop-2-output-frobenius", "prop-2-output-frobenius-low-rank")


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


CLAIMS = (
    fails("prop-2-output", OUTPUT, SPECTRAL, RHS, ("ce2", "ce2-low-rank", *CE2[1:]),
          "false for every s₀ in (−1, 0), by the factor 1 − s₀; true with 1 + |s₀|; sharp: 1 − s₀²",
          source=PROP_2_TEXT, reading=USED),
    fails("prop-2-output-literal", OUTPUT, LITERAL, RHS, ("ce4-output", "ce4-output-low-rank"), ROOT_NEEDED,
          source=PROP_2_TEXT, reading=STATED, origin=PRINTED),
    replace(
        fails("prop-2-output-frobenius", OUTPUT, FROBENIUS, RHS, FROBENIUS_BALL,
              "false for s₀ < 1 − √2; the sharp constant of this reading is 2√2(1 − s₀²)",
              source=PROP_2_TEXT, reading="‖AB‖_F ≤ ε as in its proof"),
        proofs=(*contradicted(*FROBENIUS_BALL), frobenius_constant),
    ),
    Claim(
        id="prop-2-output-abs",
        source=PROP_2_TEXT,
        reading="|s₀| for s₀",
        amends="prop-2-output",
        given=SPECTRAL.given,
        concludes=up_to(OUTPUT, RHS_ABS),
        proofs=(by_norms("Eq. 8 for both models", OUTPUT, lambda m: 1 + abs(m.s0), BY_EQ_8, RHS_ABS),),
        expected=PROVED,
        remark="tight only at s₀ = 0; independent of the base weights, as the paper says",
        setting=similarity_setting(OUTPUT),
        strategies=TO_FIRST_ORDER,
    ),
)  # fmt: skip
