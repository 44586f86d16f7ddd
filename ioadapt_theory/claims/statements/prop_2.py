"""Proposition 2 (Sec. 4, App. A.1) as printed and as it can be read: input, ŷ = x(I + AB)W, and output, ŷ = xW(I + AB).

The proof uses ‖x‖‖W‖ as if it were ‖xW‖. κ = cond(W).
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8
from ioadapt_theory.claims.statements.prop_1 import IN_ITS_PROOF, ROOT_NEEDED, STATED, USED, bound, by_norms
from ioadapt_theory.claims.statements.prop_2_input_sharp import RHS_SHARP, kappa

RHS = 4 * (1 + SOURCE.s0) * EPSILON
RHS_ABS = 4 * (1 + abs(SOURCE.s0)) * EPSILON
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
    yield Step("κ → ∞: no constant is large enough", found(sp.limit(sharp.subs({a: 0, other: k}) - 4, k, sp.oo), sp.oo))


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
    bound(
        "prop-2-input", INPUT, RHS, **USED, **refuted_by(*ALL),
        remark="false also with |s₀|, by any factor: the true constant grows with cond(W)",
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
        proofs=(by_norms("Eq. 8 for both models", OUTPUT, lambda m: 1 + abs(m.s0), BY_EQ_8, RHS_ABS),),
        remark="tight only at s₀ = 0; independent of the base weights, as the paper says",
    ),
)  # fmt: skip
