"""Propositions 4 and 5 for models f, f' that are not linear; T = I + AB, g = f - f'."""

from collections.abc import Iterator

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes
from ioadapt_theory.claims.proofs.shared_function import gaussian_mean, submultiplicative


@proves(
    "E‖(f(x) - f'(x))T‖² <= ‖T‖₂² E‖f(x) - f'(x)‖² for any f, f' and any distribution of x: Prop. 5 needs no linearity"
)
def output() -> Iterator[Step]:
    """Sample by sample: ‖gT‖ <= ‖T‖₂‖g‖ for a row g."""
    yield from submultiplicative.steps()
    sp = sympy()
    g, h = sp.symbols("g h", commutative=False)
    t = sp.Symbol("T", commutative=False)
    yield Step("f(x)T - f'(x)T = (f(x) - f'(x))T", sp.expand(g * t - h * t - (g - h) * t) == 0)


@proves(
    "Prop. 4 fails for ReLU: g = max(|x₁|, k|x₂|) - k|x₂|, AB = -e₂ᵀe₂, ‖I + AB‖₂ = 1, yet E g² grows, unboundedly in k"
)
def input_fails(k: int = 10) -> Iterator[Step]:
    """One hidden layer of six ReLUs; in polar coordinates E g² = E r² times the mean over the angle."""
    sp = sympy()
    x1, x2 = sp.symbols("x1 x2", real=True)
    p, q = sp.symbols("p q", positive=True)
    outer = [sp.Max(s * (x1 + t * k * x2), 0) for s in (1, -1) for t in (1, -1)]
    units = sum(outer) / 2 - k * (sp.Max(x2, 0) + sp.Max(-x2, 0))
    # on each sector |x₁| = k|x₂| + p or k|x₂| = |x₁| + q, for all signs
    sectors = [(a * (k * q + p), b * q, p) for a in (1, -1) for b in (1, -1)] + [
        (a * p, b * (p + q) / k, 0) for a in (1, -1) for b in (1, -1)
    ]
    yield Step(
        "six ReLUs give max(|x₁|, k|x₂|) - k|x₂| on all eight sectors",
        all(vanishes(units.subs({x1: u, x2: v}) - value) for u, v, value in sectors),
    )
    theta = sp.Symbol("theta", real=True)
    corner = sp.atan(sp.Rational(1, k))
    primitive = sp.integrate(sp.expand((sp.cos(theta) - k * sp.sin(theta)) ** 2), theta)
    before = sp.simplify(4 * (primitive.subs(theta, corner) - primitive.subs(theta, 0)) * 2 / (2 * sp.pi))
    closed = (2 * (1 + k**2) * corner - 2 * k) / sp.pi
    yield Step("E g² = (2/π)((1 + k²) arctan(1/k) - k) for σ = 1", sp.simplify(before - closed) == 0)
    z = sp.Symbol("z", real=True)
    yield Step("after input adaptation x₂ is 0: g = |x₁| and E g² = 1", gaussian_mean(z**2, (z,), 1) == 1)
    yield Step("I + AB = diag(1, 0) has norm 1", (sp.eye(2) - sp.diag(0, 1)).singular_values()[0] == 1)
    yield Step("1 > ‖I + AB‖₂² E g²", bool(closed < 1))
    n = sp.Symbol("n", positive=True)
    yield Step("E g² -> 0 as k -> ∞", sp.limit((2 / sp.pi) * ((1 + 1 / n**2) * sp.atan(n) - 1 / n), n, 0) == 0)


@proves("E‖g(xT)‖² <= 2E‖g(x)‖² + 2 Lip(g)² σ²‖AB‖_F²; GELU has Lipschitz constant Φ(√2) + √2 φ(√2) = 1.1289…")
def input_instead() -> Iterator[Step]:
    """‖a + b‖² <= 2‖a‖² + 2‖b‖² with a = g(x), ‖b‖ <= Lip(g)‖xAB‖."""
    sp = sympy()
    a, b, x = sp.symbols("a b x", real=True)
    yield Step(
        "2a² + 2b² - (a + b)² = (a - b)²",
        vanishes(2 * a**2 + 2 * b**2 - (a + b) ** 2 - (a - b) ** 2) and nonnegative((a - b) ** 2),
    )
    normal = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    slope = (1 + sp.erf(x / sp.sqrt(2))) / 2 + x * normal
    yield Step(
        "GELU'' = φ(x)(2 - x²), so GELU' peaks at ±√2 or ±∞", sp.simplify(sp.diff(slope, x) - normal * (2 - x**2)) == 0
    )
    value = slope.subs(x, sp.sqrt(2))
    yield Step(
        "GELU'(√2) = 1.1289…, GELU'(-√2) = 1 - GELU'(√2), limits 0 and 1",
        sp.simplify(slope.subs(x, -sp.sqrt(2)) - 1 + value) == 0
        and bool(abs(sp.N(value, 30) - sp.Rational("1.128904145")) < sp.Rational(1, 10**9)),
    )
