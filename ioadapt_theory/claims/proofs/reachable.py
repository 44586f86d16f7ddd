"""Which updates of W an adapter can express: Eq. 5, Eq. 6 and the "broader class" of Sections 4 and 6.

Dimension-free identities are checked on non-commuting symbols: W, P = W⁺, M = AB; failures on rational matrices.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, proves, sympy, zero


def symbols() -> Any:
    """Non-commuting W, P, M, and the identity as the number 1."""
    return sympy().symbols("W P M", commutative=False)


def equal(left: Any, right: Any, **rules: Any) -> bool:
    """Whether two polynomials in non-commuting symbols agree after ``rules`` product -> 1 are applied."""
    sp = sympy()
    difference = sp.expand(left - right)
    for product in rules.get("ones", ()):
        difference = sp.expand(difference.subs(product, 1))
    return bool(difference == 0)


@proves("X(W + AB) - XW(I + W⁺AB) = X(I - WW⁺)AB: Eq. 5 holds iff (I - WW⁺)AB = 0, for all AB iff rank W = c")
def conversion() -> Iterator[Step]:
    """Expand; WW⁺ projects on the column space of W, which is everything iff rank W = c."""
    w, p, m = symbols()
    yield Step("the residual is (I - WW⁺)AB", equal(w + m - w * (1 + p * m), (1 - w * p) * m))
    yield Step("WW⁺ = I: W(I + W⁺AB) = W + AB", equal(w * (1 + p * m), w + m, ones=[w * p]))
    sp = sympy()
    wide = sp.Matrix([[1, 0, 1], [0, 1, 2]])
    yield Step("c = 2 < d = 3, rank 2: WW⁺ = I", wide * wide.pinv() == sp.eye(2))


@proves("Eq. 5 fails for c > d, and for c = d with singular W")
def conversion_fails() -> Iterator[Step]:
    """Two rational layers, with the residual of Eq. 5."""
    sp = sympy()
    tall, ab = sp.Matrix([[1, 0], [0, 1], [1, 1]]), sp.Matrix([[0, 0], [0, 0], [1, 2]])
    residual = tall + ab - tall * (sp.eye(2) + tall.pinv() * ab)
    yield Step(
        "c = 3 > d = 2: ‖residual‖² = 5/3 of ‖AB‖² = 5",
        (residual.norm() ** 2, ab.norm() ** 2) == (sp.Rational(5, 3), 5),
    )
    square, ab = sp.Matrix([[1, 1], [1, 1]]), sp.Matrix([[1, 0], [-1, 0]])
    lost = square.pinv() * ab
    residual = square + ab - square * (sp.eye(2) + lost)
    yield Step("c = d, rank 1: W⁺AB = 0 and nothing of AB survives", zero(lost) and residual == ab)


@proves("rank W = d: X(W + AB) = X(I + ABW⁺)W, the input form")
def conversion_to_input() -> Iterator[Step]:
    """The mirror image of Eq. 5 for c >= d."""
    w, p, m = symbols()
    yield Step("W⁺W = I: (I + ABW⁺)W = W + AB", equal((1 + m * p) * w, w + m, ones=[p * w]))
    sp = sympy()
    tall, ab = sp.Matrix([[1, 0], [0, 1], [1, 1]]), sp.Matrix([[0, 0], [0, 0], [1, 2]])
    yield Step("it mends the failure of Eq. 5 at c = 3 > d = 2", (sp.eye(3) + ab * tall.pinv()) * tall == tall + ab)


@proves("rank(W⁺AB) <= r with A' = W⁺A and B' = B, no decomposition needed; equal to rank(AB) where WW⁺ = I")
def conversion_rank() -> Iterator[Step]:
    """A product through r columns has rank at most r: its larger minors vanish."""
    sp = sympy()
    w, p, m = symbols()
    a, b = sp.symbols("A B", commutative=False)
    yield Step("W⁺(AB) = (W⁺A)B", equal(p * (a * b), (p * a) * b))
    thin = sp.Matrix(3, 2, sp.symbols("a:6")) * sp.Matrix(2, 3, sp.symbols("b:6"))
    yield Step("r = 2: the 3 x 3 minor of a (3 x 2)(2 x 3) product vanishes", sp.expand(thin.det()) == 0)
    yield Step("WW⁺ = I: W(W⁺AB) = AB, so the rank does not fall either", equal(w * (p * m), m, ones=[w * p]))


@proves("‖W⁺AB‖₂ <= ‖AB‖₂/σ_min(W), attained: the converted adapter can be as much larger as W is badly conditioned")
def conversion_size() -> Iterator[Step]:
    """A diagonal layer; a possible reason for the poor images of the paper's Fig. 6, not tested here."""
    sp = sympy()
    w, ab = sp.diag(1, sp.Rational(1, 1000)), sp.Matrix([[0, 0], [0, 1]])
    yield Step("W = diag(1, 1/1000), AB = e₂e₂ᵀ: W⁺AB = 1000·AB", w.pinv() * ab == 1000 * ab)


