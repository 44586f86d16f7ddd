"""Lemma 1: the best constant in |R| ≤ C(‖Δu‖²/‖u‖² + ‖Δv‖²/‖v‖²). No C below 2 will do; 2 has survived every search."""

from collections.abc import Iterator

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import Step, computed, found, vanishes
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.settings.increments import INCREMENTS
from ioadapt_theory.claims.statements.lemma_1 import REMAINDER, SEARCHES, SOURCE

SQUARES = REMAINDER.right.args[1]
"""(‖Δu‖/‖u‖)² + (‖Δv‖/‖v‖)²."""
RHO_U, RHO_V = (square.args[0] for square in SQUARES.args)


@computed("u = v, Δu = −(1 + η)u, Δv = 0: R = −2, and the right side tends to 2 as η → 0")
def no_smaller(claim: Claim) -> Iterator[Step]:
    """The increment turns u over, and is hardly longer than it."""
    sp = sympy()
    eta = sp.Symbol("eta", positive=True)
    before, after, along = sp.Integer(1), -eta / sp.sqrt(eta**2), -(1 + eta)  # u = v = 1, in one dimension
    delta = along * before - before * along * before  # dot(Δu, v) − s·dot(u, Δu)
    yield Step("δ = 0", vanishes(delta))
    yield Step("R = ŝ − s − δ = −2", found(sp.simplify(after - before - delta), -2))
    right = symbolic(claim.goals[0].right, {RHO_U: 1 + eta, RHO_V: sp.Integer(0)})
    yield Step("|R| over the right side tends to 1", found(sp.limit(2 / right, eta, 0), 1), reaches=True)


LEMMA_1_REMAINDER_BEST = Claim(
    id="lemma-1-remainder-best",
    source=SOURCE,
    origin=Origin.OURS,
    reading="with the best constant",
    amends="lemma-1-remainder",
    concludes=(REMAINDER.left <= 2 * SQUARES,),
    prose="for all increments",
    expected=Verdict.SURVIVED,
    remark="a conjecture: searched, not proved; no constant below 2 will do",
    words=(Word.SHARP,),
    setting=INCREMENTS,
    strategies=SEARCHES,
    proofs=(Proof("u turned over", no_smaller, shows=frozenset([Word.SHARP]), aside=True),),
)
CLAIMS = (LEMMA_1_REMAINDER_BEST,)
