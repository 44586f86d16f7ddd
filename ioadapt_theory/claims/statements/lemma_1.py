"""Lemma 1 (App. A.1): first-order expansion of the cosine similarity, its norm bound (Eq. 8) and its remainder.

In inner products alone, so in every dimension. ρ_u = ‖Δu‖/‖u‖, r = ‖u + Δu‖/‖u‖, x the cosine between u and u + Δu.
"""

from ioadapt_theory.claims.expression.algebra import dot as inner_product
from ioadapt_theory.claims.language import *

SOURCE_TEXT = "Lemma 1 (App. A.1)"
SQUARES = RHO_U**2 + RHO_V**2
C_PLUS, C_MINUS = (let(f"c{sign}", sqrt((1 + s) / 2)) for sign, s in (("₊", S), ("₋", -S)))
"""cos(θ/2) and sin(θ/2), θ the angle of u and v."""
C = let("c", sqrt((1 + abs(S)) / 2))

EQ_8 = abs(DELTA) <= (1 + abs(S)) * (RHO_U + RHO_V)
EQ_8_SHARP = abs(DELTA) <= sine(U, V, "s") * (RHO_U + RHO_V)
ABOVE, BELOW = R <= C_MINUS * (1 + C_MINUS) * SQUARES, -R <= C_PLUS * (1 + C_PLUS) * SQUARES
REMAINDER = abs(R) <= C * (1 + C) * SQUARES
TURN = abs(angle(U + DU, V + DV) - angle(U, V)) <= arcsin(RHO_U) + arcsin(RHO_V)
BY_EQ_8, BY_EQ_8_SHARP = rule("Lemma 1, Eq. 8", EQ_8), rule("Lemma 1, Eq. 8 sharpened", EQ_8_SHARP)
BY_REMAINDER = rule("Lemma 1, remainder", REMAINDER)


def gradient(u: Term, v: Term) -> Term:
    """Return ∇ᵤs = v/(‖u‖‖v‖) − s u/‖u‖²."""
    return 1 / (norm(u) * norm(v)) * v - sim(u, v) / norm(u) ** 2 * u


GRADIENT_U, GRADIENT_V = let("∇ᵤs", gradient(U, V)), let("∇ᵥs", gradient(V, U))


def along_gradients(s: Fraction, a: Fraction, b: Fraction) -> dict[str, Any]:
    """Δu ∝ v̂ − sû, Δv ∝ û − sv̂."""
    q = root(1 - s * s)
    return {"u": [1, 0], "v": [s, q], "du": [0, a], "dv": [b * q, -b * s]}


def annihilated(s: Fraction, near: Fraction) -> dict[str, Any]:
    """Δu takes u nearly away and turns it onto the new v: p = u + Δu = η((1 + 2c)v − u), q = v + Δv = F/(2c(1 + c))."""
    v, c = [-abs(s), root(1 - s * s)], root((1 + abs(s)) / 2)
    sign = -1 if s > 0 else 1  # R ≥ 0 for s < 0; the other sign of s is that of v
    f = [(1 + 2 * c) * v[0] - 1, (1 + 2 * c) * v[1]]
    moved = [x / (2 * c * (1 + c)) for x in f]
    return {
        "u": [1, 0],
        "v": [sign * x for x in v],
        "du": [near * f[0] - 1, near * f[1]],
        "dv": [sign * (y - x) for x, y in zip(v, moved, strict=True)],
    }


