"""Lemma 1 (App. A.1): first-order expansion of the cosine similarity, its norm bound (Eq. 8) and its remainder.

The lemma is about inner products alone, so it holds in any dimension.
"""

from ioadapt_theory.claims.language import *

SOURCE_TEXT = "Lemma 1 (App. A.1)"
SQUARES = RHO_U**2 + RHO_V**2
C_PLUS, C_MINUS = (let(f"c{sign}", sqrt((1 + s) / 2)) for sign, s in (("₊", S), ("₋", -S)))
"""cos(θ/2) and sin(θ/2), where θ is the angle between u and v."""
C = let("c", sqrt((1 + abs(S)) / 2))

EQ_8 = abs(DELTA) <= (1 + abs(S)) * (RHO_U + RHO_V)
EQ_8_SHARP = abs(DELTA) <= sine(U, V, "s") * (RHO_U + RHO_V)
ABOVE, BELOW = R <= C_MINUS * (1 + C_MINUS) * SQUARES, -R <= C_PLUS * (1 + C_PLUS) * SQUARES
REMAINDER = abs(R) <= C * (1 + C) * SQUARES
EXPANSION = abs(R) <= landau(norm(DU) ** 2 + norm(DV) ** 2)
TURN = abs(angle(U + DU, V + DV) - angle(U, V)) <= arcsin(RHO_U) + arcsin(RHO_V)


GRADIENT_U, GRADIENT_V = let("∇ᵤs", slope(U, V)), let("∇ᵥs", slope(V, U))


def along_gradients(s: Fraction, a: Fraction, b: Fraction) -> dict[str, Any]:
    """Unit vectors u, v of cosine s; Δu is a multiple of v − su, and Δv of u − sv."""
    q = root(1 - s * s)
    return {"u": [1, 0], "v": [s, q], "du": [0, a], "dv": [b * q, -b * s]}


def annihilated(s: Fraction, near: Fraction) -> dict[str, Any]:
    """Unit vectors, u + Δu = ηF for η → 0, v + Δv = F/(2c(1 + c)), F = (1 + 2c)v − u for s ≤ 0 (−v, −Δv for s > 0)."""
    v, c = [-abs(s), root(1 - s * s)], root((1 + abs(s)) / 2)
    sign = -1 if s > 0 else 1  # R ≥ 0 for s < 0; for s > 0, v has the opposite sign
    f = [(1 + 2 * c) * v[0] - 1, (1 + 2 * c) * v[1]]
    moved = [x / (2 * c * (1 + c)) for x in f]
    return {
        "u": [1, 0], "v": [sign * x for x in v], "du": [near * f[0] - 1, near * f[1]],
        "dv": [sign * (y - x) for x, y in zip(v, moved, strict=True)],
    }  # fmt: skip


P, Q = let("p", 1 / norm(U) * (U + DU)), let("q", 1 / norm(V) * (V + DV))
TWICE = 1 + 2 * C_MINUS
AHEAD = let("E", TWICE / norm(U) * U - 1 / norm(V) * V), let("F", TWICE / norm(V) * V - 1 / norm(U) * U)
K, N = let("K", C_MINUS * (1 + C_MINUS)), let("N", C_MINUS * sqrt(8 * (1 + C_MINUS)))


def one_side() -> tuple[Any, ...]:
    """Return the steps that bound R from above, where c = c₋ and C = c₊ is the sine of the angle whose cosine is c."""
    (e, f), c, c_ = AHEAD, C_MINUS, C_PLUS
    a, b, h, z = (let(n, sim(*x)) for n, x in {"a": (P, e), "b": (Q, f), "h": (e, Q), "z": (P, Q)}.items())
    a_, b_, h_ = (let(n, sine(*x)) for n, x in {"A": (P, e), "B": (Q, f), "H": (e, Q)}.items())
    h0, hh0 = let("h₀", c_ * b_ - c * b), let("H₀", c_ * b + c * b_)
    cs, sn = let("k", a * b - a_ * b_), let("t", a * b_ + a_ * b)
    large = (NOTHING < a, NOTHING < b, term(1) < a**2 + b**2)
    return (
        ((K * SQUARES - R).equals(K * norm(P) ** 2 - dot(P, e) + (K * norm(Q) ** 2 - dot(Q, f)) + 1 + 2 * c - z),
         "expand, 2K + s = 1 + 2c₋"),
        ((norm(e) ** 2).equals(N**2), "s = 1 − 2c₋²"),
        ((norm(f) ** 2).equals(N**2), "likewise"),
        (dot(e, f).equals(-c * N**2), "likewise, so e = E/N and f = F/N have the inner product −c₋"),
        ((K * (K * norm(P) ** 2 - dot(P, e) + 2 * c * a**2)).equals((K * norm(P) - N * a / 2) ** 2), "N² = 8c₋K"),
        (-(2 * c * positive(a) ** 2) <= K * norm(P) ** 2 - dot(P, e), "by the square, or as ⟨p, E⟩ ≤ 0"),
        (-(2 * c * positive(b) ** 2) <= K * norm(Q) ** 2 - dot(Q, f), "likewise"),
        ((z - a * h) ** 2 <= (a_ * h_) ** 2, "Gram determinant of E, p, q, each divided by its length"),
        ((h + c * b) ** 2 <= (c_ * b_) ** 2, "Gram determinant of E, q, F, each divided by its length"),
        (h <= h0, "so"),
        (h0 <= a, "as B ≤ a", large),
        (a * h + a_ * h_ <= a * h0 + a_ * hh0, "the left side grows with h as long as h ≤ a, and h₀² + H₀² = 1", large),
        ((a * h0 + a_ * hh0).equals(c_ * sn - c * cs), "expand"),
        ((a**2 + b**2 - 1).equals(cs * (a * b + a_ * b_)), "A² = 1 − a², B² = 1 − b²"),
        ((1 - a * b - a_ * b_).equals(((a - b) ** 2 + (a_ - b_) ** 2) / 2), "so ab + AB ≤ 1"),
        ((1 - (c_ * sn - c * cs) - 2 * c * cs).equals(((c - cs) ** 2 + (c_ - sn) ** 2) / 2), "k² + t² = 1 = c₋² + c₊²"),
        (2 * c * (a**2 + b**2 - 1) <= 1 - z, "the last seven lines", large),
        (2 * c * (positive(a) ** 2 + positive(b) ** 2 - 1) <= 1 - z, "otherwise the left side is not positive"),
        (ABOVE, "add the two bounds to the first line"),
    )  # fmt: skip


