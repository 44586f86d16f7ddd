"""Proposition 2 for input adaptation without a remainder: ŷ = x(I + M)W, M = AB, κ = cond(W), K = (κ + 1/κ)/2.

Sharp for every number of rows: sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L = ln(μ²/(1 − ε²)), where μ is
the larger root of μ² = 2Kεμ + 1 − ε².
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import PROP_2_TEXT
from ioadapt_theory.claims.statements.prop_2_input_sharp import (
    CONDITIONS,
    COSINES,
    diagonal,
    kappa,
    one_model,
    pair,
    sharp_constant,
    spread,
)
from ioadapt_theory.claims.statements.prop_2_output_sharp import SIZES, shift, wielandt


def largest(m: Model) -> Term:
    """Return the largest singular value that W⁺(I + M)W can have, μ = Kε + √(1 + (K² − 1)ε²)."""
    mean = spread(m) / 2
    return let(f"μ{m.prime}", mean * EPSILON + sqrt(1 + (mean**2 - 1) * EPSILON**2))


FINITE_BOUND = tuple(shift(m, INPUT) <= -(spread(m) * ln(1 - EPSILON)) for m in (SOURCE, TARGET))
FINITE_SHARP = tuple(shift(m, INPUT) <= ln(largest(m) ** 2 / (1 - EPSILON**2)) for m in (SOURCE, TARGET))


@lemma("the sharp slope along x(I + tM)W", FINITE_BOUND[0], SPECTRAL.relation, FULL_ROW_RANK[0], BELOW_ONE)
def integrated(goal: Relation) -> Iterator[Step]:
    """Along x(I + tM)W the adapter is (I + tM)⁻¹M, of norm at most ε/(1 − tε)."""
    sp = sympy()
    yield from lines(sharp_constant)
    s, t = sp.symbols("s t", real=True)
    eps, k = sp.symbols("epsilon k", positive=True)
    m = sp.MatrixSymbol("M", 3, 3).as_explicit()
    yield Step(
        "d artanh s = ds/(1 − s²), which cancels the (1 − s²) of the constant",
        vanishes(sp.diff(sp.atanh(s), s) - 1 / (1 - s**2)),
    )
    yield Step(
        "(I + tM)·M = M·(I + tM), so d/dt x(I + tM) = x(t)·(I + tM)⁻¹M",
        zero((sp.eye(3) + t * m) * m - m * (sp.eye(3) + t * m)),
    )
    primitive = -sp.log(1 - t * eps)
    yield Step("a primitive of ε/(1 − tε)", vanishes(sp.diff(primitive, t) - eps / (1 - t * eps)))
    slope = symbolic(one_model(SOURCE), {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}) / (eps * (1 - s**2))
    total_ = sp.simplify(slope) * (primitive.subs(t, 1) - primitive.subs(t, 0))
    yield reached(goal, total_, {kappa(SOURCE): k}, by=simplifies)


@lemma("both singular values of W⁺(I + AB)W, and Wielandt", FINITE_SHARP[0],
       SPECTRAL.relation, FULL_ROW_RANK[0], BELOW_ONE)  # fmt: skip
def singular_values(goal: Relation) -> Iterator[Step]:
    """On the row space of W, ŷ = yS with S = W⁺(I + M)W: σ_max(S) ≤ μ and σ_min(S) ≥ (1 − ε²)/μ."""
    # in singular bases of W, scaled to σ_i² = d_i in [1/κ, κ]; unit rows a, b
    sp = sympy()
    k, eps, d, mu, a, b = sp.symbols("kappa epsilon d mu a b", positive=True)
    mean = (k + 1 / k) / 2
    larger = symbolic(largest(SOURCE), {kappa(SOURCE): k})
    yield Step(
        "μ is a root of μ² = 2Kεμ + 1 − ε²", simplifies(sp.expand(larger**2 - 2 * mean * eps * larger - 1 + eps**2))
    )
    product = sp.sqrt(a**2 / d) * sp.sqrt(b**2 * d)
    yield Step("ε‖W⁻¹a‖‖Wb‖ ≤ (ε/2)Σ(a²/d + b²d): the rest of the mean is a square",
               agree((a**2 / d + b**2 * d) / 2 - product, (a / sp.sqrt(d) - b * sp.sqrt(d)) ** 2 / 2))  # fmt: skip
    form = sp.Matrix([[mu - eps / d, -1], [-1, mu - eps * d]])
    slack = 2 * mean - d - 1 / d
    rest = mu**2 - 2 * mean * eps * mu + eps**2 - 1
    yield Step("ab + (ε/2)(a²/d + b²d) ≤ (μ/2)(a² + b²): a form of the determinant (μ's equation) + με(2K − d − 1/d)",
               vanishes(form.det() - rest - mu * eps * slack))  # fmt: skip
    yield Step("2K − d − 1/d = (κ − d)(d − 1/κ)/d, ≥ 0 on [1/κ, κ]", vanishes(slack - (k - d) * (d - 1 / k) / d))
    gap = sp.Symbol("gap", nonnegative=True)
    at_root = form.trace().subs(mu, mean * eps + gap)
    yield Step("its trace is ≥ 2(μ − Kε) > 0, so the form is ≥ 0 and σ_max(S) ≤ μ",
               both(vanishes(at_root - 2 * gap - eps * slack), nonnegative(gap)))  # fmt: skip
    t, t_star = noncommuting("T T^*")
    f = 1 - eps**2
    left = f * (f * t_star * t - t - t_star + 1)
    yield Step("T = (I + M)⁻¹: ‖T⁻¹ − I‖ ≤ ε says (1 − ε²)T*T − T − T* + I ≤ 0, and (1 − ε²) times that is "
               "((1 − ε²)T − I)*((1 − ε²)T − I) − ε²I, so (1 − ε²)T = I + M̂, ‖M̂‖ ≤ ε",
               words(left, (f * t_star - 1) * (f * t - 1) - eps**2))  # fmt: skip
    yield from lines(wielandt)
    yield Step("‖S⁻¹‖ ≤ μ/(1 − ε²), so cond(S) ≤ μ²/(1 − ε²)", vanishes(mu / (f / mu) - mu**2 / f))
    yield reached(goal, sp.log(mu**2 / f), {largest(SOURCE): mu}, by=simplifies)


@argued(Remarked, "the same in hyperbolic functions",
        "sinh(L/2) = cosh(ln κ) sinh(artanh ε); κ = 1 is the output theorem; the slope at 0 is κ + 1/κ")  # fmt: skip
def hyperbolic(claim: Claim) -> Iterator[Step]:
    """Read the right side in three ways."""
    sp = sympy()
    k, eps = sp.symbols("kappa epsilon", positive=True)
    right = symbolic(claim.concludes[0].right, {kappa(SOURCE): k})
    q = sp.exp(right)
    squares = (q + 1 / q - 2) / 4 - ((k + 1 / k) / 2) ** 2 * eps**2 / (1 - eps**2)
    yield Step("sinh²(L/2) = cosh²(ln κ) sinh²(artanh ε)", simplifies(sp.simplify(squares)))
    yield Step("κ = 1: e^L = (1 + ε)/(1 − ε)", simplifies(q.subs(k, 1) - (1 + eps) / (1 - eps)))
    yield Step("the slope at ε = 0 is κ + 1/κ", simplifies(sp.diff(right, eps).subs(eps, 0) - k - 1 / k))


def finite_worst(epsilon: Fraction, k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = diag(κ, 1), AB = ε[[0, 1], [1, 0]]; a pair about the first left singular axis of S = [[1, ε/κ], [εκ, 1]]."""
    h, w = root((1 - s) / (1 + s)), [k, 1]
    s11, s12, s22 = 1 + (epsilon / k) ** 2, epsilon * k + epsilon / k, 1 + (epsilon * k) ** 2  # SSᵀ
    gap = (s11 - s22) / 2
    axis = [s12, -gap + root(gap**2 + s12**2)]
    both_ = pair(axis, [-axis[1], axis[0]], h, w)
    return diagonal(w, w, [[0, 1], [1, 0]], epsilon, (both_, both_))


finite = partial(
    Claim,
    source=PROP_2_TEXT,
    given=(*SPECTRAL.given, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
    expected=PROVED,
    setting=similarity_setting(INPUT),
    strategies=SEARCHES,
)
CLAIMS = (
    finite(
        id="prop-2-input-finite",
        reading="finite",
        amends="prop-2-input",
        concludes=FINITE_BOUND,
        proofs=(by_lemma(integrated, *FINITE_BOUND),),
        remark="the sharp slope integrated, without O(ε²); prop-2-input-finite-sharp is the best such bound",
    ),
    finite(
        id="prop-2-input-finite-sharp",
        reading="finite and sharp",
        amends="prop-2-input-finite",
        concludes=FINITE_SHARP,
        proofs=(
            by_lemma(singular_values, *FINITE_SHARP),
            Attained(
                "one adapter for every s₀",
                finite_worst,
                {EPSILON: SIZES, cond(SOURCE.w): CONDITIONS[1:], SOURCE.s0: COSINES},
            ),
            hyperbolic,
        ),
        words=(SHARP,),
        remark="sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L: it grows like 2 ln κ, not like κ",
    ),
)
