"""Prop. 2, input adaptation, finite and sharp for every c: sinh(L/2) = cosh(ln κ) sinh(artanh ε), κ = cond(W).

On the row space of W, ŷ = yS with S = W⁺(I + M)W, M = AB. K = (κ + 1/κ)/2; μ is the larger root of μ² = 2Kεμ + 1 − ε².
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Step,
    agree,
    both,
    computed,
    nonnegative,
    simplifies,
    vanishes,
    words,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import noncommuting, symbolic, sympy
from ioadapt_theory.claims.expression.tree import Term, let, ln, sqrt
from ioadapt_theory.claims.settings.letters import EPSILON, SOURCE, TARGET, Model
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import BELOW_ONE, FULL_ROW_RANK, NOT_PARALLEL, SPECTRAL
from ioadapt_theory.claims.settings.relative_similarity_instances import FINITE
from ioadapt_theory.claims.statements.prop_2_input.sharp import INPUT, kappa, spread
from ioadapt_theory.claims.statements.prop_2_output.artanh import shift, wielandt
from ioadapt_theory.claims.statements.prop_2_output.printed import SOURCE_TEXT


def mean(m: Model) -> Term:
    """K = (κ + 1/κ)/2."""
    return spread(m) / 2


def largest(m: Model) -> Term:
    """The largest singular value that S can have, μ = Kε + √(1 + (K² − 1)ε²)."""
    return let(f"μ{m.prime}", mean(m) * EPSILON + sqrt(1 + (mean(m) ** 2 - 1) * EPSILON**2))


@computed("σ_max(S) ≤ μ, σ_min(S) ≥ (1 − ε²)/μ, hence |artanh ŝ − artanh s₀| ≤ ln(μ²/(1 − ε²)), whatever c")
def bound(claim: Claim) -> Iterator[Step]:
    """Singular bases of W, scaled to σ_i² = d_i in [1/κ, κ]; unit rows a, b."""
    sp = sympy()
    k, eps, d, mu, a, b = sp.symbols("kappa epsilon d mu a b", positive=True)
    mean_ = (k + 1 / k) / 2
    root = symbolic(largest(SOURCE), {kappa(SOURCE): k})
    yield Step(
        "μ is a root of μ² = 2Kεμ + 1 − ε²", simplifies(sp.expand(root**2 - 2 * mean_ * eps * root - 1 + eps**2))
    )
    product = sp.sqrt(a**2 / d) * sp.sqrt(b**2 * d)
    yield Step("ε‖W⁻¹a‖‖Wb‖ ≤ (ε/2)Σ(a²/d + b²d): the rest of the mean is a square",
               agree((a**2 / d + b**2 * d) / 2 - product, (a / sp.sqrt(d) - b * sp.sqrt(d)) ** 2 / 2))  # fmt: skip
    form = sp.Matrix([[mu - eps / d, -1], [-1, mu - eps * d]])
    slack = 2 * mean_ - d - 1 / d
    rest = mu**2 - 2 * mean_ * eps * mu + eps**2 - 1
    yield Step("ab + (ε/2)(a²/d + b²d) ≤ (μ/2)(a² + b²): a form of the determinant (μ's equation) + με(2K − d − 1/d)",
               vanishes(form.det() - rest - mu * eps * slack))  # fmt: skip
    yield Step("2K − d − 1/d = (κ − d)(d − 1/κ)/d, ≥ 0 on [1/κ, κ]", vanishes(slack - (k - d) * (d - 1 / k) / d))
    gap = sp.Symbol("gap", nonnegative=True)
    at_root = form.trace().subs(mu, mean_ * eps + gap)
    yield Step("its trace is ≥ 2(μ − Kε) > 0, so the form is ≥ 0 and σ_max(S) ≤ μ",
               both(vanishes(at_root - 2 * gap - eps * slack), nonnegative(gap)))  # fmt: skip
    t, t_star = noncommuting("T T^*")
    f = 1 - eps**2
    left = f * (f * t_star * t - t - t_star + 1)
    yield Step("T = (I + M)⁻¹: ‖T⁻¹ − I‖ ≤ ε says (1 − ε²)T*T − T − T* + I ≤ 0, and (1 − ε²) times that is "
               "((1 − ε²)T − I)*((1 − ε²)T − I) − ε²I, so (1 − ε²)T = I + M̂, ‖M̂‖ ≤ ε",
               words(left, (f * t_star - 1) * (f * t - 1) - eps**2))  # fmt: skip
    yield from wielandt()
    condition = mu / (f / mu)
    for m, goal in zip((SOURCE, TARGET), claim.goals, strict=True):
        right = symbolic(goal.right, {largest(m): mu})
        yield Step(f"‖S⁻¹‖ ≤ μ/(1 − ε²), so ln cond(S) is at most the right side{' of the target' * bool(m.prime)}",
                   simplifies(sp.log(condition) - right), reaches=True)  # fmt: skip


@computed(
    "sinh(L/2) = cosh(ln κ) sinh(artanh ε), L = ln(μ²/(1 − ε²)); κ = 1 is the output theorem; the slope at 0 is κ + 1/κ"
)
def forms(claim: Claim) -> Iterator[Step]:
    """Read the right side in three ways."""
    sp = sympy()
    k, eps = sp.symbols("kappa epsilon", positive=True)
    right = symbolic(claim.goals[0].right, {kappa(SOURCE): k})
    q = sp.exp(right)
    hyperbolic = sp.simplify((q + 1 / q - 2) / 4 - ((k + 1 / k) / 2) ** 2 * eps**2 / (1 - eps**2))
    yield Step("sinh²(L/2) = cosh²(ln κ) sinh²(artanh ε)", simplifies(hyperbolic), reaches=True)
    yield Step("κ = 1: e^L = (1 + ε)/(1 − ε)", simplifies(q.subs(k, 1) - (1 + eps) / (1 - eps)))
    yield Step("the slope at ε = 0 is κ + 1/κ", simplifies(sp.diff(right, eps).subs(eps, 0) - k - 1 / k))


@computed("M = ε[[0, 1], [1, 0]] on the singular vectors of σ_max(W) and σ_min(W) attains it, for every κ, ε and s₀")
def attained(claim: Claim) -> Iterator[Step]:
    """S = [[1, εκ], [ε/κ, 1]] there and 1 elsewhere; then a pair symmetric about a singular axis of S."""
    sp = sympy()
    k, eps, h = sp.symbols("kappa epsilon h", positive=True)
    w, m = sp.diag(k, 1), eps * sp.Matrix([[0, 1], [1, 0]])
    s = w.inv() * (sp.eye(2) + m) * w
    mu = symbolic(largest(SOURCE), {kappa(SOURCE): k})
    yield Step("det S = μ · (1 − ε²)/μ", agree(s.det(), 1 - eps**2))
    size = sum(e**2 for e in s)
    yield Step("‖S‖_F² = μ² + ((1 − ε²)/μ)²: these are its singular values",
               simplifies(sp.expand(size * mu**2) - sp.expand(mu**4 + (1 - eps**2) ** 2)))  # fmt: skip
    low = (1 - eps**2) / mu
    yield Step("(μ² − 1)(1 − ((1 − ε²)/μ)²) = ε²((κ + 1/κ)² − ε²) > 0: the others, 1, lie between them",
               agree(size - 1 - s.det() ** 2, eps**2 * ((k + 1 / k) ** 2 - eps**2)))  # fmt: skip

    def odds(height: Any) -> Any:
        c = (1 - height**2) / (1 + height**2)
        return sp.simplify((1 + c) / (1 - c))

    growth = sp.log(sp.simplify(odds(h * low / mu) / odds(h))) / 2
    right = symbolic(claim.goals[0].right, {kappa(SOURCE): k})
    yield Step("a pair (1, ±h) in the singular axes: half the logarithm of the quotient of the odds is the right side",
               simplifies(sp.exp(2 * growth) - sp.exp(2 * right)), reaches=True)  # fmt: skip


PROP_2_INPUT_FINITE_SHARP = Claim(
    id="prop-2-input-finite-sharp",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="finite and sharp",
    amends="prop-2-input-finite",
    given=(*SPECTRAL.given, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
    concludes=tuple(shift(m, Placement.INPUT) <= ln(largest(m) ** 2 / (1 - EPSILON**2)) for m in (SOURCE, TARGET)),
    expected=Verdict.PROVED,
    remark="sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L: it grows like 2 ln κ, not like κ",
    words=(Word.SHARP,),
    setting=INPUT,
    strategies=FINITE,
    proofs=(
        Proof("both singular values of W⁺(I + AB)W, and Wielandt", bound),
        Proof("the same in hyperbolic functions", forms, aside=True),
        Proof("one adapter for every s₀", attained, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
CLAIMS = (PROP_2_INPUT_FINITE_SHARP,)
