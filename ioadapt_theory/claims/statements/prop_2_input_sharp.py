"""What Proposition 2 can say of input adaptation: ŷ = x(I + M)W, M = AB; the constant depends on κ = cond(W).

u, v are the unit vectors along y₁, y₂, e₊ and e₋ those along u + v and u − v; K = (κ + 1/κ)/2. Without a remainder, and
sharp for every number of rows: sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L = ln(μ²/(1 − ε²)), where μ is
the larger root of μ² = 2Kεμ + 1 − ε².
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.expression.algebra import root
from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8_SHARP
from ioadapt_theory.claims.statements.prop_1 import by_norms, for_both, moved, up_to
from ioadapt_theory.claims.statements.prop_1_sharp import dual_form
from ioadapt_theory.claims.statements.prop_2_output import PROP_2_TEXT
from ioadapt_theory.claims.statements.prop_2_output_sharp import COSINES, SIZES, shift, wielandt


def kappa(m: Model) -> Term:
    """κ = cond(W)."""
    return let(f"κ{m.prime}", cond(m.w))


def spread(m: Model) -> Term:
    """κ + 1/κ."""
    return kappa(m) + 1 / kappa(m)


def largest(m: Model) -> Term:
    """The largest singular value that W⁺(I + M)W can have, μ = Kε + √(1 + (K² − 1)ε²)."""
    mean = spread(m) / 2
    return let(f"μ{m.prime}", mean * EPSILON + sqrt(1 + (mean**2 - 1) * EPSILON**2))


def one_model(m: Model) -> Term:
    """(1 − s₀²)(κ + 1/κ)ε."""
    return m.sine0**2 * spread(m) * EPSILON


RHS_SHARP = EPSILON * total(lambda m: m.sine0**2 * spread(m), *MODELS)
RHS_VECTORS = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]) * spectral(m.w), *MODELS)
FINITE_BOUND = tuple(shift(m, INPUT) <= -(spread(m) * ln(1 - EPSILON)) for m in (SOURCE, TARGET))
FINITE_SHARP = tuple(shift(m, INPUT) <= ln(largest(m) ** 2 / (1 - EPSILON**2)) for m in (SOURCE, TARGET))


@lemma("nuclear norm, Kantorovich", abs(moved(SOURCE, INPUT)) <= one_model(SOURCE), SPECTRAL.relation, FULL_ROW_RANK[0])
def sharp_constant(goal: Relation) -> Iterator[Step]:
    """‖W⁺ᵀKWᵀ‖_* ≤ (1 − s²)(‖e₊W⁺‖‖e₊Wᵀ‖ + ‖e₋W⁺‖‖e₋Wᵀ‖), and Kantorovich for both terms.

    Weights e_i² on λ = σ_i² in [a, b], b = κ²a; X = Σ e_i² λ_i, Y = Σ e_i²/λ_i.
    """
    sp = sympy()
    yield from dual_form()
    lam, x, y, a, b, k, s, eps = sp.symbols("lambda X Y a b k s epsilon", positive=True)
    yield Step(
        "(λ − a)(b − λ)/λ = (a + b) − (λ + ab/λ), ≥ 0 on [a, b], so X + abY ≤ a + b",
        vanishes((lam - a) * (b - lam) / lam - (a + b) + lam + a * b / lam),
    )
    slack = (x + a * b * y) ** 2 - 4 * a * b * x * y
    yield Step("(X + abY)² − 4abXY = (X − abY)²", agree(slack, (x - a * b * y) ** 2))
    yield Step("which is ≥ 0, so XY ≤ (a + b)²/(4ab)", nonnegative((x - a * b * y) ** 2))
    bound = sp.simplify(((a + b) ** 2 / (4 * a * b)).subs(b, k**2 * a))
    each = sp.powdenest(sp.sqrt(sp.factor(bound)), force=True)
    yield Step("b = κ²a: √(XY) ≤ (κ + 1/κ)/2", simplifies(each - (k + 1 / k) / 2))
    known = {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}
    yield reached(goal, eps * (1 - s**2) * (each + each), known, by=simplifies)


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
    """On the row space of W, ŷ = yS with S = W⁺(I + M)W: σ_max(S) ≤ μ and σ_min(S) ≥ (1 − ε²)/μ.

    In singular bases of W, scaled to σ_i² = d_i in [1/κ, κ]; unit rows a, b.
    """
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


def pair(e: list[Any], f: list[Any], h: Fraction, w: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return x₁, x₂ with outputs e ± hf, for diagonal W."""
    return tuple([(a + sign * h * b) / k for a, b, k in zip(e, f, w, strict=True)] for sign in (1, -1))  # type: ignore[return-value]


