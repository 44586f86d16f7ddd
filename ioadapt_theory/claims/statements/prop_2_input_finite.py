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
    spread,
)
from ioadapt_theory.claims.statements.prop_2_output_sharp import SIZES, shift


def largest(m: Model) -> Term:
    """Return the largest singular value that W⁺(I + M)W can have, μ = Kε + √(1 + (K² − 1)ε²)."""
    mean = spread(m) / 2
    return let(f"μ{m.prime}", mean * EPSILON + sqrt(1 + (mean**2 - 1) * EPSILON**2))


FINITE_BOUND = tuple(shift(m, INPUT) <= -(spread(m) * ln(1 - EPSILON)) for m in (SOURCE, TARGET))
FINITE_SHARP = tuple(shift(m, INPUT) <= ln(largest(m) ** 2 / (1 - EPSILON**2)) for m in (SOURCE, TARGET))


@reaching(FINITE_BOUND[0])
def integrated(goal: Relation) -> Iterator[Step]:
    """Integrate prop-2-input-sharp along x(I + tM)W, where the adapter is (I + tM)⁻¹M, of norm at most ε/(1 − tε)."""
    sp = sympy()
    s, t = sp.symbols("s t")
    eps, k = sp.symbols("epsilon k", positive=True)
    yield line("«(I + tM)M = M(I + tM)», so d/dt x(I + tM) = x(t)·(I + tM)⁻¹M")
    yield Step(
        "d artanh s = ds/(1 − s²), which cancels the (1 − s²) of the constant",
        vanishes(sp.diff(sp.atanh(s), s) - 1 / (1 - s**2)),
    )
    primitive = -sp.log(1 - t * eps)
    yield Step("a primitive of ε/(1 − tε)", vanishes(sp.diff(primitive, t) - eps / (1 - t * eps)))
    slope = symbolic(one_model(SOURCE), {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}) / (eps * (1 - s**2))
    total_ = sp.simplify(slope) * (primitive.subs(t, 1) - primitive.subs(t, 0))
    yield reached(goal, total_, {kappa(SOURCE): k}, by=simplifies)


both_singular_values = told(
    "on the row space of W, ŷ = yS with S = W⁺(I + M)W; in singular bases of W, scaled to σ_i² = d in [1/κ, κ]",
    "μ = Kε + √(1 + (K² − 1)ε²) is a root: «μ² = 2Kεμ + 1 − ε²»",
    "unit rows a, b: ε‖W⁻¹a‖‖Wb‖ ≤ (ε/2)Σ(a²/d + b²d), as «(a²/d + b²d)/2 − ab = (a/√d − b√d)²/2»",
    "ab + (ε/2)(a²/d + b²d) ≤ (μ/2)(a² + b²): the form's determinant is με(2K − d − 1/d), "
    "«(μ − ε/d)(μ − εd) − 1 = με(2K − d − 1/d)»",
    "«2K − d − 1/d = (κ − d)(d − 1/κ)/d», ≥ 0 on [1/κ, κ]",
    "its trace is «2μ − ε/d − εd = 2(μ − Kε) + ε(2K − d − 1/d)», > 0, so the form is ≥ 0 and σ_max(S) ≤ μ",
    "T = (I + M)⁻¹: ‖T⁻¹ − I‖ ≤ ε says (1 − ε²)T*T − T − T* + I ≤ 0, and (1 − ε²) times that is "
    "((1 − ε²)T − I)*((1 − ε²)T − I) − ε²I, so (1 − ε²)T = I + M̂, ‖M̂‖ ≤ ε",
    "so ‖S⁻¹‖ ≤ μ/(1 − ε²), and with prop-2-output-artanh L ≤ ln cond(S), where «μ · μ/(1 − ε²) = μ²/(1 − ε²)»",
    let={"K": "(κ + 1/κ)/2", "μ": "Kε + √(1 + (K² − 1)ε²)"},
    positive="κ ε d a b",
)
hyperbolic = argued(
    Remarked, "sinh(L/2) = cosh(ln κ) sinh(artanh ε); κ = 1 is the output theorem; the slope at 0 is κ + 1/κ"
)(
    spelled(
        "q = e^L: sinh²(L/2) is «(q + 1/q − 2)/4 = ((κ + 1/κ)/2)²ε²/(1 − ε²)», cosh²(ln κ) sinh²(artanh ε)",
        let={"q": "μ²/(1 − ε²)", "K": "(κ + 1/κ)/2", "μ": "Kε + √(1 + (K² − 1)ε²)"},
        positive="κ ε",
    ),
)


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
        proofs=(integrated,),
    ),
    finite(
        id="prop-2-input-finite-sharp",
        reading="finite and sharp",
        amends="prop-2-input-finite",
        concludes=FINITE_SHARP,
        proofs=(
            both_singular_values,
            Attained(
                finite_worst,
                {EPSILON: SIZES, cond(SOURCE.w): CONDITIONS[1:], SOURCE.s0: COSINES},
            ),
            hyperbolic,
        ),
        words=(SHARP,),
        remark="sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L: it grows like 2 ln κ, not like κ",
    ),
)
