"""Lemma 3 (App. A.2): the expected distance of two linear models of nearly the same function."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import Step, chained, computed, reached, vanishes
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.deduction import Link
from ioadapt_theory.claims.expression.tree import fro
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, SIGMA, discrepancy
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, setting

SEARCHES = (Replay(), RandomInstances(), GradientAscent())
RHS = SIGMA**2 * EPSILON
CHAIN = chained(
    discrepancy(None),
    Link("E‖xD‖² = σ²‖D‖_F²", SIGMA**2 * fro(GAP) ** 2),
    Link("the hypothesis on the models", RHS, (NEARLY_SAME.relation,)),
)


def gaussian_mean(polynomial: Any, x: tuple[Any, ...], sigma: Any) -> Any:
    """Expectation of a polynomial in independent N(0, σ²) variables, term by term."""
    sp = sympy()
    moments = {n: (0 if n % 2 else sp.factorial2(n - 1) * sigma**n) if n else 1 for n in range(5)}
    terms = sp.Poly(polynomial, *x).terms()
    return sum(coefficient * sp.prod([moments[n] for n in powers]) for powers, coefficient in terms)


@computed("E‖xD‖² = σ²‖D‖_F² and Var‖xD‖² = 2σ⁴‖DDᵀ‖_F² for x ~ N(0, σ²I)")
def expectation(claim: Claim) -> Iterator[Step]:
    """Expand the polynomial and take its moments; the mean needs E[xᵀx] = σ²I only."""
    sp = sympy()
    sigma = sp.Symbol("sigma", positive=True)
    x = sp.symbols("x:3", real=True)
    d = sp.Matrix(3, 2, sp.symbols("d:6", real=True))
    square = sum(e**2 for e in sp.Matrix([x]) * d)
    mean, size = gaussian_mean(square, x, sigma), sum(e**2 for e in d)
    yield Step("mean", vanishes(mean - sigma**2 * size))
    variance = gaussian_mean(sp.expand(square**2), x, sigma) - mean**2
    yield Step("variance", vanishes(variance - 2 * sigma**4 * sum(e**2 for e in d * d.T)))
    yield reached(claim, mean, {EPSILON: size})


LEMMA_3 = Claim(
    id="lemma-3",
    source="Lemma 3 (App. A.2)",
    origin=Origin.PRINTED,
    given=(NEARLY_SAME,),
    concludes=(discrepancy(None) <= RHS,),
    prose="x ~ N(0, σ²I)",
    expected=Verdict.PROVED,
    remark="an equality for the smallest such ε; only E[xᵀx] = σ²I is used, not the Gaussian law",
    attained=("lemma-3",),
    words=(Word.ATTAINED,),
    setting=setting(None),
    strategies=(*SEARCHES, StackMonteCarlo(None)),
    proofs=(Proof("second moments", CHAIN), Proof("moments of the Gaussian", expectation, aside=True)),
)
CLAIMS = (LEMMA_3,)
