"""Proposition 2 (Sec. 4, App. A.1) as printed and in other readings: input, ŷ = x(I + AB)W, and output, ŷ = xW(I + AB).

The paper's proof treats ‖x‖‖W‖ as if it were ‖xW‖. κ = cond(W).
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import IN_ITS_PROOF, STATED, USED, bound, by_norms

RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON
ALL = tuple(f"ce1{x}" for x in ("", "b", "c", "d", "e", "f", "g"))
OF_RANK_ONE = ("ce1", "ce1c", "ce1e", "ce1g")

CLAIMS = (
    bound("prop-2-input", INPUT, RHS, **USED, **refuted_by(*ALL)),
    bound("prop-2-input-literal", INPUT, RHS, ball=LITERAL, **STATED, **refuted_by("ce4-input", "ce4-input-low-rank")),
    bound("prop-2-input-frobenius", INPUT, RHS, ball=FROBENIUS, **IN_ITS_PROOF, **refuted_by(*OF_RANK_ONE)),
    bound(
        "prop-2-input-abs", INPUT, RHS_ABS, origin=READING, reading="|s₀| for s₀", amends="prop-2-input",
        **refuted_by(*ALL),
    ),
    bound("prop-2-output", OUTPUT, RHS, **USED, **refuted_by("ce2", "ce2-low-rank", "ce2b", "ce2c")),
    bound(
        "prop-2-output-literal", OUTPUT, RHS, ball=LITERAL, **STATED, **refuted_by("ce4-output", "ce4-output-low-rank"),
    ),
    bound(
        "prop-2-output-frobenius", OUTPUT, RHS, ball=FROBENIUS, **IN_ITS_PROOF,
        **refuted_by("prop-2-output-frobenius", "prop-2-output-frobenius-low-rank"),
    ),
    bound(
        "prop-2-output-abs", OUTPUT, RHS_ABS, reading="|s₀| for s₀", amends="prop-2-output",
        proofs=(by_norms(OUTPUT, lambda m: 1 + abs(m.s0), RHS_ABS),),
    ),
)  # fmt: skip
