"""Lemma 3 and Propositions 3-5: expectation, variance, three discrepancies and what bounds them."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes


def gaussian_mean(polynomial: Any, x: tuple[Any, ...], sigma: Any) -> Any:
    """Expectation of a polynomial in independent N(0, σ²) variables, term by term."""
    sp = sympy()
    moments = {n: (0 if n % 2 else sp.factorial2(n - 1) * sigma**n) if n else 1 for n in range(5)}
    terms = sp.Poly(polynomial, *x).terms()
    return sum(coefficient * sp.prod([moments[n] for n in powers]) for powers, coefficient in terms)


@proves("E‖xD‖² = σ²‖D‖_F² and Var‖xD‖² = 2σ⁴‖DDᵀ‖_F² for x ~ N(0, σ²I)")
def expectation() -> Iterator[Step]:
    """Expand the polynomial and take its moments; the mean needs E[xᵀx] = σ²I only."""
    sp = sympy()
    sigma = sp.Symbol("sigma", positive=True)
    x = sp.symbols("x:3", real=True)
    d = sp.Matrix(3, 2, sp.symbols("d:6", real=True))
    square = sum(e**2 for e in sp.Matrix([x]) * d)
    mean = gaussian_mean(square, x, sigma)
    yield Step("mean", vanishes(mean - sigma**2 * sum(e**2 for e in d)))
    variance = gaussian_mean(sp.expand(square**2), x, sigma) - mean**2
    yield Step("variance", vanishes(variance - 2 * sigma**4 * sum(e**2 for e in d * d.T)))


@proves("‖MN‖_F <= ‖M‖₂‖N‖_F and ‖NM‖_F <= ‖N‖_F‖M‖₂")
def submultiplicative() -> Iterator[Step]:
    """In the singular basis of M, with σ_i² = ‖M‖₂² - g_i."""
    sp = sympy()
    sigma = sp.Symbol("sigma", nonnegative=True)
    gaps = sp.symbols("g:3", nonnegative=True)
    n = sp.Matrix(3, 2, sp.symbols("n:6", real=True))
    slack = sum(gaps[i] * n[i, j] ** 2 for i in range(3) for j in range(2))
    product_sq = sum((sigma**2 - gaps[i]) * n[i, j] ** 2 for i in range(3) for j in range(2))
    yield Step(
        "‖M‖₂²‖N‖_F² - ‖MN‖_F² = Σ g_i n_ij² >= 0; transpose for the other",
        vanishes(sigma**2 * sum(e**2 for e in n) - product_sq - slack) and nonnegative(slack),
    )


def letters() -> Any:
    """Non-commuting symbols W₁, W₂, W₁', W₂', AB."""
    return sympy().symbols("W1 W2 V1 V2 M", commutative=False)


@proves("Proposition 3: the LoRA discrepancy is D₀ + AB(W₂ - W₂'), so at most (√ε + ‖AB‖₂‖W₂ - W₂'‖_F)²σ²")
def prop_3() -> Iterator[Step]:
    """Split off D₀ = W₁W₂ - W₁'W₂'; triangle inequality."""
    sp = sympy()
    w1, w2, v1, v2, m = letters()
    yield Step(
        "(W₁ + AB)W₂ - (W₁' + AB)W₂' = D₀ + AB(W₂ - W₂')",
        sp.expand((w1 + m) * w2 - (v1 + m) * v2 - (w1 * w2 - v1 * v2) - m * (w2 - v2)) == 0,
    )
    yield from submultiplicative.steps()
    yield from expectation.steps()
    root, more, b = sp.symbols("r g b", nonnegative=True)
    yield Step("(√ε + b)² increases in ε", nonnegative(sp.expand((root + more + b) ** 2 - (root + b) ** 2)))


@proves("Proposition 3, footnote 1: with LoRA on W₂ the discrepancy is D₀ + (W₁ - W₁')AB, bounded in the same way")
def prop_3_second() -> Iterator[Step]:
    """The mirror image."""
    sp = sympy()
    w1, w2, v1, v2, m = letters()
    gap = w1 * w2 - v1 * v2
    yield Step(
        "W₁(W₂ + AB) - W₁'(W₂' + AB) = D₀ + (W₁ - W₁')AB",
        sp.expand(w1 * (w2 + m) - v1 * (v2 + m) - gap - (w1 - v1) * m) == 0,
    )
    yield from submultiplicative.steps()
    yield from expectation.steps()


@proves("Proposition 4: the input discrepancy is (I + AB)D₀, so at most ‖I + AB‖₂²εσ²")
def prop_4() -> Iterator[Step]:
    """Factor T = I + AB out on the left."""
    sp = sympy()
    w1, w2, v1, v2, m = letters()
    yield Step(
        "(I + AB)W₁W₂ - (I + AB)W₁'W₂' = (I + AB)D₀",
        sp.expand((1 + m) * w1 * w2 - (1 + m) * v1 * v2 - (1 + m) * (w1 * w2 - v1 * v2)) == 0,
    )
    yield from submultiplicative.steps()
    yield from expectation.steps()


@proves("Proposition 5: the output discrepancy is D₀(I + AB), so at most ‖I + AB‖₂²εσ²")
def prop_5() -> Iterator[Step]:
    """Factor T = I + AB out on the right."""
    sp = sympy()
    w1, w2, v1, v2, m = letters()
    yield Step(
        "W₁W₂(I + AB) - W₁'W₂'(I + AB) = D₀(I + AB)",
        sp.expand(w1 * w2 * (1 + m) - v1 * v2 * (1 + m) - (w1 * w2 - v1 * v2) * (1 + m)) == 0,
    )
    yield from submultiplicative.steps()
    yield from expectation.steps()


@proves("W₁TW₂ - W₁'TW₂' = (W₁ - W₁')TW₂ + W₁'T(W₂ - W₂'): inside a model the layers count, not the function")
def interior() -> Iterator[Step]:
    """Triangle inequality; each term is at most ‖T‖₂ times a Frobenius and an operator norm."""
    sp = sympy()
    w1, w2, v1, v2, m = letters()
    t = 1 + m
    both = (w1 - v1) * t * w2 + v1 * t * (w2 - v2)
    yield Step("telescope, T = I + AB", sp.expand(w1 * t * w2 - v1 * t * v2 - both) == 0)
    yield from submultiplicative.steps()
    yield from expectation.steps()


@proves("x ~ N(0, FᵀF): input adaptation inflates the gap by at most ‖FTF⁻¹‖₂²")
def whitened() -> Iterator[Step]:
    """Write x = zF with z ~ N(0, I), so E‖xD‖² = ‖FD‖_F²."""
    sp = sympy()
    f, inverse, t, d = sp.symbols("F G T D", commutative=False)
    yield Step("F(TD) = (FTF⁻¹)(FD)", sp.expand((f * t * inverse) * (f * d)).subs(inverse * f, 1) == f * t * d)
    yield from submultiplicative.steps()
    yield from expectation.steps()
