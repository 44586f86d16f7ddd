"""Proposition 1 (Sec. 4, App. A.1): vanilla LoRA, ŷ = x(W + AB), and the similarity distance; its proof and Remark A.1.

α = ‖x₁‖/‖x₁W‖, β = ‖x₂‖/‖x₂W‖, θ₀ is the angle of y₁, y₂ and θ_x that of x₁, x₂.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Check,
    Step,
    agree,
    chained,
    computed,
    contradicted,
    found,
    general,
    reached,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.gradients import dual_form, slope
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import OPERATOR, TRIANGLE, TRIANGLE_DIFFERENCE, Link
from ioadapt_theory.claims.expression.limits import delta, first_order
from ioadapt_theory.claims.expression.tree import (
    PI,
    Term,
    angle,
    arcsin,
    cos,
    let,
    maximum,
    minimum,
    norm,
    positive,
    segment,
    sigma,
    sim,
    sine,
    spectral,
    sqrt,
    total,
)
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SOURCE, STRETCHES, TARGET, Model, distance, stretch
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    BELOW_OUTPUTS,
    FROBENIUS,
    FULL_ROW_RANK,
    LITERAL,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import below_outputs, second_order, setting
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8, BY_EQ_8_SHARP, BY_REMAINDER, finite_angle

APPENDIX = "Proposition 1 (App. A.1)"
TO_FIRST_ORDER = (Replay(), RandomInstances(), GradientAscent(drop=("ab",)))
FINITE = (Replay(), RandomInstances(), GradientAscent())
MODELS = ((SOURCE,), (SOURCE,), (TARGET,))
LORA = setting(Placement.LORA)
DISTANCE = distance(Placement.LORA)


def alpha(m: Model) -> Term:
    """‖x₁‖/‖x₁W‖."""
    return let(f"α{m.prime}", m.stretches[0])


def beta(m: Model) -> Term:
    """‖x₂‖/‖x₂W‖."""
    return let(f"β{m.prime}", m.stretches[1])


def together(m: Model) -> Term:
    """cos(θ_x + θ₀)."""
    return let(f"cos(θ_x{m.prime} + θ₀{m.prime})", sim(m.x1, m.x2) * m.s0 - sine(m.x1, m.x2) * m.sine0)


def turn(m: Model) -> Term:
    """The most an output pair of this model turns: arcsin(ε‖x₁‖/‖x₁W‖) + arcsin(ε‖x₂‖/‖x₂W‖)."""
    first, second = (arcsin(EPSILON * k) for k in m.stretches)
    return let(f"a{m.prime}", first + second)


def theta(m: Model) -> Term:
    """The angle of y₁ and y₂."""
    return let(f"θ₀{m.prime}", angle(m.y1, m.y2))


def rise(m: Model) -> Term:
    """The most its cosine can rise."""
    return cos(positive(theta(m) - turn(m))) - cos(theta(m))


def fall(m: Model) -> Term:
    """The most its cosine can fall."""
    return cos(theta(m)) - cos(minimum(PI, theta(m) + turn(m)))


def nuclear(m: Model) -> Term:
    """Sin θ₀ √(α² + β² − 2αβ cos(θ_x + θ₀))."""
    a, b = alpha(m), beta(m)
    return m.sine0 * sqrt((a - b) ** 2 + 2 * a * b * (1 - together(m)))


RHS = (1 + SOURCE.s0) * EPSILON * STRETCHES
RHS_MAIN = (
    (1 + SOURCE.s0)
    * EPSILON
    * (
        SOURCE.stretches[0]
        + norm(TARGET.x2) / norm(SOURCE.x2 @ SOURCE.w)
        + stretch(TARGET.x1, TARGET.w)
        + stretch(TARGET.x2, TARGET.w)
    )
)
RHS_ABS = (1 + abs(SOURCE.s0)) * EPSILON * STRETCHES
RHS_SINE = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]), *MODELS)
RHS_SHARP = EPSILON * total(nuclear, *MODELS)
RHS_WEIGHTS = EPSILON * total(lambda m: m.sine0**2 * (1 / sigma(m.w, 1) + 1 / sigma(m.w, 2)), *MODELS)
SQUARES = total(
    lambda x, w: stretch(x, w) ** 2,
    (Term("row", name="x"), SOURCE.w),
    *((x, m.w) for m in (SOURCE, TARGET) for x in m[:2]),
)
RHS_EXPLICIT = RHS_SINE + (3 + abs(SOURCE.s0)) * EPSILON**2 * SQUARES
RHS_FINITE = maximum(rise(SOURCE) + fall(TARGET), rise(TARGET) + fall(SOURCE))


def moved(m: Model) -> Term:
    """δ of one model."""
    return delta(m.y1, m.y2, m.x1 @ AB, m.x2 @ AB)


def sizes(m: Model, length: Term | None = None) -> Term:
    """‖x₁AB‖/‖x₁W‖ + ‖x₂AB‖/‖x₂W‖, or with ‖x‖·length for ‖xAB‖."""
    tops = [norm(x @ AB) if length is None else norm(x) * length for x in m[:2]]
    return tops[0] / norm(m.y1) + tops[1] / norm(m.y2)


def by_norms(factor: Term, factor_target: Term, rule: Any, right: Term) -> Any:
    """|δ| + |δ'| by a norm bound of Lemma 1 with this factor of each model, ‖xAB‖ ≤ ‖x‖‖AB‖₂ ≤ ‖x‖ε."""
    ball = SPECTRAL.relation

    def sums(length: Term | None = None) -> Term:
        return factor * sizes(SOURCE, length) + factor_target * sizes(TARGET, length)

    return chained(
        first_order(DISTANCE),
        Link("triangle inequality", abs(moved(SOURCE)) + abs(moved(TARGET)), (TRIANGLE_DIFFERENCE,)),
        Link("Lemma 1", sums(), (rule,)),
        Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", sums(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", sums(EPSILON), (ball,)),
        Link("s₀ = s₀'", right, (SOURCE.s0.equals(TARGET.s0),)),
    )