@lemma("one formula for the gap, then four unit vectors", ABOVE)
def one_sided(goal: Relation) -> Iterator[Step]:
    """K = c(1 + c), c = c₋, so s = 1 − 2c²; |u| = |v| = 1, p = u + Δu = rx, q = v + Δv = ty, E = (1 + 2c)u − v."""
    sp = sympy()
    c, r, t = sp.symbols("c r t", nonnegative=True)
    pu, pv, qu, qv, pq = sp.symbols("p·u p·v q·u q·v x·y", real=True)
    k, s = c * (1 + c), 1 - 2 * c**2
    change = (pv - s * pu) + (qu - s * qv)  # δ: ⟨p, v − su⟩ + ⟨q, u − sv⟩
    squares = (r**2 - 2 * pu + 1) + (t**2 - 2 * qv + 1)  # ρ_u² + ρ_v²
    x_e, y_f = (1 + 2 * c) * pu - pv, (1 + 2 * c) * qv - qu
    gap = (k * r**2 - x_e) + (k * t**2 - y_f) + 1 + 2 * c - pq
    yield Step("K(ρ_u² + ρ_v²) − R = [Kr² − r⟨x, E⟩] + [Kt² − t⟨y, F⟩] + 1 + 2c − ⟨x, y⟩",
               vanishes(k * squares - (pq - s - change) - gap))  # fmt: skip
    size = (1 + 2 * c) ** 2 + 1 - 2 * (1 + 2 * c) * s
    yield Step("‖E‖² = ‖F‖² = 8c²(1 + c) = N²", vanishes(size - 8 * c**2 * (1 + c)))
    yield Step("⟨E, F⟩ = −cN²", vanishes((1 + (1 + 2 * c) ** 2) * s - 2 * (1 + 2 * c) + c * size))
    w = sp.Symbol("w", real=True)
    n = sp.sqrt(size)
    yield Step("K(Kr² − rNw + 2cw²) = (Kr − Nw/2)² for w = ⟨x, E⟩/N > 0, so the brackets are at least −2cw²",
               simplifies(sp.expand(k * (k * r**2 - r * n * w + 2 * c * w**2) - (k * r - n * w / 2) ** 2)))  # fmt: skip
    yield Step("to show: 2c(a² + b² − 1) ≤ 1 − ⟨x, y⟩, a = ⟨x, e⟩, b = ⟨y, f⟩; clear if a ≤ 0, b ≤ 0 or a² + b² ≤ 1",
               agree(1 + 2 * c - 2 * c * (pu**2 + qv**2), 1 - 2 * c * (pu**2 + qv**2 - 1)))  # fmt: skip
    a, b, big_a, big_b, big_c, h = sp.symbols("a b A B C h", real=True)  # sines beside the cosines a, b, c, h
    circles = (big_a**2 + a**2 - 1, big_b**2 + b**2 - 1, big_c**2 + c**2 - 1)
    z = sp.Symbol("z", real=True)
    gram = sp.Matrix([[1, a, h], [a, 1, z], [h, z, 1]]).det()
    yield Step("Gram determinant of e, x, y: (z − ah)² ≤ A²H²",
               vanishes(gram - ((1 - a**2) * (1 - h**2) - (z - a * h) ** 2)))  # fmt: skip
    second = gram.subs({a: h, h: -c, z: b}, simultaneous=True)
    yield Step("of e, y, f: (h + cb)² ≤ C²B², so h ≤ h₀ = CB − cb ≤ a",
               vanishes(second - ((1 - c**2) * (1 - b**2) - (h + c * b) ** 2)))  # fmt: skip
    h0, other = big_c * big_b - c * b, big_c * b + c * big_b
    yield Step("H₀ = Cb + cB: h₀² + H₀² = 1; ah + AH increases for h ≤ a, so z ≤ ah₀ + AH₀",
               vanishes(h0**2 + other**2 - 1, *circles))  # fmt: skip
    both_cos, both_sin = a * b - big_a * big_b, a * big_b + big_a * b
    yield Step("ah₀ + AH₀ = C sin(α + β) − c cos(α + β)",
               vanishes(a * h0 + big_a * other - (big_c * both_sin - c * both_cos)))  # fmt: skip
    yield Step("a² + b² − 1 = cos(α + β) cos(α − β)",
               vanishes(a**2 + b**2 - 1 - both_cos * (a * b + big_a * big_b), *circles))  # fmt: skip
    yield Step("1 − cos(α − β) = ((a − b)² + (A − B)²)/2 ≥ 0",
               vanishes(1 - a * b - big_a * big_b - ((a - b) ** 2 + (big_a - big_b) ** 2) / 2, *circles))  # fmt: skip
    p, q = sp.symbols("cos sin", real=True)
    rest = 1 - (big_c * q - c * p) - 2 * c * p
    yield Step("1 − z − 2c(a² + b² − 1) ≥ ((c − cos(α + β))² + (C − sin(α + β))²)/2 ≥ 0",
               vanishes(rest - ((c - p) ** 2 + (big_c - q) ** 2) / 2, circles[2], p**2 + q**2 - 1))  # fmt: skip
    f, g = sp.symbols("rho_u rho_v", nonnegative=True)
    yield reached(goal, k * (f**2 + g**2), {S: s, RHO_U: f, RHO_V: g}, by=simplifies)


