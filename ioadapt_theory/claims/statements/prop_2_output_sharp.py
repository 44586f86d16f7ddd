"""The most by which an output adapter changes a similarity: ŷ = xWT, T = I + AB; without a remainder, and its slope.

That |artanh ŝ − artanh s| ≤ ln cond(T) is the inequality of Bauer and Householder (1960), a generalised Wielandt one.
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import PROP_2_TEXT, up_to
from ioadapt_theory.claims.statements.prop_2_input_sharp import COSINES


def shift(m: Model, placement: Placement) -> Term:
    """Return |artanh sim(ŷ₁, ŷ₂) − artanh s₀| of one model."""
    return abs(artanh(m.adapted_sim(placement)) - artanh(m.s0))


ARTANH = tuple(shift(m, OUTPUT) <= ln(cond(T)) for m in (SOURCE, TARGET))
TAU = let("τ", 2 * EPSILON / (1 + EPSILON**2))
RHS_SHARP = 2 * EPSILON * total(lambda m: m.sine0**2, *MODELS)


def rise(m: Model) -> Term:
    """Return tanh(artanh s₀ + artanh τ) − s₀."""
    return TAU * m.sine0**2 / (1 + TAU * m.s0)


def fall(m: Model) -> Term:
    """Return the other end, s₀ − tanh(artanh s₀ − artanh τ)."""
    return TAU * m.sine0**2 / (1 - TAU * m.s0)


RHS_FINITE = maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))
FINITE_BOUND = distance(OUTPUT) <= RHS_FINITE


def moebius(s: Any, tau: Any) -> Any:
    """Return tanh(artanh s + artanh τ)."""
    return (s + tau) / (1 + s * tau)


@lemma("norms of (u + v)T and (ru − pv)T", ARTANH[0], REGULAR)
def wielandt(goal: Relation) -> Iterator[Step]:
    """(1 + ŝ)/(1 − ŝ) ≤ (M/m)²(1 + s)/(1 − s), M and m the largest and smallest stretch of T."""
    # u, v unit vectors with cosine s, p = ‖uT‖, r = ‖vT‖, c = ⟨uT, vT⟩ = ŝpr; no plane, no decomposition
    sp = sympy()
    p, r, top, bottom, x = sp.symbols("p r M m x", positive=True)
    c, s = sp.symbols("c s", real=True)
    yield Step(
        "‖(u + v)T‖² = p² + r² + 2c, at least 2(pr + c): the rest is (p − r)²",
        agree(p**2 + r**2 + 2 * c - 2 * (p * r + c), (p - r) ** 2),
    )
    yield Step("and it is at most M²‖u + v‖² = 2M²(1 + s), so pr + c ≤ M²(1 + s)", nonnegative((p - r) ** 2))
    image = r**2 * p**2 + p**2 * r**2 - 2 * r * p * c
    yield Step("‖(ru − pv)T‖² = 2pr(pr − c)", agree(image, 2 * p * r * (p * r - c)))
    yield Step(
        "it is at least m²‖ru − pv‖², and ‖ru − pv‖² = 2pr(1 − s) + (p − r)²",
        agree(r**2 + p**2 - 2 * p * r * s, 2 * p * r * (1 - s) + (p - r) ** 2),
    )
    hat = c / (p * r)
    yield Step(
        "divided, so pr − c ≥ m²(1 − s): (pr + c)/(pr − c) = (1 + ŝ)/(1 − ŝ)",
        vanishes((p * r + c) / (p * r - c) - (1 + hat) / (1 - hat)),
    )
    yield Step("−v for v: s and ŝ change sign, and artanh is odd", simplifies(sp.atanh(-s) + sp.atanh(s)))
    half_log = sp.diff(sp.log((1 + s) / (1 - s)) / 2, s)
    yield Step("artanh s = ½ ln((1 + s)/(1 − s)): equal slopes", vanishes(half_log - sp.diff(sp.atanh(s), s)))
    known = {cond(T): top / bottom}
    derived_ = sp.log((top / bottom) ** 2 * x) / 2 - sp.log(x) / 2
    yield reached(goal, derived_, known, by=lambda e: simplifies(sp.expand_log(e)))


@lemma("generalised Wielandt; cond(I + AB); both ends of the interval", FINITE_BOUND, SPECTRAL.relation, BELOW_ONE)
def two_models(goal: Relation) -> Iterator[Step]:
    """Both adapted cosines lie in the interval tanh(artanh s ± artanh τ), τ = 2ε/(1 + ε²)."""
    sp = sympy()
    yield from lines(wielandt)
    eps = sp.Symbol("epsilon", positive=True)
    square = ((1 + eps) / (1 - eps)) ** 2
    yield Step("cond(I + AB) ≤ (1 + ε)/(1 − ε) = exp(2 artanh ε): tanh of its logarithm is 2ε/(1 + ε²)",
               vanishes((square - 1) / (square + 1) - 2 * eps / (1 + eps**2)))  # fmt: skip
    s, s_target, tau = sp.symbols("s s' tau", real=True)
    known = {TAU: tau, SOURCE.s0: s, TARGET.s0: s_target}
    known |= {SOURCE.sine0: sp.sqrt(1 - s**2), TARGET.sine0: sp.sqrt(1 - s_target**2)}
    ends = [moebius(a, tau) - a + b - moebius(b, -tau) for a, b in ((s, s_target), (s_target, s))]
    for which, end, part in zip(("source", "target"), ends, goal.right.args, strict=True):
        says = f"the two far ends, {which} above, are an argument of the right side"
        yield Step(says, vanishes(end - symbolic(part, known)), reaches=True)


@argued(
    Remarked, "for equal cosines", "|ŝ − ŝ'| ≤ 2τ(1 − s²)/(1 − s²τ²) ≤ 2τ ≤ 4ε; of rank one, cond(I + AB) ≤ 1/(1 − ε)"
)
def simpler(claim: Claim) -> Iterator[Step]:
    """The right side for s₀ = s₀', and coarser ones."""
    sp = sympy()
    s, tau, eps = sp.Symbol("s", real=True), sp.Symbol("tau", real=True), sp.Symbol("epsilon", positive=True)
    gap = moebius(s, tau) - moebius(s, -tau)
    yield Step("2τ(1 − s²)/(1 − s²τ²)", vanishes(gap - 2 * tau * (1 - s**2) / (1 - s**2 * tau**2)))
    rest = 2 * tau * s**2 * (1 - tau**2) / (1 - s**2 * tau**2)
    yield Step("2τ − that = 2τ s²(1 − τ²)/(1 − s²τ²)", vanishes(2 * tau - gap - rest))
    double = symbolic(TAU)
    yield Step("4ε − 2τ = 4ε³/(1 + ε²)", vanishes(4 * eps - 2 * double - 4 * eps**3 / (1 + eps**2)))
    yield Step("which is ≥ 0", nonnegative(4 * eps**3 / (1 + eps**2)))