def explicit_chain() -> Any:
    """First order and remainder of both models, each bounded by Lemma 1."""
    remainders, changes = [], []
    for m in (SOURCE, TARGET):
        u, v, du, dv = m.y1, m.y2, m.x1 @ AB, m.x2 @ AB
        changes.append(moved(m))
        remainders.append(let(f"R{m.prime}", sim(u + du, v + dv) - m.s0 - moved(m)))

    def bound(length: Term | None = None) -> Term:
        parts = []
        for m in (SOURCE, TARGET):
            tops = [norm(x @ AB) if length is None else norm(x) * length for x in m[:2]]
            ratios = [top / norm(y) for top, y in zip(tops, (m.y1, m.y2), strict=True)]
            parts.append((3 + abs(m.s0)) * (ratios[0] ** 2 + ratios[1] ** 2) + m.sine0 * (ratios[0] + ratios[1]))
        return parts[0] + parts[1]

    same = SOURCE.s0.equals(TARGET.s0)
    return chained(
        DISTANCE,
        Link(
            "s₀ = s₀', and Lemma 1",
            abs((remainders[0] + changes[0]) - (remainders[1] + changes[1])),
            (same,),
        ),
        Link(
            "triangle inequality",
            (abs(remainders[0]) + abs(changes[0])) + (abs(remainders[1]) + abs(changes[1])),
            (TRIANGLE_DIFFERENCE, TRIANGLE),
        ),
        Link("Lemma 1 with its remainder", bound(), (BY_REMAINDER, BY_EQ_8_SHARP)),
        Link("‖xAB‖ ≤ ‖x‖‖AB‖₂", bound(spectral(AB)), (OPERATOR,)),
        Link("the hypothesis on AB", bound(EPSILON), (SPECTRAL.relation,)),
        Link("s₀ = s₀'", RHS_EXPLICIT, (same,)),
    )