@lemma("the same for −v: s and R change sign", BELOW)
def other_side(goal: Relation) -> Iterator[Step]:
    """(u, −v, Δu, −Δv) has −s, −δ and −R, and the same ρ."""
    sp = sympy()
    yield from lines(one_sided)
    before = symbolic(R)
    flipped = {V: -symbolic(V), DV: -symbolic(DV)}
    yield Step("R(u, −v, Δu, −Δv) = −R", simplifies(symbolic(opened(R), flipped) + before))
    s, (f, g) = sp.Symbol("s", real=True), sp.symbols("rho_u rho_v", nonnegative=True)
    mirrored = symbolic(ABOVE.right, {S: -s, RHO_U: f, RHO_V: g})
    yield reached(goal, mirrored, {S: s, RHO_U: f, RHO_V: g}, by=simplifies)


@lemma("the larger of both constants", REMAINDER)
def two_sided(goal: Relation) -> Iterator[Step]:
    """c₋ and c₊ are at most c = √((1 + |s|)/2), and c(1 + c) increases."""
    sp = sympy()
    yield from lines(one_sided)
    yield from lines(other_side)
    a, f, g = sp.symbols("a rho_u rho_v", nonnegative=True)  # a = |s|
    for sign in (1, -1):
        yield Step(f"(1 + |s|)/2 − (1 {'+' if sign > 0 else '−'} s)/2 ≥ 0", nonnegative(((1 + a) - (1 - a)) / 2))
    c = sp.sqrt((1 + a) / 2)
    yield reached(goal, c * (1 + c) * (f**2 + g**2), {abs(S): a, RHO_U: f, RHO_V: g}, by=simplifies)


@lemma("derivative and remainder", abs(R) <= landau(norm(DU) ** 2 + norm(DV) ** 2))
def expansion(goal: Relation) -> Iterator[Step]:
    """Eq. 7 is the derivative of s(u + tΔu, v + tΔv) at t = 0; what is left is bounded by lemma-1-remainder."""
    sp = sympy()
    t, u, v, du, dv = sp.Symbol("t", real=True), *(symbolic(x) for x in (U, V, DU, DV))
    sizes = (inner_product(x + t * dx, x + t * dx) for x, dx in ((u, du), (v, dv)))
    moved = inner_product(u + t * du, v + t * dv) / sp.sqrt(sp.prod(list(sizes)))
    derivative = sp.powdenest(sp.diff(moved, t).subs(t, 0), force=True)
    yield Step("ds/dt at 0 equals Eq. 7", vanishes(derivative - symbolic(DELTA)))
    yield from lines(two_sided)
    x, y, constant = sp.symbols("x y C", positive=True)
    bound = symbolic(REMAINDER.right, {norm(DU): x, norm(DV): y, C: constant})
    asked = symbolic(goal.right.args[0], {norm(DU): x, norm(DV): y})
    quotient = sp.Poly(bound, x, y), sp.Poly(asked, x, y)
    same = {m for m, _ in quotient[0].terms()} == {m for m, _ in quotient[1].terms()} == {(2, 0), (0, 2)}
    yield Step("the bound is a number times ‖Δu‖² plus a number times ‖Δv‖²", Check(same), reaches=True)


@lemma("triangle inequality on the sphere", TURN, *SHORTER)
def finite_angle(goal: Relation) -> Iterator[Step]:
    """∠(u, u + Δu) ≤ arcsin ρ_u for ρ_u ≤ 1, without a remainder."""
    sp = sympy()
    r, x, theta, a = sp.symbols("r x theta a", real=True)
    rho_sq = 1 + r**2 - 2 * r * x
    yield Step("ρ² − sin²∠(u, u + Δu) = (r − x)² ≥ 0", vanishes(rho_sq - (1 - x**2) - (r - x) ** 2))
    yield Step("ρ ≤ 1 makes the angle acute: 2rx = (1 − ρ²) + r²", agree(2 * r * x, (1 - rho_sq) + r**2))
    for sign in (1, -1):
        moved = sp.expand_trig(sp.cos(theta + sign * a)) - sp.cos(theta)
        form = -sign * sp.sin(theta) * sp.sin(a) - sp.cos(theta) * (1 - sp.cos(a))
        one, other = ("+", "−") if sign > 0 else ("−", "")
        yield Step(f"cos(θ {one} a) − cos θ = {other}sin θ sin a − cos θ(1 − cos a)", vanishes(moved - form))
    f, g = sp.symbols("rho_u rho_v", nonnegative=True)
    yield reached(goal, sp.asin(f) + sp.asin(g), {RHO_U: f, RHO_V: g})


