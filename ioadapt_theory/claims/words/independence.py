"""Section 4, after Prop. 2: is the bound independent of the base weights, and does it rank the methods?"""

from collections.abc import Iterator

from ioadapt_theory.claims.arithmetic import excess, frobenius_sq
from ioadapt_theory.claims.claim import Claim, Given, Origin, Proof
from ioadapt_theory.claims.evidence.argument import Check, Step, chained, computed, contradicted, resting_on
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis
from ioadapt_theory.claims.evidence.searches import RandomInstances, Replay
from ioadapt_theory.claims.expression.deduction import Link
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Term, fro, matrix, replaced, row, scalar, sim
from ioadapt_theory.claims.settings.letters import SOURCE, TARGET
from ioadapt_theory.claims.settings.matrices import matrices
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import SPECTRAL
from ioadapt_theory.claims.settings.relative_similarity_instances import setting
from ioadapt_theory.claims.statements.prop_1 import printed as prop_1
from ioadapt_theory.claims.statements.prop_2_output import finite as prop_2_finite
from ioadapt_theory.claims.statements.prop_2_output import printed as prop_2

PLACE = "Section 4, after Prop. 2"
S, S_TARGET = scalar("s"), scalar("s_target")


def letters(x: Term) -> set[str]:
    """The letters of a formula in which similarities are letters of their own."""
    known = {SOURCE.s0: S, TARGET.s0: S_TARGET, SOURCE.sine0: S, TARGET.sine0: S_TARGET, abs(SOURCE.s0): S}
    return {y.name for y in replaced(x, known).walk() if y.op in {"scalar", "row", "matrix"}}


@computed("the formula contains s₀ and ε, and no weights but through s₀")
def without_weights(claim: Claim) -> Iterator[Step]:
    """Read the letters off the right side of the claim that it rests on."""
    right = RIGHTS[claim.id]
    yield Step(f"the letters of {text(right)}", Check(letters(right) - {"s", "s_target"} == {"epsilon"}), reaches=True)


RIGHTS = {
    "independent-printed": prop_2.RHS,
    "independent-output": prop_2_finite.RHS_FINITE,
}
BOUNDS = prop_2.RHS <= prop_1.RHS
W, W_TARGET, X1, X2, EPSILON = matrix("w"), matrix("w_target"), row("x1"), row("x2"), scalar("epsilon")
SHARED = matrices(
    "one layer, the same inputs", {"W": "c d", "W_target": "c d", "x1": "c", "x2": "c", "epsilon": ""}, {"c": 3, "d": 4}
)
NEAR = Given(
    fro(W - W_TARGET) ** 2 <= EPSILON,
    Hypothesis("||W - W'||_F^2 <= epsilon", lambda i: excess(frobenius_sq(i.w - i.w_target), i.epsilon)),
)
EQUAL = Given(W.equals(W_TARGET), Hypothesis("W = W'", lambda i: frobenius_sq(i.w - i.w_target), exact=True))
SIMILAR = sim(X1 @ W, X2 @ W).equals(sim(X1 @ W_TARGET, X2 @ W_TARGET))

CLAIMS = (
    Claim(
        id="independent-printed",
        source=PLACE,
        origin=Origin.READING,
        reading="the displayed term",
        prose="the displayed linear term 4(1 + s₀)ε does not contain the base weights, but through s₀",
        expected=Verdict.PROVED,
        remark="it is displayed so; whether it bounds anything is prop-2-input and prop-2-output",
        proofs=(Proof("its letters", without_weights),),
    ),
    Claim(
        id="independent-input",
        source=PLACE,
        origin=Origin.IN_WORDS,
        prose="the bound on the similarity distance of input adapters is independent of the base weights",
        expected=Verdict.REFUTED,
        remark="the sharp constant (1 − s₀²)(κ + 1/κ + κ' + 1/κ'), κ = cond(W), is attained and not bounded over all W",
        proofs=(
            Proof("no constant will do", resting_on("prop-2-input-abs", verdict=Verdict.REFUTED), refutes=True),
            Proof("the sharp constant is attained for every κ", resting_on("prop-2-input-sharp"), refutes=True),
        ),
    ),
    Claim(
        id="independent-output",
        source=PLACE,
        origin=Origin.IN_WORDS,
        prose="the bound on the similarity distance of output adapters is independent of the base weights",
        expected=Verdict.PROVED,
        remark="exactly 2τ(1 − s₀²)/(1 − s₀²τ²) with τ = 2ε/(1 + ε²), attained; no O(ε²) is needed",
        proofs=(
            Proof("prop-2-output-finite", resting_on("prop-2-output-finite")),
            Proof("its letters", without_weights),
        ),
    ),
    Claim(
        id="bounds-rank",
        source="Section 4",
        origin=Origin.IN_WORDS,
        given=SPECTRAL.given,
        concludes=(BOUNDS,),
        prose="Props. 1 and 2 rank the methods: the bound of input and output adapters is never above that of LoRA",
        expected=Verdict.REFUTED,
        remark="‖AB‖ is absolute for LoRA, relative else: W = W' = 10 I, ε = 1/100 gives {rhs of scaled} and "
        "{lhs of scaled}",
        witnesses=("scaled",),
        setting=setting(Placement.LORA),
        strategies=(Replay(), RandomInstances()),
        proofs=contradicted("scaled"),
    ),
    Claim(
        id="stronger-requirement",
        source="Section 4",
        origin=Origin.IN_WORDS,
        reading="nearly equal functions (‖W − W'‖_F² ≤ ε) have equal similarities, one layer, the same inputs",
        given=(NEAR,),
        concludes=(SIMILAR,),
        expected=Verdict.REFUTED,
        remark="the second assumption entails the first only for ε = 0 (stronger-requirement-equal)",
        witnesses=("stronger",),
        setting=SHARED,
        strategies=(Replay(),),
        proofs=contradicted("stronger"),
    ),
    Claim(
        id="stronger-requirement-equal",
        source="Section 4",
        origin=Origin.READING,
        reading="equal functions have equal similarities, one layer, the same inputs",
        amends="stronger-requirement",
        given=(EQUAL,),
        concludes=(SIMILAR,),
        expected=Verdict.PROVED,
        remark="with ε = 0 the second assumption is the stronger one, as Section 4 says",
        setting=SHARED,
        strategies=(),
        proofs=(Proof("insert", chained(SIMILAR.left, Link("W = W'", SIMILAR.right, (EQUAL.relation,)))),),
    ),
)
