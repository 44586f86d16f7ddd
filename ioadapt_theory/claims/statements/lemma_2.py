"""Lemma 2 (App. A.1): the Hessian of the cosine similarity, and what it says about the remainder of Lemma 1."""

from ioadapt_theory.claims.language import *

SOURCE_TEXT = "Lemma 2 (App. A.1)"
SMALLER = let("m", minimum(norm(U), norm(V)))
PRINTED_BOUND = hessian_norm(U, V) <= 12 * (1 + abs(S)) / SMALLER**2
BOUND = hessian_norm(U, V) <= (1 + abs(S)) / SMALLER**2
INTEGRAL = abs(R) <= HALF * sup_hessian_norm(U, V, DU, DV) * (norm(DU) ** 2 + norm(DV) ** 2)
EXPLICIT = abs(R) <= 2 * (-RHO_U - ln(1 - RHO_U) + (-RHO_V - ln(1 - RHO_V)))
PLANE = (0, 1, 4, 5)
"""Coordinates of u and v in the plane they span, for d = 4."""
FIRST, SECOND = (2, 6), (3, 7)
"""The two directions orthogonal to it."""


def at_unit_vectors(d: int) -> tuple[Any, Any, Any]:
    """Return the 2d x 2d Hessian at u = e₁, v = s e₁ + q e₂, q² = 1 − s², and the symbols s, q."""
    sp = sympy()
    x = sp.symbols(f"x:{2 * d}", real=True)
    s, q = sp.symbols("s q", real=True)
    u, v = x[:d], x[d:]
    cosine = sum(a * b for a, b in zip(u, v, strict=True)) / sp.sqrt(sum(a**2 for a in u) * sum(b**2 for b in v))
    point = dict.fromkeys(x, 0) | {x[0]: 1, x[d]: s, x[d + 1]: q}
    return sp.hessian(cosine, x).subs(point).subs(s**2 + q**2, 1), s, q


@lemma("exact spectrum", BOUND)
def spectrum(goal: Relation) -> Iterator[Step]:
    """At unit vectors H has the eigenvalues −s + 1, −s − 1 (d − 1 times each) and ±√(1 − s²)."""
    sp = sympy()
    h, s, q = at_unit_vectors(4)
    lam = sp.Symbol("lambda", real=True)
    circle = q**2 - (1 - s**2)
    blocks = (PLANE, FIRST, SECOND)
    off = [h[i, j] for a in blocks for b in blocks if a is not b for i in a for j in b]
    yield Step("plane and orthogonal directions decouple", Check(all(vanishes(e, circle).holds for e in off)))
    first, second = h.extract(FIRST, FIRST), h.extract(SECOND, SECOND)
    yield Step("every orthogonal direction adds the same block", found(first, second))
    orthogonal = lam**2 + 2 * s * lam - (1 - s**2)
    yield Step("charpoly of it: λ² + 2sλ − (1 − s²)", vanishes((lam * sp.eye(2) - first).det() - orthogonal, circle))
    plane = (lam * sp.eye(4) - h.extract(PLANE, PLANE)).det()
    yield Step(
        "charpoly in the plane: (λ² + 2sλ − (1 − s²))(λ² − (1 − s²))",
        vanishes(plane - orthogonal * (lam**2 - (1 - s**2)), circle),
    )
    yield Step("(λ + s − 1)(λ + s + 1) = λ² + 2sλ − (1 − s²)", vanishes((lam + s - 1) * (lam + s + 1) - orthogonal))
    a, m, big_u, big_v = sp.symbols("a m U V", positive=True)
    yield Step("(1 + |s|)² − (1 − s²) = 2|s|(1 + |s|)", vanishes((1 + a) ** 2 - (1 - a**2) - 2 * a * (1 + a)))
    yield Step("which is ≥ 0, so ±√(1 − s²) are not the largest", nonnegative(2 * a * (1 + a)))
    x = sp.symbols("x:4", real=True)
    cosine = (x[0] * x[2] + x[1] * x[3]) / sp.sqrt((x[0] ** 2 + x[1] ** 2) * (x[2] ** 2 + x[3] ** 2))
    h, scale = sp.hessian(cosine, x), sp.diag(1 / big_u, 1 / big_u, 1 / big_v, 1 / big_v)
    t = sp.Symbol("t", real=True)  # s, q on the rational circle, so that the roots resolve
    s, q = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    there = h.subs(dict(zip(x, (big_u, 0, big_v * s, big_v * q), strict=True)))
    here = h.subs(dict(zip(x, (1, 0, s, q), strict=True)))
    scaled = zero([sp.simplify(e) for e in there - scale * here * scale])
    yield Step("H(u, v) = D H(û, v̂) D with D = diag(I/‖u‖, I/‖v‖), so ‖H‖ ≤ ‖H(û, v̂)‖/m²", scaled)
    yield reached(goal, max((1 + a, abs(-a + 1)), key=lambda e: e.subs(a, sp.Rational(1, 2))) / m**2,
                  {abs(S): a, SMALLER: m})  # fmt: skip


