"""Proposition 2 (Sec. 4, App. A.1) as printed and in other readings: input, ŷ = x(I + AB)W, and output, ŷ = xW(I + AB).

The paper's proof treats ‖x‖‖W‖ as if it were ‖xW‖. κ = cond(W).
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import IN_ITS_PROOF, ROOT_NEEDED, STATED, USED, bound, by_norms

RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON
ALL = tuple(f"ce1{x}" for x in ("", "b", "c", "d", "e", "f", "g"))
OF_RANK_ONE = ("ce1", "ce1c", "ce1e", "ce1g")


guaranteed = argued(Remarked, "for which condition numbers this holds")(
    spelled(
        "a = |s|: this side less the sharp one, over ε, = «4(1 + a) − (1 − a²)(κ + 1/κ + κ' + 1/κ') "
        "= (1 + a)(4 − (1 − a)(κ + 1/κ + κ' + 1/κ'))»",
        "«κ + 1/κ − 2 = (κ − 1)²/κ» ≥ 0, so where s = 0 the last factor 4 − (1 − a)(κ + 1/κ + κ' + 1/κ') ≤ 0",
        "where κ = κ' = 1, the sharp one over ε = «(1 − a²)(1 + 1/1 + 1 + 1/1) = 4(1 − a²)», as in prop-2-output-sharp",
    ),
)
frobenius_constant = argued(Remarked, "‖M‖_F ≤ ε: |δ − δ'| ≤ 2√2(1 − s²)ε")(
    spelled(
        "δ − δ' = ⟨M, K − K'⟩ ≤ ε‖K − K'‖_F, which is largest for K = (1 − s²) diag(1, −1), K' = −K: "
        "‖K − K'‖_F² = «(2(1 − s²))² + (−2(1 − s²))² = (2√2(1 − s²))²»",
        "where s < 1 − √2, «2√2(1 − s²) − 4(1 + s) = 2√2(1 + s)(1 − √2 − s)» > 0",
    ),
)
CLAIMS = (
    bound(
        "prop-2-input", INPUT, RHS, **USED, **refuted_by(*ALL),
        remark="false also with |s₀|, by any factor as κ → ∞",
    ),
    bound(
        "prop-2-input-literal", INPUT, RHS, ball=LITERAL, **STATED, **refuted_by("ce4-input", "ce4-input-low-rank"),
        remark=ROOT_NEEDED,
    ),
    bound(
        "prop-2-input-frobenius", INPUT, RHS, ball=FROBENIUS, **IN_ITS_PROOF, **refuted_by(*OF_RANK_ONE),
        remark="the witnesses have rank one, for which the two norms agree",
    ),
    bound(
        "prop-2-input-abs", INPUT, RHS_ABS, origin=READING, reading="|s₀| for s₀", amends="prop-2-input",
        **refuted_by(*ALL, beside=(guaranteed,)), remark="guaranteed where (1 − |s₀|)(κ + 1/κ + κ' + 1/κ') ≤ 4",
    ),
    bound(
        "prop-2-output", OUTPUT, RHS, **USED, **refuted_by("ce2", "ce2-low-rank", "ce2b", "ce2c"),
        remark="false for every s₀ in (−1, 0), by the factor 1 − s₀; true with 1 + |s₀|; sharp: 1 − s₀²",
    ),
    bound(
        "prop-2-output-literal", OUTPUT, RHS, ball=LITERAL, **STATED, **refuted_by("ce4-output", "ce4-output-low-rank"),
        remark=ROOT_NEEDED,
    ),
    bound(
        "prop-2-output-frobenius", OUTPUT, RHS, ball=FROBENIUS, **IN_ITS_PROOF,
        **refuted_by("prop-2-output-frobenius", "prop-2-output-frobenius-low-rank", beside=(frobenius_constant,)),
        remark="false for s₀ < 1 − √2; the sharp constant of this reading is 2√2(1 − s₀²)",
    ),
    bound(
        "prop-2-output-abs", OUTPUT, RHS_ABS, reading="|s₀| for s₀", amends="prop-2-output",
        proofs=(by_norms(OUTPUT, lambda m: 1 + abs(m.s0), RHS_ABS),),
        remark="tight only at s₀ = 0; independent of the base weights",
    ),
)  # fmt: skip