@computed("sup |δ| = ε sin θ₀ √(α² + β² − 2αβ cos(θ_x + θ₀)) over ‖AB‖₂ ≤ ε, for one model")
def sharp_constant(claim: Claim) -> Iterator[Step]:
    """δ = ⟨M, G⟩ with G = x₁ᵀg₁ + x₂ᵀg₂ of rank two; its nuclear norm is the supremum."""
    sp = sympy()
    al, be, eps = sp.symbols("alpha beta epsilon", positive=True)
    c, s, cx, sx = sp.symbols("c s cx sx", real=True)  # cosine and sine of θ₀ and θ_x
    circles = (c**2 + s**2 - 1, cx**2 + sx**2 - 1)
    u, v = sp.Matrix([[1, 0]]), sp.Matrix([[c, s]])
    g1, g2 = v - c * u, u - c * v  # ‖y_i‖ times the gradients of Lemma 1
    x1, x2 = al * sp.Matrix([[1, 0]]), be * sp.Matrix([[cx, sx]])
    gram = (g1 * g1.T)[0], (g2 * g2.T)[0], (g1 * g2.T)[0]
    for k in (0, 1):
        yield Step(f"‖g_{k + 1}‖² = sin²θ₀", vanishes(gram[k] - s**2, *circles))
    yield Step("g₁·g₂ = −cos θ₀ sin²θ₀", vanishes(gram[2] + c * s**2, *circles))
    g = x1.T * g1 + x2.T * g2  # its two singular values depend on the Gram matrices only, so the plane is enough
    frobenius_sq = s**2 * (al**2 + be**2 - 2 * al * be * cx * c)
    yield Step("‖G‖_F² = sin²θ₀(α² + β² − 2αβ cos θ_x cos θ₀)", vanishes(sum(e**2 for e in g) - frobenius_sq, *circles))
    determinant = al * be * sx * s**3
    yield Step("σ₁σ₂ = |det G| = αβ sin θ_x sin³θ₀", vanishes(g.det() ** 2 - determinant**2, *circles))
    nuclear_sq = frobenius_sq + 2 * determinant
    known = {SOURCE.sine0: s, alpha(SOURCE): al, beta(SOURCE): be, together(SOURCE): cx * c - sx * s}
    part = symbolic(general(claim.goals[0].right), known)
    yield Step("ε‖G‖_* is the summand of the right side", agree(eps**2 * nuclear_sq, part**2), reaches=True)


@computed("α² + β² − 2αβ cos(θ_x + θ₀) = (α + β)² − 2αβ(1 + cos(θ_x + θ₀)): equality iff sim(x₁, x₂) = −s₀")
def sine_from_sharp(claim: Claim) -> Iterator[Step]:
    """How much the corrected form gives away, for one model."""
    sp = sympy()
    al, be = sp.symbols("alpha beta", positive=True)
    c, s = sp.symbols("C s", real=True)
    known = {SOURCE.sine0: s, alpha(SOURCE): al, beta(SOURCE): be, together(SOURCE): c}
    sharp = symbolic(nuclear(SOURCE), known) ** 2 / s**2
    yield Step("(α + β)² − …² = 2αβ(1 + C)", vanishes((al + be) ** 2 - sharp - 2 * al * be * (1 + c)))
    stretches = dict(zip(SOURCE.stretches, (al, be), strict=True))
    eps = sp.Symbol("epsilon", positive=True)
    part = general(claim.goals[0].right)
    yield reached(claim, eps * s * (al + be), {SOURCE.sine0: s, **stretches}, part=part)


@computed("for two models the suprema add up: W' = −W with the same inputs reverses the sign of δ for the same AB")
def two_models(claim: Claim) -> Iterator[Step]:
    """G' = −G, so one adapter is worst for both at once."""
    sp = sympy()
    c = sp.Symbol("c", real=True)
    u, v, du, dv = (sp.Matrix([sp.symbols(f"{name}:3", real=True)]) for name in ("u", "v", "p", "q"))

    def change(sign: int) -> Any:
        """Eq. 7 times ‖u‖‖v‖ at (±u, ±v), for the same Δu and Δv; c stands for the cosine, which keeps its value."""
        a, b = sign * u, sign * v
        return (du * b.T)[0] + (a * dv.T)[0] - c * ((a * du.T)[0] + (b * dv.T)[0])

    yield Step("y' = −y: the cosine stays, δ changes sign", agree(change(1), -change(-1)))
    terms = next(x for x in claim.goals[0].right.walk() if x.op == "sum").args[1:]
    yield Step("the right side is a sum over both models", found(len(terms), 2), reaches=True)


