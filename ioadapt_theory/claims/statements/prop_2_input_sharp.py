"""Proposition 2 corrected for input adaptation, ŷ = x(I + M)W, M = AB: the constant depends on κ = cond(W).

u, v are the unit vectors along y₁, y₂, e₊ and e₋ those along u + v and u − v; K = (κ + 1/κ)/2.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8_SHARP
from ioadapt_theory.claims.statements.prop_1 import bound, by_norms, for_both, moved
from ioadapt_theory.claims.statements.prop_1_sharp import dual_form


def kappa(m: Model) -> Term:
    """Return κ = cond(W)."""
    return let(f"κ{m.prime}", cond(m.w))


def spread(m: Model) -> Term:
    """Return κ + 1/κ."""
    return kappa(m) + 1 / kappa(m)


def one_model(m: Model) -> Term:
    """Return (1 − s₀²)(κ + 1/κ)ε."""
    return m.sine0**2 * spread(m) * EPSILON


RHS_SHARP = EPSILON * total(lambda m: m.sine0**2 * spread(m), *MODELS)
RHS_VECTORS = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]) * spectral(m.w), *MODELS)


@lemma("nuclear norm, Kantorovich", abs(moved(SOURCE, INPUT)) <= one_model(SOURCE), SPECTRAL.relation, FULL_ROW_RANK[0])
def sharp_constant(goal: Relation) -> Iterator[Step]:
    """‖W⁺ᵀKWᵀ‖_* ≤ (1 − s²)(‖e₊W⁺‖‖e₊Wᵀ‖ + ‖e₋W⁺‖‖e₋Wᵀ‖), and Kantorovich for both terms."""
    # weights e_i² on λ = σ_i² in [a, b], b = κ²a; X = Σ e_i² λ_i, Y = Σ e_i²/λ_i
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
    most = sp.simplify(((a + b) ** 2 / (4 * a * b)).subs(b, k**2 * a))
    each = sp.powdenest(sp.sqrt(sp.factor(most)), force=True)
    yield Step("b = κ²a: √(XY) ≤ (κ + 1/κ)/2", simplifies(each - (k + 1 / k) / 2))
    known = {SOURCE.sine0: sp.sqrt(1 - s**2), kappa(SOURCE): k}
    yield reached(goal, eps * (1 - s**2) * (each + each), known, by=simplifies)


def pair(e: list[Any], f: list[Any], h: Fraction, w: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return x₁, x₂ with outputs e ± hf, for diagonal W."""
    return tuple([(a + sign * h * b) / k for a, b, k in zip(e, f, w, strict=True)] for sign in (1, -1))  # type: ignore[return-value]


def diagonal(w: list[Any], w_target: list[Any], ab: list[list[Any]], epsilon: Fraction, pairs: Any) -> dict[str, Any]:
    """Return an instance of diagonal weights."""
    keys = ("x1", "x2", "x1_target", "x2_target")
    size = len(w)
    diagonals = [[[k if i == j else 0 for j in range(size)] for i, k in enumerate(v)] for v in (w, w_target)]
    return {"W": diagonals[0], "W_target": diagonals[1], "AB": [[epsilon * x for x in r] for r in ab],
            "epsilon": epsilon, **dict(zip(keys, (x for p in pairs for x in p), strict=True))}  # fmt: skip


def one_condition(k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = diag(1, κ), AB = ε[[0, 1], [1, 0]], pairs about (1, 1) for the source and (1, −1) for the target."""
    h, w = root((1 - s) / (1 + s)), [1, k]
    return diagonal(w, w, [[0, 1], [1, 0]], Fraction(1, 10), (pair([1, 1], [1, -1], h, w), pair([1, -1], [1, 1], h, w)))


def two_conditions(k: Fraction, k_target: Fraction, s: Fraction) -> dict[str, Any]:
    """W = diag(κ, κ, 1, 1), W' = diag(κ', κ', 1, 1), AB = ε[[0, I], [I, 0]]; y = a ± hb, one sign changed for W'."""
    h, w, w_target = root((1 - s) / (1 + s)), [k, k, 1, 1], [k_target, k_target, 1, 1]
    exchange = [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]
    pairs = pair([1, 0, 1, 0], [0, 1, 0, -1], h, w), pair([1, 0, -1, 0], [0, 1, 0, 1], h, w_target)
    return diagonal(w, w_target, exchange, Fraction(1, 10), pairs)


@argued(Remarked, "the value for c = 2",
        "c = 2: V = √((K + K')² − (K − K')²s₀²) for V = sup|δ − δ'|/(2ε(1 − s₀²)), or an end of the range: V < K + K'"
        " unless κ = κ' or s₀ = 0")  # fmt: skip
def value_in_the_plane(claim: Claim) -> Iterator[Step]:
    """For one model ‖P‖_* = 2√(K² − z²); equal angles of the inputs say z − z' = (K − K')s₀."""
    # P = Σ⁻¹(aaᵀ − bbᵀ)Σ with a, b at angles β, β + 90° to the singular axes, z = Kτ cos 2β, τ = (κ² − 1)/(κ² + 1);
    # both polar factors are reflections, so one M serves both
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


COSINES = (Fraction(-3, 5), Fraction(0), Fraction(12, 13))
CONDITIONS = (Fraction(1), Fraction(2), Fraction(30))
CLAIMS = (
    bound(
        "prop-2-input-sharp",
        INPUT,
        RHS_SHARP,
        more=FULL_ROW_RANK,
        reading="sharp",
        amends="prop-2-input",
        proofs=(
            for_both("nuclear norm, Kantorovich", INPUT, one_model, sharp_constant, RHS_SHARP),
            Attained("W = W' = diag(1, κ)", one_condition, {cond(SOURCE.w): CONDITIONS, SOURCE.s0: COSINES}),
        ),
        attained=("ce1b", "ce1f"),
        words=(ATTAINED, SHARP),
        strategies=(*TO_FIRST_ORDER, second_order(INPUT)),
        remark="depends on the base weights; attained for κ = κ' and every s₀; 4(1 − s₀²)ε only for scaled isometries",
    ),
    bound(
        "prop-2-input-vectors",
        INPUT,
        RHS_VECTORS,
        reading="what the proof supports",
        amends="prop-2-input",
        proofs=(by_norms("Eq. 8 sharpened, for both models", INPUT, lambda m: m.sine0, BY_EQ_8_SHARP, RHS_VECTORS),),
        remark="for c > d the only form that holds: there no function of the singular values of W is a bound",
    ),
    bound(
        "prop-2-input-sharp-two",
        INPUT,
        RHS_SHARP,
        more=FULL_ROW_RANK,
        reading="sharp for two condition numbers",
        amends="prop-2-input-sharp",
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
        words=(SHARP, EVERY_PAIR),
        remark="attained for every κ, κ', s₀ from c = 4 on; for c = 2 only if κ = κ' or s₀ = 0; for c = 3 we know "
        "instances for κ = κ' or s₀ = 0, and a search found no others",
    ),
)
