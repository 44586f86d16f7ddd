"""Proposition 2 (Sec. 4, App. A.1), input adaptation, as printed and as it can be read: ŷ = x(I + AB)W.

The proof uses ‖x‖‖W‖ as if it were ‖xW‖. κ = cond(W).
"""

from collections.abc import Iterator
from dataclasses import replace

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import ROOT_NEEDED, STATED, USED, fails
from ioadapt_theory.claims.statements.prop_2_input_sharp import RHS_SHARP, kappa
from ioadapt_theory.claims.statements.prop_2_output import PROP_2_TEXT, RHS, RHS_ABS

ALL = tuple(f"ce1{x}" for x in ("", "b", "c", "d", "e", "f", "g"))
OF_RANK_ONE = ("ce1", "ce1c", "ce1e", "ce1g")


@argued(
    Remarked,
    "where it is guaranteed",
    "4(1 + |s|)ε bounds δ for all weights of condition numbers κ, κ' iff (1 − |s|)(κ + 1/κ + κ' + 1/κ') ≤ 4",
)
def guaranteed(claim: Claim) -> Iterator[Step]:
    """Compare with the sharp constant; at κ = κ' = 1 it is the output constant 4(1 − s²)."""
    sp = sympy()
    a, k, other, eps = sp.symbols("a k l epsilon", positive=True)  # a = |s|
    known = dict.fromkeys((SOURCE.sine0, TARGET.sine0), sp.sqrt(1 - a**2)) | {kappa(SOURCE): k, kappa(TARGET): other}
    sharp = sp.expand(symbolic(RHS_SHARP, known) / eps)
    printed = symbolic(claim.concludes[0].right, {SOURCE.s0: a, abs(SOURCE.s0): a}) / eps
    yield Step(
        "printed − sharp = (1 + |s|)(4 − (1 − |s|)(κ + 1/κ + κ' + 1/κ'))",
        vanishes(printed - sharp - (1 + a) * (4 - (1 - a) * (k + 1 / k + other + 1 / other))),
    )
    yield Step(
        "κ + 1/κ − 2 = (κ − 1)²/κ: at s = 0 only scaled row isometries qualify",
        vanishes(k + 1 / k - 2 - (k - 1) ** 2 / k),
    )
    yield Step("κ = κ' = 1 gives the sharp output constant", vanishes(sharp.subs({k: 1, other: 1}) - 4 * (1 - a**2)))
    yield Step("κ → ∞: no constant will do", found(sp.limit(sharp.subs({a: 0, other: k}) - 4, k, sp.oo), sp.oo))


CLAIMS = (
    fails("prop-2-input", INPUT, SPECTRAL, RHS, ALL,
          "false also with |s₀|, by any factor: the true constant grows with cond(W)",
          source=PROP_2_TEXT, reading=USED),
    fails("prop-2-input-literal", INPUT, LITERAL, RHS, ("ce4-input", "ce4-input-low-rank"), ROOT_NEEDED,
          source=PROP_2_TEXT, reading=STATED, origin=PRINTED),
    fails("prop-2-input-frobenius", INPUT, FROBENIUS, RHS, OF_RANK_ONE,
          "the witnesses have rank one, for which the two norms agree",
          source=PROP_2_TEXT, reading="‖AB‖_F ≤ ε as in its proof"),
    replace(
        fails("prop-2-input-abs", INPUT, SPECTRAL, RHS_ABS, ALL, "guaranteed where (1 − |s₀|)(κ + 1/κ + κ' + 1/κ') ≤ 4",
              source=PROP_2_TEXT, reading="|s₀| for s₀", amends="prop-2-input"),
        proofs=(*contradicted(*ALL), guaranteed),
    ),
)  # fmt: skip
