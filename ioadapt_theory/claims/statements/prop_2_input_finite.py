"""Proposition 2 for input adaptation without a remainder: ŷ = x(I + M)W, M = AB, κ = cond(W), K = (κ + 1/κ)/2.

The bound L = ln(μ²/(1 − ε²)) on |artanh ŝ − artanh s₀|, with the larger root μ of μ² = 2Kεμ + 1 − ε², is
sharp for every number ≥ 2 of rows of W. It satisfies sinh(L/2) = cosh(ln κ) sinh(artanh ε).
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import PROP_2_TEXT
from ioadapt_theory.claims.statements.prop_2_input_sharp import (
    diagonal,
    kappa,
    one_model,
    pair,
    spread,
)
from ioadapt_theory.claims.statements.prop_2_output_sharp import shift


def largest(m: Model) -> Term:
    """Return μ = Kε + √(1 + (K² − 1)ε²), the largest singular value that W⁺(I + AB)W can have; K = (κ + 1/κ)/2."""
    mean = spread(m) / 2
    return let(f"μ{m.prime}", mean * EPSILON + sqrt(1 + (mean**2 - 1) * EPSILON**2))


FINITE_BOUND = tuple(shift(m, INPUT) <= -(spread(m) * ln(1 - EPSILON)) for m in (SOURCE, TARGET))
FINITE_SHARP = tuple(shift(m, INPUT) <= ln(largest(m) ** 2 / (1 - EPSILON**2)) for m in (SOURCE, TARGET))


@reaching(FINITE_BOUND[0])
def integrated(goal: Relation) -> Iterator[Step]:
    """Integrate the bound of prop-2-input-sharp along x(I + tM)W from t = 0 to 1, where M = AB."""
    sp = sympy()
    s, t = sp.symbols("s t")
    eps, k = positives("epsilon k")
    yield line("«(I + tM)M = M(I + tM)», so xM = x(I + tM)(I + tM)⁻¹M, and ‖(I + tM)⁻¹M‖ ≤ ε/(1 − tε)")
    yield Step(
        "d/dt(artanh t) = 1/(1 − t²), which cancels this factor of the slope at a cosine of t",
        vanishes(sp.diff(sp.atanh(s), s) - 1 / (1 - s**2)),
    )
    primitive = -sp.log(1 - t * eps)
    yield Step("d/dt(−ln(1 − tε)) = ε/(1 − tε)", vanishes(sp.diff(primitive, t) - eps / (1 - t * eps)))
    slope = symbolic(one_model(SOURCE), {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}) / (eps * (1 - s**2))
    total_ = sp.simplify(slope) * (primitive.subs(t, 1) - primitive.subs(t, 0))
    yield reached(goal, total_, {kappa(SOURCE): k}, by=simplifies)


both_singular_values = told(
    "on the row space of W, ŷ = yS with S = W⁺(I + M)W; W is scaled so that d, any of its squared singular values, has "
    "1/κ ≤ d ≤ κ",
    "for K = (κ + 1/κ)/2, μ = Kε + √(1 + (K² − 1)ε²) is a root: «μ² = 2Kεμ + 1 − ε²»",
    "uSvᵀ ≤ ⟨u, v⟩ + ε‖uW⁺‖‖vWᵀ‖ ≤ Σ(ab + (ε/2)(a²/d + b²d)) over the singular directions, a and b the components of "
    "u and v, as «(a²/d + b²d)/2 − ab = (a/√d − b√d)²/2» ≥ 0",
    "ab + (ε/2)(a²/d + b²d) ≤ (μ/2)(a² + b²), as det [μ − ε/d, −1; −1, μ − εd] = "
    "«(μ − ε/d)(μ − εd) − 1 = με(2K − d − 1/d)» ≥ 0, where «2K − d − 1/d = (κ − d)(d − 1/κ)/d» ≥ 0",
    "and the trace of this form «2μ − ε/d − εd = 2(μ − Kε) + ε(2K − d − 1/d)» > 0; so ‖S‖ ≤ μ",
    "T = (I + M)⁻¹: as ‖T⁻¹ − I‖ ≤ ε, (1 − ε²)TᵀT − T − Tᵀ + I ≤ 0, and (1 − ε²)((1 − ε²)TᵀT − T − Tᵀ + I) = "
    "((1 − ε²)T − I)ᵀ((1 − ε²)T − I) − ε²I, so (1 − ε²)T = I + N with ‖N‖ ≤ ε",
    "so ‖S⁻¹‖ ≤ μ/(1 − ε²), cond(S) ≤ «μ · μ/(1 − ε²) = μ²/(1 − ε²)», and by prop-2-output-artanh "
    "|artanh ŝ − artanh s| ≤ ln cond(S)",
    let={"K": "(κ + 1/κ)/2", "μ": "Kε + √(1 + (K² − 1)ε²)"},
    positive="κ ε d a b",
)
hyperbolic = argued(Remarked, "sinh(L/2) = cosh(ln κ) sinh(artanh ε) for L = ln(μ²/(1 − ε²))")(
    spelled(
        "q = μ²/(1 − ε²): sinh²(L/2) = «(q + 1/q − 2)/4 = ((κ + 1/κ)/2)²ε²/(1 − ε²)» = cosh²(ln κ) sinh²(artanh ε)",
        let={"q": "μ²/(1 − ε²)", "K": "(κ + 1/κ)/2", "μ": "Kε + √(1 + (K² − 1)ε²)"},
        positive="κ ε",
    ),
)


def finite_worst(epsilon: Fraction, k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = diag(κ, 1), AB = ε[[0, 1], [1, 0]], outputs symmetric about a left singular axis of W⁻¹(I + AB)W."""
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
                {EPSILON: BALLS_TRIED, cond(SOURCE.w): CONDITIONS_TRIED[1:], SOURCE.s0: COSINES_TRIED},
            ),
            hyperbolic,
        ),
        words=(SHARP,),
        remark="sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L: it grows like 2 ln κ, not like κ",
    ),
)
