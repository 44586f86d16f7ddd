"""Proposition 5 (App. A.2): output adaptation inflates the gap by at most ‖I + AB‖₂²."""

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import chained
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.expression.deduction import RIGHT, Link
from ioadapt_theory.claims.expression.tree import fro, spectral
from ioadapt_theory.claims.expression.values import evaluator
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, SIGMA, T, discrepancy
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, setting
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES

LHS = discrepancy(Placement.OUTPUT)
RHS = SIGMA**2 * spectral(T) ** 2 * EPSILON
EXACT = SIGMA**2 * fro(GAP @ T) ** 2
FACTORED = Link("E‖xD‖² = σ²‖D‖_F², and I + AB factored out on the right", EXACT)
CHAIN = chained(
    LHS,
    FACTORED,
    Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", SIGMA**2 * (fro(GAP) * spectral(T)) ** 2, (RIGHT,)),
    Link("expand", SIGMA**2 * spectral(T) ** 2 * fro(GAP) ** 2),
    Link("the hypothesis on the models", RHS, (NEARLY_SAME.relation,)),
)

PROP_5 = Claim(
    id="prop-5",
    source="Proposition 5 (App. A.2)",
    origin=Origin.PRINTED,
    given=(NEARLY_SAME,),
    concludes=(LHS <= RHS,),
    expected=Verdict.PROVED,
    remark="tight; never below Lemma 3 if rank AB < d; holds word for word for any functions and any law of x",
    attained=("r1",),
    words=(Word.ATTAINED,),
    setting=setting(Placement.OUTPUT),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.OUTPUT)),
    proofs=(Proof("factor out I + AB on the right", CHAIN),),
)
PROP_5_EXACT = Claim(
    id="prop-5-exact",
    source=PROP_5.source,
    origin=Origin.PRINTED,
    reading="exact value, in its proof",
    amends="prop-5",
    concludes=(LHS.equals(EXACT),),
    expected=Verdict.PROVED,
    remark="equal functions stay equal",
    strategies=(ExactValue(Placement.OUTPUT, evaluator(EXACT)),),
    setting=setting(Placement.OUTPUT),
    proofs=(Proof("factor out I + AB on the right", chained(LHS, FACTORED)),),
)
CLAIMS = (PROP_5, PROP_5_EXACT)