@computed("sup |δ| ≤ (1 − s²)(1/s_c + 1/s_{c−1})ε, the two smallest singular values of W of full row rank; attained")
def weights_constant(claim: Claim) -> Iterator[Step]:
    """G = W⁺ᵀK, and K/(1 − s²) is an isometry on a plane, so ‖G‖_* is at most the two largest singular values of W⁺."""
    sp = sympy()
    yield from dual_form()
    p, m, k = sp.Matrix(3, 2, sp.symbols("p:6")), sp.Matrix(2, 3, sp.symbols("m:6")), sp.Matrix(3, 3, sp.symbols("k:9"))
    dual = sum((p * m).multiply_elementwise(k)) - sum(m.multiply_elementwise(p.T * k))
    yield Step("x = yW⁺, so LoRA is output adaptation by W⁺M: ⟨PM, K⟩ = ⟨M, PᵀK⟩", vanishes(dual))
    a, b, h, eps = sp.symbols("a b h epsilon", positive=True)
    u, v, w, m = sp.Matrix([[1, h]]), sp.Matrix([[1, -h]]), sp.diag(a, b), sp.diag(1, -1)
    s = (1 - h**2) / (1 + h**2)
    attained = sp.powdenest(slope(u, v, u * w.inv() * m, v * w.inv() * m), force=True)
    known = {SOURCE.sine0: 2 * h / (1 + h**2), sigma(SOURCE.w, 1): a, sigma(SOURCE.w, 2): b}
    yield Step("sin θ₀ = 2h/(1 + h²) for cos θ₀ = (1 − h²)/(1 + h²)", agree(known[SOURCE.sine0] ** 2, 1 - s**2))
    part = general(claim.goals[0].right)
    yield Step(
        "W = diag(a, b), y = (1, ±h), AB = ε diag(1, −1) attains the summand of the right side",
        vanishes(attained * eps - symbolic(part, known)),
        reaches=True,
    )


@computed("θ̂ lies in [θ₀ − a, θ₀ + a] ∩ [0, π], and the cosine decreases there")
def finite_interval(claim: Claim) -> Iterator[Step]:
    """The angle of Lemma 1's finite form for y₁, y₂, ‖xAB‖ ≤ ε‖x‖; both ends, for both models."""
    from ioadapt_theory.claims.statements.lemma_1 import LEMMA_1_ANGLE

    sp = sympy()
    yield from (s for s in finite_angle.chain(LEMMA_1_ANGLE) if not s.reaches)
    t, a, t_target, a_target = sp.symbols("theta a theta' a'", real=True)
    known = {theta(SOURCE): t, turn(SOURCE): a, theta(TARGET): t_target, turn(TARGET): a_target}

    def ends(angle_: Any, by: Any) -> tuple[Any, Any]:
        return sp.cos(sp.Max(angle_ - by, 0)) - sp.cos(angle_), sp.cos(angle_) - sp.cos(sp.Min(sp.pi, angle_ + by))

    (up, down), (up_target, down_target) = ends(t, a), ends(t_target, a_target)
    derived = sp.Max(up + down_target, up_target + down)
    yield Step(
        "the largest difference of two such cosines is the right side",
        Check(symbolic(claim.goals[0].right, known) == derived),
        reaches=True,
    )
    f, g, eps = sp.symbols("f g epsilon", positive=True)
    turned = symbolic(turn(SOURCE), dict(zip(SOURCE.stretches, (f, g), strict=True)))
    yield Step("a is the sum of both arcsines", agree(turned, sp.asin(eps * f) + sp.asin(eps * g)))


@computed("the segment from y to ŷ may pass through 0: x = (1, 0), W = I, AB = −2I, ε = 2", prose=True)
def segment_through_zero(claim: Claim) -> Iterator[Step]:
    """All hypotheses of App. A.1 hold there, since W' = W and x' = x."""
    sp = sympy()
    x, ab = sp.Matrix([[1, 0]]), -2 * sp.eye(2)
    middle = x + sp.Rational(1, 2) * x * ab
    yield Step("y + ½xAB = 0", found(middle, sp.zeros(1, 2)))
    yield Step("‖AB‖₂ = ε = 2", found((ab.T * ab), 4 * sp.eye(2)))
    yield Step("ŷ = −y is not zero", found(x + x * ab, -x))


@computed("‖y + txAB‖ ≥ ‖y‖ − t‖xAB‖ ≥ ‖y‖ − ε‖x‖ for t in [0, 1]")
def segment_from_below(claim: Claim) -> Iterator[Step]:
    """The reversed triangle inequality, and ‖xAB‖ ≤ ‖x‖‖AB‖₂ ≤ ε‖x‖."""
    sp = sympy()
    x, y, eps, slack, rest = sp.symbols("x y epsilon slack rest", nonnegative=True)
    shorter, t = eps * x - slack, 1 - rest  # ‖xAB‖ and t
    yield Step(
        "y − t‖xAB‖ − (y − ε‖x‖) = slack + rest·‖xAB‖",
        agree(y - t * shorter - (y - eps * x), slack + rest * shorter),
    )
    x2, y2 = sp.symbols("x2 y2", nonnegative=True)
    lengths = {norm(SOURCE.x1): x, norm(SOURCE.x2): x2, norm(SOURCE.y1): y, norm(SOURCE.y2): y2}
    left = symbolic(claim.goals[0].left, {**lengths, EPSILON: eps})
    yield Step("the smaller one is the left side", Check(left == sp.Min(y - eps * x, y2 - eps * x2)), reaches=True)


