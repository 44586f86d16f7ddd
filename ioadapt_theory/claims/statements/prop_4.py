"""Proposition 4 (App. A.2): input adaptation inflates the gap by at most ‖I + AB‖₂²."""

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import chained
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.expression.deduction import LEFT, Link
from ioadapt_theory.claims.expression.tree import fro, spectral
from ioadapt_theory.claims.expression.values import evaluator
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, SIGMA, T, discrepancy
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, setting
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES

LHS = discrepancy(Placement.INPUT)
RHS = SIGMA**2 * spectral(T) ** 2 * EPSILON
EXACT = SIGMA**2 * fro(T @ GAP) ** 2
FACTORED = Link("E‖xD‖² = σ²‖D‖_F², and I + AB factored out on the left", EXACT)
CHAIN = chained(
    LHS,
    FACTORED,
    Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", SIGMA**2 * (spectral(T) * fro(GAP)) ** 2, (LEFT,)),
    Link("expand", SIGMA**2 * spectral(T) ** 2 * fro(GAP) ** 2),
    Link("the hypothesis on the models", RHS, (NEARLY_SAME.relation,)),
)

PROP_4 = Claim(
    id="prop-4",
    source="Proposition 4 (App. A.2)",
    origin=Origin.PRINTED,
    given=(NEARLY_SAME,),
    concludes=(LHS <= RHS,),
    expected=Verdict.PROVED,
    remark="tight; never below Lemma 3 if rank AB < c; only for an adapter before the first layer",
    attained=("r1",),
    words=(Word.ATTAINED,),
    setting=setting(Placement.INPUT),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.INPUT)),
    proofs=(Proof("factor out I + AB on the left", CHAIN),),
)
PROP_4_EXACT = Claim(
    id="prop-4-exact",
    source=PROP_4.source,
    origin=Origin.PRINTED,
    reading="exact value, in its proof",
    amends="prop-4",
    concludes=(LHS.equals(EXACT),),
    expected=Verdict.PROVED,
    remark="equal functions stay equal",
    strategies=(ExactValue(Placement.INPUT, evaluator(EXACT)),),
    setting=setting(Placement.INPUT),
    proofs=(Proof("factor out I + AB on the left", chained(LHS, FACTORED)),),
)
CLAIMS = (PROP_4, PROP_4_EXACT)