COSINES = (Fraction(-3, 5), Fraction(0), Fraction(12, 13))
LENGTHS = (Fraction(1, 2), Fraction(3))
HALVED = (Fraction(-7, 25), Fraction(-119, 169), Fraction(7, 25), Fraction(1))
"""Cosines with rational √(1 − s²) and √((1 + |s|)/2)."""
on_increments = partial(Claim, source=SOURCE_TEXT, expected=PROVED, setting=INCREMENTS, strategies=SEARCHES)
CLAIMS = (
    Claim(
        id="lemma-1-expansion",
        source="Lemma 1, Eq. 7 (App. A.1)",
        origin=PRINTED,
        concludes=(expansion.stated,),
        proofs=(by_lemma(expansion, expansion.stated),),
        expected=PROVED,
        strategies=(OrderFit(evaluator(R), INCREMENTS, ("du", "dv")),),
        remark="no segment condition is needed: lemma-1-remainder has a constant that holds everywhere",
    ),
    on_increments(
        id="lemma-1",
        source="Lemma 1, Eq. 8 (App. A.1)",
        origin=PRINTED,
        concludes=(EQ_8,),
        proofs=(
            derived(
                "the sharp form",
                EQ_8.left,
                Link("the sharp form", EQ_8_SHARP.right, (BY_EQ_8_SHARP,)),
                Link("√(1 − s²) ≤ 1 + |s|", EQ_8.right, (SINE,)),
            ),
        ),
        attained=("lemma-1",),
        words=(ATTAINED,),
        remark="tight only at s = 0; too large by √((1 + |s|)/(1 − |s|)) → ∞ as |s| → 1",
    ),
    on_increments(
        id="lemma-1-sharp",
        reading="sharp",
        amends="lemma-1",
        concludes=(EQ_8_SHARP,),
        proofs=(
            derived(
                "gradient orthogonal to the vector, Cauchy-Schwarz",
                EQ_8_SHARP.left,
                Link("δ is linear in Δu and Δv", abs(dot(GRADIENT_U, DU) + dot(GRADIENT_V, DV))),
                Link("triangle inequality", abs(dot(GRADIENT_U, DU)) + abs(dot(GRADIENT_V, DV)), (TRIANGLE,)),
                Link("Cauchy-Schwarz", norm(GRADIENT_U) * norm(DU) + norm(GRADIENT_V) * norm(DV), (CAUCHY_SCHWARZ,)),
                Link("‖∇ᵤs‖ = √(1 − s²)/‖u‖", EQ_8_SHARP.right),
            ),
            Attained("along the gradients", along_gradients, {sim(U, V): COSINES, RHO_U: LENGTHS, RHO_V: LENGTHS}),
        ),
        attained=("lemma-1-sharp",),
        words=(ATTAINED, SHARP),
        remark="attained for every s by Δu ∝ v̂ − sû, Δv ∝ û − sv̂",
    ),
    on_increments(
        id="lemma-1-remainder",
        reading="with a constant, on either side",
        amends="lemma-1-expansion",
        concludes=(ABOVE, BELOW),
        proofs=(
            Derived(
                "one side, then the other",
                (*by_lemma(one_sided, ABOVE).deductions, *by_lemma(other_side, BELOW).deductions),
            ),
        ),
        remark="for all increments: no minimum norm along the segment enters, unlike A_min in the proof of Prop. 1",
    ),
    on_increments(
        id="lemma-1-remainder-best",
        reading="with the least constant for every s",
        amends="lemma-1-remainder",
        concludes=(REMAINDER,),
        proofs=(
            by_lemma(two_sided, REMAINDER),
            Attained("u annihilated", annihilated, {sim(U, V): HALVED}, approaches=True, factor=C * (1 + C)),
        ),
        words=(SHARP,),
        remark="a supremum, approached by increments that take u nearly away; at most 2, and 2 only for |s| = 1",
    ),
    on_increments(
        id="lemma-1-angle",
        reading="finite",
        amends="lemma-1",
        given=SHORTER,
        concludes=(TURN,),
        proofs=(by_lemma(finite_angle, TURN),),
        attained=("lemma-1-angle",),
        words=(ATTAINED,),
        setting=INCREMENTS.parametrised(shorter),
        remark="the same without a remainder, for increments not longer than their vectors",
    ),
)