EYE_2 = [[1, 0], [0, 1]]


def about_an_axis(k: Fraction, s: Fraction) -> dict[str, Any]:
    """Pairs (1, ±h) symmetric about a singular axis of T = diag(k, 1)."""
    h = root((1 - s) / (1 + s))
    pair = {"x1": [1, h], "x2": [1, -h], "x1_target": [1, h], "x2_target": [1, -h]}
    return {"W": EYE_2, "W_target": EYE_2, "AB": [[k - 1, 0], [0, 0]], "epsilon": k, **pair}


def far_ends(epsilon: Fraction, s: Fraction) -> dict[str, Any]:
    """AB = ε(e₊ᵀe₊ − e₋ᵀe₋): a pair (1, ±h) about e₊ of the source, (±h, 1) about e₋ of the target."""
    h = root((1 - s) / (1 + s))
    pairs = {"x1": [1, h], "x2": [1, -h], "x1_target": [h, 1], "x2_target": [-h, 1]}
    return {"W": EYE_2, "W_target": EYE_2, "AB": [[epsilon, 0], [0, -epsilon]], "epsilon": epsilon, **pairs}


SIZES = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))
sharp = partial(
    Claim,
    source=PROP_2_TEXT,
    amends="prop-2-output",
    attained=("ce2", "ce2b", "ce2c"),
    words=(ATTAINED, SHARP),
    expected=PROVED,
    setting=similarity_setting(OUTPUT),
    strategies=SEARCHES,
)
both_ends = Attained("both ends of the interval", far_ends, {EPSILON: SIZES, SOURCE.s0: COSINES})
CLAIMS = (
    sharp(
        id="prop-2-output-artanh",
        reading="exact, any adapter",
        given=(SAME_OUTPUTS, NOT_PARALLEL, REGULAR),
        concludes=ARTANH,
        proofs=(
            by_lemma(wielandt, *ARTANH),
            Attained(
                "a pair about a singular axis",
                about_an_axis,
                {cond(T): (Fraction(5, 4), Fraction(3), Fraction(100)), SOURCE.s0: COSINES},
            ),
        ),
        remark="the inequality of Bauer and Householder (1960): what an output adapter can do to a similarity depends "
        "on I + AB alone",
    ),
    sharp(
        id="prop-2-output-finite",
        reading="exact, finite",
        given=(*SPECTRAL.given, BELOW_ONE),
        concludes=(FINITE_BOUND,),
        proofs=(by_lemma(two_models, FINITE_BOUND), both_ends, simpler),
        remark="for s₀ = s₀' that is 2τ(1 − s₀²)/(1 − s₀²τ²), at most 2τ ≤ 4ε, so that 4ε needs no O(ε²)",
    ),
    sharp(
        id="prop-2-output-sharp",
        reading="sharp",
        given=SPECTRAL.given,
        concludes=up_to(OUTPUT, RHS_SHARP, 3),
        proofs=(
            derived(
                "the finite theorem, expanded",
                distance(OUTPUT),
                Link("both ends, for ε < 1", RHS_FINITE, (two_models,)),
                Link("no term in ε² for s₀ = s₀'", RHS_SHARP, (SAME_OUTPUTS,), order=3),
            ),
            both_ends,
        ),
        strategies=(*TO_FIRST_ORDER, second_order(OUTPUT)),
        remark="that is 4(1 − s₀²)ε; attained for every s₀ by the outputs turned by 90 degrees",
    ),
)
