"""Lemma 2: the exact spectrum of the Hessian of the cosine, and its best constant C = 1."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes

PLANE = (0, 1, 4, 5)  # coordinates of u and v in the plane they span, for d = 4
FIRST, SECOND = (2, 6), (3, 7)  # the two directions orthogonal to it


def at_unit_vectors(d: int) -> tuple[Any, Any, Any]:
    """Return the 2d x 2d Hessian at u = e₁, v = s e₁ + q e₂, q² = 1 - s², and the symbols s, q."""
    sp = sympy()
    x = sp.symbols(f"x:{2 * d}", real=True)
    s, q = sp.symbols("s q", real=True)
    u, v = x[:d], x[d:]
    cosine = sum(a * b for a, b in zip(u, v, strict=True)) / sp.sqrt(sum(a**2 for a in u) * sum(b**2 for b in v))
    point = dict.fromkeys(x, 0) | {x[0]: 1, x[d]: s, x[d + 1]: q}
    return sp.hessian(cosine, x).subs(point).subs(s**2 + q**2, 1), s, q


@proves("at unit vectors H has the eigenvalues -s + 1, -s - 1 (d - 1 times each) and ±sqrt(1 - s²)")
def spectrum() -> Iterator[Step]:
    """The plane of u and v decouples from each direction orthogonal to it."""
    sp = sympy()
    h, s, q = at_unit_vectors(4)
    lam = sp.Symbol("lambda", real=True)
    circle = q**2 - (1 - s**2)
    blocks = (PLANE, FIRST, SECOND)
    off = [h[i, j] for a in blocks for b in blocks if a is not b for i in a for j in b]
    yield Step("plane and orthogonal directions decouple", all(vanishes(entry, circle) for entry in off))
    first, second = h.extract(FIRST, FIRST), h.extract(SECOND, SECOND)
    yield Step("every orthogonal direction adds the same block", first == second)
    orthogonal = lam**2 + 2 * s * lam - (1 - s**2)
    yield Step("charpoly of it: λ² + 2sλ - (1 - s²)", vanishes((lam * sp.eye(2) - first).det() - orthogonal, circle))
    plane = (lam * sp.eye(4) - h.extract(PLANE, PLANE)).det()
    yield Step(
        "charpoly in the plane: (λ² + 2sλ - (1 - s²))(λ² - (1 - s²))",
        vanishes(plane - orthogonal * (lam**2 - (1 - s**2)), circle),
    )
    yield Step("(λ + s - 1)(λ + s + 1) = λ² + 2sλ - (1 - s²)", vanishes((lam + s - 1) * (lam + s + 1) - orthogonal))


@proves("|R| <= ½ sup ‖H‖(‖Δu‖² + ‖Δv‖²) along a segment that avoids 0, and the factor ½ is sharp")
def taylor() -> Iterator[Step]:
    """R = ∫(1 - t)φ''(t) dt for φ(t) = s(u + tΔu, v + tΔv), and φ'' = ΔᵀHΔ."""
    sp = sympy()
    t, x = sp.symbols("t x", positive=True)
    phi = sp.Function("phi")
    primitive = (1 - t) * sp.diff(phi(t), t) + phi(t)
    yield Step("(1 - t)φ'' is the derivative of (1 - t)φ' + φ, so its integral is φ(1) - φ(0) - φ'(0) = R",
               vanishes(sp.diff(primitive, t) - (1 - t) * sp.diff(phi(t), t, 2)))  # fmt: skip
    yield Step("∫(1 - t) dt = ½", sp.integrate(1 - t, (t, 0, 1)) == sp.Rational(1, 2))
    # u = v = e₁, Δu = -Δv = x e₂: the cosine of opposite turns, while ‖H‖ is 2/(1 + x²t²) at most
    turned = (1 - x**2) / (1 + x**2)
    yield Step("u = v, Δv = -Δu orthogonal: R/(½·2·2x²) -> -1", sp.limit((turned - 1) / (2 * x**2), x, 0) == -1)


@proves("|R| <= 2 Σ(-ρ - ln(1 - ρ)) over ρ = ‖Δu‖/‖u‖, ‖Δv‖/‖v‖ < 1")
def explicit_remainder() -> Iterator[Step]:
    """The supremum carried out: H = D H₀ D with ‖H₀‖ <= 1 + |s| <= 2, and ‖u + tΔu‖ >= ‖u‖(1 - tρ)."""
    sp = sympy()
    yield from bound.steps()
    yield from taylor.steps()
    t = sp.Symbol("t", positive=True)
    rho = sp.Symbol("rho", positive=True)
    weighted = (1 - t) * rho**2 / (1 - t * rho) ** 2
    primitive = (rho - 1) / (1 - t * rho) - sp.log(1 - t * rho)
    yield Step("a primitive of (1 - t)ρ²/(1 - tρ)²", vanishes(sp.diff(primitive, t) - weighted))
    total = sp.expand(sp.simplify(primitive.subs(t, 1) - primitive.subs(t, 0)))
    yield Step("∫ from 0 to 1 = -ρ - ln(1 - ρ)", sp.simplify(total + rho + sp.log(1 - rho)) == 0)


@proves("‖H(u, v)‖ <= C(1 + |s|)/min(‖u‖, ‖v‖)² with C = 1, and no smaller C")
def bound(c: int | Any = 1) -> Iterator[Step]:
    """Scale to unit vectors; the largest |eigenvalue| there is 1 + |s|."""
    sp = sympy()
    yield from spectrum.steps()
    a = sp.Symbol("a", nonnegative=True)
    yield Step(
        "|-s ± 1| <= 1 + |s| is attained; sqrt(1 - s²) is not larger",
        nonnegative(2 * a * (1 + a)) and vanishes((1 + a) ** 2 - (1 - a**2) - 2 * a * (1 + a)),
    )
    big_u, big_v = sp.symbols("U V", positive=True)
    x = sp.symbols("x:4", real=True)
    cosine = (x[0] * x[2] + x[1] * x[3]) / sp.sqrt((x[0] ** 2 + x[1] ** 2) * (x[2] ** 2 + x[3] ** 2))
    h = sp.hessian(cosine, x)
    scale = sp.diag(1 / big_u, 1 / big_u, 1 / big_v, 1 / big_v)
    t = sp.Symbol("t", real=True)  # s, q on the rational circle, so that the roots resolve
    s_, q_ = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    there = h.subs(dict(zip(x, (big_u, 0, big_v * s_, big_v * q_), strict=True)))
    here = h.subs(dict(zip(x, (1, 0, s_, q_), strict=True)))
    yield Step(
        "H(u, v) = D H(û, v̂) D with D = diag(I/‖u‖, I/‖v‖), so ‖H‖ <= ‖H(û, v̂)‖/min²",
        all(vanishes(sp.simplify(e)) for e in there - scale * here * scale),
    )
    yield Step(f"C = {c} is at least the value 1 attained at unit vectors", c >= 1)