@lemma("exact spectrum", PRINTED_BOUND)
def twelve(goal: Relation) -> Iterator[Step]:
    """The printed constant against the sharp one."""
    yield from lines(spectrum)
    known = dict(zip((abs(S), SMALLER), sympy().symbols("a m", positive=True), strict=True))
    rest = symbolic(goal.right, known) - symbolic(BOUND.right, known)
    yield Step("the right side exceeds the sharp one by what is ≥ 0", nonnegative(sympy().factor(rest)), reaches=True)


@lemma("Taylor's theorem with integral remainder", INTEGRAL, AVOIDS_ZERO)
def taylor(goal: Relation) -> Iterator[Step]:
    """R = ∫(1 − t)φ''(t) dt for φ(t) = s(u + tΔu, v + tΔv), and φ'' = ΔᵀHΔ."""
    sp = sympy()
    t, x, y, h = sp.symbols("t x y H", positive=True)
    phi = sp.Function("phi")
    primitive = (1 - t) * sp.diff(phi(t), t) + phi(t)
    yield Step(
        "(1 − t)φ'' is the derivative of (1 − t)φ' + φ, so its integral is φ(1) − φ(0) − φ'(0) = R",
        vanishes(sp.diff(primitive, t) - (1 - t) * sp.diff(phi(t), t, 2)),
    )
    weight = sp.integrate(1 - t, (t, 0, 1))
    yield Step("∫(1 − t) dt = ½", found(weight, sp.Rational(1, 2)))
    known = {sup_hessian_norm(U, V, DU, DV): h, norm(DU): x, norm(DV): y}
    yield reached(goal, weight * h * (x**2 + y**2), known)


@lemma("the supremum carried out", EXPLICIT, *STRICTLY_SHORTER)
def carried_out(goal: Relation) -> Iterator[Step]:
    """H = D H₀ D with ‖H₀‖ ≤ 1 + |s| ≤ 2, and ‖u + tΔu‖ ≥ ‖u‖(1 − tρ)."""
    sp = sympy()
    yield from lines(spectrum)
    yield from lines(taylor)
    t, rho, other = sp.symbols("t rho other", positive=True)
    primitive = (rho - 1) / (1 - t * rho) - sp.log(1 - t * rho)
    weighted = (1 - t) * rho**2 / (1 - t * rho) ** 2
    yield Step("a primitive of (1 − t)ρ²/(1 − tρ)²", vanishes(sp.diff(primitive, t) - weighted))
    each = sp.simplify(primitive.subs(t, 1) - primitive.subs(t, 0))
    yield Step("∫ from 0 to 1 = −ρ − ln(1 − ρ)", simplifies(each + rho + sp.log(1 - rho)))
    yield reached(goal, 2 * (each + each.subs(rho, other)), {RHO_U: rho, RHO_V: other}, by=simplifies)


def of_equal_length(s: Fraction, m: Fraction) -> dict[str, Any]:
    """‖u‖ = ‖v‖ = m, at every angle."""
    q = root(1 - s * s)
    return {"u": [m, 0, 0], "v": [m * s, m * q, 0], "du": [0, 0, 0], "dv": [0, 0, 0]}


def opposite_turns(near: Fraction) -> dict[str, Any]:
    """Δv = −Δu, short and orthogonal to u = v."""
    return {"u": [1, 0], "v": [1, 0], "du": [0, root(near)], "dv": [0, -root(near)]}


on_increments = partial(Claim, source=SOURCE_TEXT, expected=PROVED, setting=INCREMENTS, strategies=SEARCHES)
after = partial(on_increments, source="Remainder bound after Lemma 2 (App. A.1)")
CLAIMS = (
    on_increments(
        id="lemma-2",
        origin=PRINTED,
        concludes=(PRINTED_BOUND,),
        proofs=(by_lemma(twelve, PRINTED_BOUND),),
        remark="twelve times larger than necessary",
    ),
    on_increments(
        id="lemma-2-sharp",
        reading="sharp, C = 1",
        amends="lemma-2",
        concludes=(BOUND,),
        proofs=(
            by_lemma(spectrum, BOUND),
            Attained(
                "equal lengths",
                of_equal_length,
                {sim(U, V): (Fraction(-3, 5), Fraction(0), Fraction(12, 13)), SMALLER: (Fraction(1, 3), Fraction(2))},
            ),
        ),
        attained=("lemma-2-sharp",),
        words=(ATTAINED, SHARP),
        remark="equality for ‖u‖ = ‖v‖; at unit norms the eigenvalues are 1 − s, −1 − s and ±√(1 − s²)",
    ),
    after(
        id="lemma-2-integral",
        origin=READING,
        reading="for a segment that avoids 0",
        given=(AVOIDS_ZERO,),
        concludes=(INTEGRAL,),
        proofs=(by_lemma(taylor, INTEGRAL), Attained("opposite turns", opposite_turns, approaches=True)),
        words=(FACTOR,),
        setting=INCREMENTS.parametrised(short),
        remark="the text does not exclude segments through 0, here as in the proof of Prop. 1 (prop-1-segment), and H "
        "is not defined there; no factor below ½ will do",
    ),
    after(
        id="lemma-2-remainder",
        reading="explicit",
        amends="lemma-2-integral",
        given=STRICTLY_SHORTER,
        concludes=(EXPLICIT,),
        proofs=(by_lemma(carried_out, EXPLICIT),),
        setting=INCREMENTS.parametrised(shorter),
        remark="the supremum computed with C = 1, so that nothing along the segment is left",
    ),
)