def models(w: list[Any], w_target: list[Any], ab: list[list[Any]], epsilon: Fraction, pairs: Any) -> dict[str, Any]:
    """Return an instance of diagonal weights."""
    keys = ("x1", "x2", "x1_target", "x2_target")
    size = len(w)
    diagonals = [[[k if i == j else 0 for j in range(size)] for i, k in enumerate(v)] for v in (w, w_target)]
    return {"W": diagonals[0], "W_target": diagonals[1], "AB": [[epsilon * x for x in r] for r in ab],
            "epsilon": epsilon, **dict(zip(keys, (x for p in pairs for x in p), strict=True))}  # fmt: skip


def one_condition(k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = diag(1, κ), AB = ε[[0, 1], [1, 0]], pairs about (1, 1) for the source and (1, −1) for the target."""
    h, w = root((1 - s) / (1 + s)), [1, k]
    return models(w, w, [[0, 1], [1, 0]], Fraction(1, 10), (pair([1, 1], [1, -1], h, w), pair([1, -1], [1, 1], h, w)))


def two_conditions(k: Fraction, k_target: Fraction, s: Fraction) -> dict[str, Any]:
    """W = diag(κ, κ, 1, 1), W' = diag(κ', κ', 1, 1), AB = ε[[0, I], [I, 0]]; y = a ± hb, one sign changed for W'."""
    h, w, w_target = root((1 - s) / (1 + s)), [k, k, 1, 1], [k_target, k_target, 1, 1]
    exchange = [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]
    pairs = pair([1, 0, 1, 0], [0, 1, 0, -1], h, w), pair([1, 0, -1, 0], [0, 1, 0, 1], h, w_target)
    return models(w, w_target, exchange, Fraction(1, 10), pairs)


def finite_worst(epsilon: Fraction, k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = diag(κ, 1), AB = ε[[0, 1], [1, 0]]; a pair about the first left singular axis of S = [[1, ε/κ], [εκ, 1]]."""
    h, w = root((1 - s) / (1 + s)), [k, 1]
    s11, s12, s22 = 1 + (epsilon / k) ** 2, epsilon * k + epsilon / k, 1 + (epsilon * k) ** 2  # SSᵀ
    gap = (s11 - s22) / 2
    axis = [s12, -gap + root(gap**2 + s12**2)]
    both_ = pair(axis, [-axis[1], axis[0]], h, w)
    return models(w, w, [[0, 1], [1, 0]], epsilon, (both_, both_))


@argued(Remarked, "the value for c = 2",
        "c = 2: V = √((K + K')² − (K − K')²s₀²) for V = sup|δ − δ'|/(2ε(1 − s₀²)), or an end of the range: V < K + K'"
        " unless κ = κ' or s₀ = 0")  # fmt: skip
def value_in_the_plane(claim: Claim) -> Iterator[Step]:
    """For one model ‖P‖_* = 2√(K² − z²); equal angles of the inputs say z − z' = (K − K')s₀.

    P = Σ⁻¹(aaᵀ − bbᵀ)Σ with a, b at angles β, β + 90° to the singular axes, z = Kτ cos 2β, τ = (κ² − 1)/(κ² + 1). Both
    polar factors are reflections, so one M serves both.
    """
    sp = sympy()
    k, c, s = sp.symbols("kappa c s", positive=True)  # cos and sin of β
    circle = c**2 + s**2 - 1
    d, a, b = sp.diag(k, 1), sp.Matrix([c, s]), sp.Matrix([-s, c])
    p = d.inv() * (a * a.T - b * b.T) * d
    mean, tau = (k + 1 / k) / 2, (k**2 - 1) / (k**2 + 1)
    z = mean * tau * (c**2 - s**2)
    yield Step("det P = −1", vanishes(p.det() + 1, circle))
    yield Step("‖P‖_F² + 2 = (2√(K² − z²))²", vanishes(sum(e**2 for e in p) + 2 - 4 * (mean**2 - z**2), circle))
    big_a, big_b = ((d.inv() * v).dot(d.inv() * v) for v in (a, b))
    t, r = sp.symbols("t r", positive=True)  # cos and sin of half the angle of y₁, y₂
    cot = k * (big_a * t**2 - big_b * r**2)
    yield Step("cot∠x · sin∠y = K(s₀ − τ cos 2β) up to the label of the axes",
               vanishes(cot - mean * ((t**2 - r**2) - tau * (c**2 - s**2)), circle, t**2 + r**2 - 1))  # fmt: skip
    one, two, s0, free = sp.symbols("K K' s z", real=True)
    plus, minus = one + two, one - two
    at = one * minus * s0 / plus  # z = K sin β, z' = −K' sin β with sin β = (K − K')s₀/(K + K')
    yield Step("z' = z − (K − K')s₀ is −K' sin β there", agree(at - minus * s0, -two * minus * s0 / plus))
    yield Step("√(K² − z²) + √(K'² − z'²) is stationary there: z²(K'² − z'²) = z'²(K² − z²)",
               agree(at**2 * (two**2 - (at - minus * s0) ** 2), (at - minus * s0) ** 2 * (one**2 - at**2)))  # fmt: skip
    yield Step("√ is concave, so it is the maximum: second derivatives −K²/(K² − z²)^{3/2} < 0",
               simplifies(sp.diff(sp.sqrt(one**2 - free**2), free, 2)
                          + one**2 / (one**2 - free**2) ** sp.Rational(3, 2)))  # fmt: skip
    yield Step("its value squared is (K + K')²(1 − sin²β) = (K + K')² − (K − K')²s₀²",
               agree(plus**2 * (1 - (minus * s0 / plus) ** 2), plus**2 - minus**2 * s0**2))  # fmt: skip


CONDITIONS = (Fraction(1), Fraction(2), Fraction(30))
CLAIMS = (
    Claim(
        id="prop-2-input-sharp",
        source=PROP_2_TEXT,
        reading="sharp",
        amends="prop-2-input",
        given=(*SPECTRAL.given, *FULL_ROW_RANK),
        concludes=up_to(INPUT, RHS_SHARP),
        proofs=(
            for_both("nuclear norm, Kantorovich", INPUT, one_model, sharp_constant, RHS_SHARP),
            Attained("W = W' = diag(1, κ)", one_condition, {cond(SOURCE.w): CONDITIONS, SOURCE.s0: COSINES}),
        ),
        attained=("ce1b", "ce1f"),
        expected=PROVED,
        remark="depends on the base weights; attained for κ = κ' and every s₀; 4(1 − s₀²) only for scaled isometries",
        words=(ATTAINED, SHARP),
        setting=similarity_setting(INPUT),
        strategies=(*TO_FIRST_ORDER, second_order(INPUT)),
    ),
    Claim(
        id="prop-2-input-vectors",
        source=PROP_2_TEXT,
        reading="what the proof supports",
        amends="prop-2-input",
        given=SPECTRAL.given,
        concludes=up_to(INPUT, RHS_VECTORS),
        proofs=(by_norms("Eq. 8 sharpened, for both models", INPUT, lambda m: m.sine0, BY_EQ_8_SHARP, RHS_VECTORS),),
        expected=PROVED,
        remark="the only form left where c > d: there no function of the singular values bounds it",
        setting=similarity_setting(INPUT),
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-2-input-finite",
        source=PROP_2_TEXT,
        reading="finite",
        amends="prop-2-input",
        given=(*SPECTRAL.given, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
        concludes=FINITE_BOUND,
        proofs=(by_lemma(integrated, *FINITE_BOUND),),
        expected=PROVED,
        remark="no O(ε²); the sharp slope integrated; prop-2-input-finite-sharp is the best such bound",
        setting=similarity_setting(INPUT),
        strategies=FINITE,
    ),
    Claim(
        id="prop-2-input-sharp-two",
        source=PROP_2_TEXT,
        reading="sharp for two condition numbers",
        amends="prop-2-input-sharp",
        given=(*SPECTRAL.given, *FULL_ROW_RANK),
        concludes=up_to(INPUT, RHS_SHARP),
        proofs=(
            for_both("nuclear norm, Kantorovich", INPUT, one_model, sharp_constant, RHS_SHARP),
            Attained(
                "explicit 4 x 4 matrices",
                two_conditions,
                {cond(SOURCE.w): CONDITIONS, cond(TARGET.w): CONDITIONS, SOURCE.s0: COSINES[1:]},
                every_pair=True,
            ),
            value_in_the_plane,
        ),
        expected=PROVED,
        remark="attained for every κ, κ', s₀ from c = 4 on; for c = 2 only if κ = κ' or s₀ = 0; for c = 3 we know "
        "instances for κ = κ' or s₀ = 0, and a search found no others",
        words=(SHARP, EVERY_PAIR),
        setting=similarity_setting(INPUT),
        strategies=TO_FIRST_ORDER,
    ),
    Claim(
        id="prop-2-input-finite-sharp",
        source=PROP_2_TEXT,
        reading="finite and sharp",
        amends="prop-2-input-finite",
        given=(*SPECTRAL.given, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
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
        expected=PROVED,
        remark="sinh(L/2) = cosh(ln κ) sinh(artanh ε) for the right side L: it grows like 2 ln κ, not like κ",
        words=(SHARP,),
        setting=similarity_setting(INPUT),
        strategies=FINITE,
    ),
)