@proves("every input or output adapter is a LoRA of the same rank: AB·W = A(BW), W·AB = (WA)B")
def no_broader_class() -> Iterator[Step]:
    """The updates form the same set for invertible W and a smaller one otherwise."""
    sp = sympy()
    w, p, m = symbols()
    a, b = sp.symbols("A B", commutative=False)
    yield Step("(I + AB)W = W + A(BW)", equal((1 + a * b) * w, w + a * (b * w)))
    yield Step("W(I + AB) = W + (WA)B", equal(w * (1 + a * b), w + (w * a) * b))
    yield Step("WW⁻¹ = W⁻¹W = I: input (I + MW⁻¹)W and output W(I + W⁻¹M) reach every W + M",
               equal((1 + m * p) * w, w + m, ones=[p * w]) and equal(w * (1 + p * m), w + m, ones=[w * p]))  # fmt: skip
    for c, d, reach in ((3, 5, (9, 15)), (5, 3, (15, 9)), (3, 3, (9, 9))):
        layer = sp.Matrix(c, d, lambda i, j: (i + 2) ** j)  # Vandermonde, so of full rank
        dimensions = tuple(map(dimension, (sp.eye(c), layer), (layer, sp.eye(d))))
        yield Step(
            f"c = {c}, d = {d}: input {reach[0]}, output {reach[1]}, LoRA {c * d} dimensions", dimensions == reach
        )


def dimension(left: Any, right: Any) -> int:
    """Dimension of {L M R} over all matrices M: the rank of the Kronecker product."""
    return int(sympy().kronecker_product(left, right).rank())


@proves("Eq. 6 with ranks r₁, r₂ is a LoRA of rank r₁ + r₂ on the same W, and reaches all of them if W is invertible")
def combination() -> Iterator[Step]:
    """[A₁ A₂][B₁W; B₂] for the input form, [WA₁ A₂][B₁; B₂] for the output form."""
    sp = sympy()
    w, p, _ = symbols()
    a1, b1, a2, b2, m1, m2 = sp.symbols("A1 B1 A2 B2 M1 M2", commutative=False)
    yield Step(
        "(I + A₁B₁)W + A₂B₂ - W = A₁(B₁W) + A₂B₂", equal((1 + a1 * b1) * w + a2 * b2 - w, a1 * (b1 * w) + a2 * b2)
    )
    yield Step(
        "W(I + A₁B₁) + A₂B₂ - W = (WA₁)B₁ + A₂B₂", equal(w * (1 + a1 * b1) + a2 * b2 - w, (w * a1) * b1 + a2 * b2)
    )
    stacked = sp.Matrix(3, 2, sp.symbols("a:6")) * sp.Matrix(2, 3, sp.symbols("b:6"))
    yield Step("r₁ + r₂ = 2: the 3 x 3 minor vanishes", sp.expand(stacked.det()) == 0)
    yield Step(
        "W invertible, update M₁ + M₂: A₁B₁ = M₁W⁻¹ and A₂B₂ = M₂",
        equal((1 + m1 * p) * w + m2, w + m1 + m2, ones=[p * w]),
    )
