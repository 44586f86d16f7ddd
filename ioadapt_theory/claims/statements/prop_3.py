"""Proposition 3 (App. A.2): vanilla LoRA on one layer of a two-layer linear model."""

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import chained
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.expression.deduction import LEFT, RIGHT, TRIANGLE_FROBENIUS, Link
from ioadapt_theory.claims.expression.tree import Term, fro, mean_square, spectral, sqrt
from ioadapt_theory.claims.expression.values import evaluator
from ioadapt_theory.claims.settings.letters import (
    AB,
    EPSILON,
    GAP,
    SIGMA,
    W1,
    W1_TARGET,
    W2,
    W2_TARGET,
    X,
    discrepancy,
)
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, setting
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES

LHS = discrepancy(Placement.LORA)
RHS = SIGMA**2 * (sqrt(EPSILON) + spectral(AB) * fro(W2 - W2_TARGET)) ** 2
EXACT = SIGMA**2 * fro(GAP + AB @ (W2 - W2_TARGET)) ** 2
LHS_SECOND = mean_square(X @ W1 @ (W2 + AB) - X @ W1_TARGET @ (W2_TARGET + AB), SIGMA)
RHS_SECOND = SIGMA**2 * (sqrt(EPSILON) + spectral(AB) * fro(W1 - W1_TARGET)) ** 2


def split_off(exact: Term, change: Term) -> tuple[Link, ...]:
    """From the exact value by the triangle inequality: the gap, and what AB adds to it."""
    return (
        Link("E‖xD‖² = σ²‖D‖_F², and the gap split off", exact),
        Link("triangle inequality", SIGMA**2 * (fro(GAP) + fro(change)) ** 2, (TRIANGLE_FROBENIUS,)),
        Link("a norm is √ of its square", SIGMA**2 * (sqrt(fro(GAP) ** 2) + fro(change)) ** 2),
        Link("the hypothesis on the models", SIGMA**2 * (sqrt(EPSILON) + fro(change)) ** 2, (NEARLY_SAME.relation,)),
    )


CHAIN = chained(LHS, *split_off(EXACT, AB @ (W2 - W2_TARGET)), Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", RHS, (LEFT,)))
CHAIN_SECOND = chained(
    LHS_SECOND,
    *split_off(SIGMA**2 * fro(GAP + (W1 - W1_TARGET) @ AB) ** 2, (W1 - W1_TARGET) @ AB),
    Link(
        "‖MN‖_F ≤ ‖M‖_F‖N‖₂",
        SIGMA**2 * (sqrt(EPSILON) + fro(W1 - W1_TARGET) * spectral(AB)) ** 2,
        (RIGHT,),
    ),
    Link("factors exchanged", RHS_SECOND),
)

PROP_3 = Claim(
    id="prop-3",
    source="Proposition 3 (App. A.2)",
    origin=Origin.PRINTED,
    given=(NEARLY_SAME,),
    concludes=(LHS <= RHS,),
    expected=Verdict.PROVED,
    remark="tight; but a bound: G1 has {lhs of g1} against {rhs of g1}, and cancellation can make it {lhs of r2}",
    attained=("p3-attained",),
    words=(Word.ATTAINED,),
    setting=setting(Placement.LORA),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.LORA)),
    proofs=(Proof("split off the gap, triangle inequality", CHAIN),),
)
PROP_3_EXACT = Claim(
    id="prop-3-exact",
    source=PROP_3.source,
    origin=Origin.PRINTED,
    reading="exact value, in its proof",
    amends="prop-3",
    concludes=(LHS.equals(EXACT),),
    expected=Verdict.PROVED,
    remark="for a single layer (W₂ = W₂' = I) LoRA leaves the distance as it is, whatever AB",
    strategies=(ExactValue(Placement.LORA, evaluator(EXACT)),),
    setting=setting(Placement.LORA),
    proofs=(Proof("split off the gap", chained(LHS, Link("E‖xD‖² = σ²‖D‖_F², and the gap split off", EXACT))),),
)
PROP_3_SECOND = Claim(
    id="prop-3-second",
    source="Proposition 3, footnote 1 (App. A.2)",
    origin=Origin.IN_WORDS,
    reading="LoRA on W₂",
    given=(NEARLY_SAME,),
    concludes=(LHS_SECOND <= RHS_SECOND,),
    expected=Verdict.PROVED,
    remark="analogous, as the footnote says",
    attained=("prop-3-second",),
    words=(Word.ATTAINED,),
    setting=setting(Placement.LORA, second=True),
    strategies=SEARCHES,
    proofs=(Proof("split off the gap, triangle inequality", CHAIN_SECOND),),
)
CLAIMS = (PROP_3, PROP_3_EXACT, PROP_3_SECOND)