def of_minus_v(x: Term) -> Term:
    """Return a named quantity, and those in it, for −v and −Δv in place of v and Δv."""
    if x in {V, DV}:
        return -1 * x
    args = tuple(map(of_minus_v, x.args))
    return let(f"{x.name}(u, −v)", args[0]) if x.op == "let" else Term(x.op, args, x.name)


ON_THE_SPHERE = tuple(
    step
    for u, du, rho in ((U, DU, RHO_U), (V, DV, RHO_V))
    for step in (
        ((rho**2 - sine(u, u + du) ** 2).equals((norm(u + du) / norm(u) - sim(u, u + du)) ** 2), "expand"),
        (sine(u, u + du) <= rho, "so"),
        (angle(u, u + du) <= arcsin(rho), "the angle is acute, as the increment is no longer than the vector"),
    )
)
"""By how much an increment turns a vector."""

HALVED = (Fraction(-7, 25), Fraction(-119, 169), Fraction(7, 25), Fraction(1))
"""Cosines s for which √(1 − s²) and √((1 + |s|)/2) are rational."""
on_increments = partial(Claim, source=SOURCE_TEXT, setting=INCREMENTS, strategies=SEARCHES)
CLAIMS = (
    Claim(
        id="lemma-1-expansion", source="Lemma 1, Eq. 7 (App. A.1)", origin=PRINTED, concludes=(EXPANSION,),
        proofs=(By(("lemma-1-remainder-best",)),), setting=INCREMENTS,
    ),
    on_increments(
        id="lemma-1", source="Lemma 1, Eq. 8 (App. A.1)", origin=PRINTED, concludes=(EQ_8,),
        proofs=(derived(EQ_8.left, Link("the sharp form", EQ_8_SHARP.right), Link("√(1 − s²) ≤ 1 + |s|", EQ_8.right)),),
        attained=("lemma-1",), words=(ATTAINED,), notes=(sine(U, V, "s") <= 1 + abs(S),),
    ),
    on_increments(
        id="lemma-1-sharp", reading="sharp", amends="lemma-1", concludes=(EQ_8_SHARP,),
        proofs=(
            derived(
                EQ_8_SHARP.left, Link("δ is linear in Δu and Δv", abs(dot(GRADIENT_U, DU) + dot(GRADIENT_V, DV))),
                Link("triangle inequality", abs(dot(GRADIENT_U, DU)) + abs(dot(GRADIENT_V, DV))),
                Link("Cauchy-Schwarz", norm(GRADIENT_U) * norm(DU) + norm(GRADIENT_V) * norm(DV)),
                Link("‖∇ᵤs‖ = √(1 − s²)/‖u‖", EQ_8_SHARP.right),
            ),
            Attained(along_gradients, {sim(U, V): COSINES_TRIED, RHO_U: LENGTHS_TRIED, RHO_V: LENGTHS_TRIED}),
        ),
        attained=("lemma-1-sharp",), words=(ATTAINED, SHARP),
    ),
    on_increments(
        id="lemma-1-remainder", reading="with a constant, on either side", amends="lemma-1-expansion",
        concludes=(ABOVE, BELOW),
        proofs=(
            argued(
                *one_side(),
                (of_minus_v(R).equals(-R), "−v and −Δv in place of v and Δv, for which s and δ change their signs"),
                (of_minus_v(C_MINUS).equals(C_PLUS), "likewise"),
                (BELOW, "so this is the first conclusion for −v and −Δv"),
            ),
        ),
    ),
    on_increments(
        id="lemma-1-remainder-best", reading="with the least constant for every s", amends="lemma-1-expansion",
        concludes=(REMAINDER,),
        proofs=(
            argued(
                (ABOVE, "lemma-1-remainder"), (BELOW, "lemma-1-remainder"),
                (C.equals(maximum(C_PLUS, C_MINUS)), "|s| = max(s, −s)"), (REMAINDER, "c(1 + c) grows with c"),
            ),
            Attained(annihilated, {sim(U, V): HALVED}, approaches=True, factor=C * (1 + C)),
        ),
        words=(SHARP,), notes=(C * (1 + C) <= 2,),
    ),
    on_increments(
        id="lemma-1-angle", reading="finite", amends="lemma-1", given=SHORTER, concludes=(TURN,),
        proofs=(
            argued(
                *ON_THE_SPHERE, (TURN.left <= angle(U, U + DU) + angle(V, V + DV), "triangle inequality of angles"),
                (TURN, "add the bounds"),
            ),
        ),
        attained=("lemma-1-angle",), words=(ATTAINED,), setting=INCREMENTS.parametrised(shorter),
    ),
)  # fmt: skip