@computed(
    "the constant of the printed remainder, C'/(2A_min²)(‖x₁‖² + ‖x₂‖²), is no function of what is displayed",
    prose=True,
)
def no_explicit_quadratic_term(claim: Claim) -> Iterator[Step]:
    """W = I, x = (1, 0), AB = −εI: A_min = 1 − ε → 0 as ε → 1, while ‖x‖/‖xW‖ = 1 and s₀ stay."""
    sp = sympy()
    eps, t = sp.symbols("epsilon t", positive=True)
    x = sp.Matrix([[1, 0]])
    length = (x - t * eps * x)[0].subs(t, 1)
    yield Step("A_min = 1 − ε", agree(length, 1 - eps))
    yield Step("1/A_min² → ∞ as ε → 1", found(sp.limit(1 / length**2, eps, 1, "-"), sp.oo))


PROP_1 = Claim(
    id="prop-1",
    source=APPENDIX,
    origin=Origin.READING,
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS).up_to(2),),
    reading="‖AB‖₂ ≤ ε as its proof uses it",
    expected=Verdict.REFUTED,
    remark="false for s₀ < 0, by any factor as s₀ → −1; true with 1 + |s₀|, better with √(1 − s₀²)",
    witnesses=("ce3", "ce3b", "ce3c"),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce3", "ce3b", "ce3c"),
)
PROP_1_LITERAL = Claim(
    id="prop-1-literal",
    source=APPENDIX,
    origin=Origin.PRINTED,
    reading="‖AB‖₂² ≤ ε as stated",
    given=LITERAL.given,
    concludes=PROP_1.concludes,
    expected=Verdict.REFUTED,
    remark="needs √ε in place of ε, and then the remainder is of the order of the displayed term",
    witnesses=("ce4-lora",),
    setting=setting(Placement.LORA, LITERAL),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce4-lora"),
)
PROP_1_FROBENIUS = Claim(
    id="prop-1-frobenius",
    source=APPENDIX,
    origin=Origin.READING,
    reading="‖AB‖_F ≤ ε as in the proof of Prop. 2",
    given=FROBENIUS.given,
    concludes=PROP_1.concludes,
    expected=Verdict.REFUTED,
    remark="the smaller ball does not save it",
    witnesses=("prop-1-frobenius",),
    setting=setting(Placement.LORA, FROBENIUS),
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("prop-1-frobenius"),
)
PROP_1_MAIN = Claim(
    id="prop-1-main",
    source="Proposition 1 (Sec. 4)",
    origin=Origin.READING,
    reading="‖AB‖₂ ≤ ε as its proof uses it; second term ‖x₂'‖/‖x₂W‖ as printed in Sec. 4",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_MAIN).up_to(2),),
    expected=Verdict.REFUTED,
    remark="a misprint: the appendix has ‖x₂‖",
    witnesses=("ce5",),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=contradicted("ce5"),
)
PROP_1_ABS = Claim(
    id="prop-1-abs",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="|s₀| for s₀",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_ABS).up_to(2),),
    expected=Verdict.PROVED,
    remark="tight only at s₀ = 0",
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=(Proof("Eq. 8 for both models", by_norms(1 + abs(SOURCE.s0), 1 + abs(TARGET.s0), BY_EQ_8, RHS_ABS)),),
)
PROP_1_SINE = Claim(
    id="prop-1-sine",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="corrected",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_SINE).up_to(2),),
    expected=Verdict.PROVED,
    remark="the closest true statement; attained where sim(x₁, x₂) = −s₀ by W' = −W, and by W' = −2W as well",
    attained=("ce3", "ce3b", "ce3c", "ce3-double"),
    words=(Word.ATTAINED,),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=(
        Proof("Eq. 8 sharpened, for both models", by_norms(SOURCE.sine0, TARGET.sine0, BY_EQ_8_SHARP, RHS_SINE)),
        Proof("what it gives away", sine_from_sharp, aside=True),
    ),
)
PROP_1_SHARP = Claim(
    id="prop-1-sharp",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="sharp for given data",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_SHARP).up_to(2),),
    expected=Verdict.PROVED,
    remark="attained by W' = −W, x' = x for every W, x₁, x₂; the hypothesis on sim(x₁, x₂) enters only here",
    attained=("ce3", "ce3b", "ce3c", "prop-1-weights"),
    words=(Word.ATTAINED, Word.SHARP),
    setting=LORA,
    strategies=(*TO_FIRST_ORDER, second_order(Placement.LORA)),
    proofs=(
        Proof("nuclear norm of the gradient", sharp_constant),
        Proof("W' = −W", two_models, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
PROP_1_WEIGHTS = Claim(
    id="prop-1-weights",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="sharp in terms of W",
    amends="prop-1",
    given=(*SPECTRAL.given, *FULL_ROW_RANK),
    concludes=((DISTANCE <= RHS_WEIGHTS).up_to(2),),
    expected=Verdict.PROVED,
    remark="W → tW divides this by t and leaves Prop. 2: the two propositions do not rank the methods",
    attained=("prop-1-weights",),
    words=(Word.ATTAINED, Word.SHARP),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=(Proof("nuclear norm of W⁺ᵀK", weights_constant, shows=frozenset([Word.SHARP])),),
)
PROP_1_EXPLICIT = Claim(
    id="prop-1-explicit",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="with its remainder",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=(DISTANCE <= RHS_EXPLICIT,),
    prose="for every ε",
    expected=Verdict.PROVED,
    remark="no A_min and no hidden O(ε²)",
    setting=LORA,
    strategies=FINITE,
    proofs=(Proof("Lemma 1 with its remainder, for both models", explicit_chain()),),
)
PROP_1_FINITE = Claim(
    id="prop-1-finite",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="finite",
    amends="prop-1",
    given=(*SPECTRAL.given, BELOW_OUTPUTS),
    concludes=(DISTANCE <= RHS_FINITE,),
    expected=Verdict.PROVED,
    remark="no O(ε²) at all, for ε‖x‖ ≤ ‖xW‖",
    setting=setting(Placement.LORA, limit=below_outputs),
    strategies=FINITE,
    proofs=(Proof("triangle inequality on the sphere", finite_interval),),
)
PROP_1_SEGMENT = Claim(
    id="prop-1-segment",
    source="Proof of Proposition 1 (App. A.1)",
    origin=Origin.PRINTED,
    prose="every point on the segment from (y₁, y₂) to (ŷ₁, ŷ₂) has norms bounded below by A_min > 0",
    expected=Verdict.REFUTED,
    remark="true while ε < min ‖xW‖/‖x‖ (prop-1-segment-small); prop-1-explicit does not need it",
    proofs=(Proof("AB = −2I", segment_through_zero, refutes=True),),
)
PROP_1_SEGMENT_SMALL = Claim(
    id="prop-1-segment-small",
    source="Proof of Proposition 1 (App. A.1)",
    origin=Origin.OURS,
    reading="small ε",
    amends="prop-1-segment",
    given=SPECTRAL.given,
    concludes=(
        minimum(*(norm(x @ SOURCE.w) - EPSILON * norm(x) for x in SOURCE[:2]))
        <= segment(SOURCE.y1, SOURCE.y2, SOURCE.x1 @ AB, SOURCE.x2 @ AB),
    ),
    expected=Verdict.PROVED,
    remark="so A_min > 0 where ε‖x‖ < ‖xW‖ for both inputs",
    setting=setting(Placement.LORA, limit=below_outputs),
    strategies=FINITE,
    proofs=(Proof("reversed triangle inequality", segment_from_below),),
)
REMARK_A1 = Claim(
    id="remark-a1",
    source="Remark A.1 (App. A.1)",
    origin=Origin.PRINTED,
    prose="the displayed bound has an explicit quadratic term in ε², and both parts are computable from the data",
    expected=Verdict.REFUTED,
    remark="O(ε²) is displayed, with A_min in its constant; prop-1-explicit has an explicit one in the displayed data",
    proofs=(Proof("A_min → 0 where all that is displayed stays", no_explicit_quadratic_term, refutes=True),),
)
CLAIMS = (
    PROP_1,
    PROP_1_LITERAL,
    PROP_1_FROBENIUS,
    PROP_1_MAIN,
    PROP_1_ABS,
    PROP_1_SINE,
    PROP_1_SHARP,
    PROP_1_WEIGHTS,
    PROP_1_EXPLICIT,
    PROP_1_FINITE,
    PROP_1_SEGMENT,
    PROP_1_SEGMENT_SMALL,
    REMARK_A1,
)
