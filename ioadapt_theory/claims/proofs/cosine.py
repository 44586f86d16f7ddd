"""Lemma 1: first order, norm bound and remainder of the cosine, in inner products alone, so in every dimension.

Letters: U = ‖u‖, V = ‖v‖, s the cosine, ρ_u = ‖Δu‖/‖u‖, r = ‖u + Δu‖/‖u‖ and x the cosine between u and u + Δu.
"""

from collections.abc import Iterator

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes


@proves("Eq. 7 is the derivative of s(u + tΔu, v + tΔv) at t = 0")
def first_order() -> Iterator[Step]:
    """Differentiate the cosine along the segment."""
    sp = sympy()
    big_u, big_v = sp.symbols("U V", positive=True)
    uv, u_du, v_dv, u_dv, v_du, du_dv, du_du, dv_dv, t = sp.symbols(
        "uv u_du v_dv u_dv v_du du_dv du_du dv_dv t", real=True
    )
    s = (uv + t * (v_du + u_dv) + t**2 * du_dv) / sp.sqrt(
        (big_u**2 + 2 * t * u_du + t**2 * du_du) * (big_v**2 + 2 * t * v_dv + t**2 * dv_dv)
    )
    eq_7 = (v_du + u_dv) / (big_u * big_v) - uv * u_du / (big_u**3 * big_v) - uv * v_dv / (big_u * big_v**3)
    derivative = sp.diff(s, t).subs(t, 0)
    yield Step("ds/dt at 0 equals Eq. 7", vanishes(sp.powdenest(derivative, force=True) - eq_7))


@proves("|δ| <= sqrt(1 - s²)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖) <= (1 + |s|)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖), the first attained (Eq. 8)")
def norm_bound() -> Iterator[Step]:
    """Split Δu into a part along u, which does not count, and the rest; then Cauchy-Schwarz."""
    sp = sympy()
    big_u, big_v = sp.symbols("U V", positive=True)
    s, u_du, v_dv, u_dv, v_du = sp.symbols("s u_du v_dv u_dv v_du", real=True)
    uv = s * big_u * big_v
    eq_7 = (v_du + u_dv) / (big_u * big_v) - uv * u_du / (big_u**3 * big_v) - uv * v_dv / (big_u * big_v**3)
    grad_u_du = v_du / (big_u * big_v) - s * u_du / big_u**2
    grad_v_dv = u_dv / (big_u * big_v) - s * v_dv / big_v**2
    yield Step("δ = ∇_u s·Δu + ∇_v s·Δv with ∇_u s = v/(UV) - su/U²", vanishes(eq_7 - grad_u_du - grad_v_dv))
    grad_sq = big_v**2 / (big_u * big_v) ** 2 - 2 * s * uv / (big_u**3 * big_v) + s**2 * big_u**2 / big_u**4
    yield Step("‖∇_u s‖² = (1 - s²)/U², so Cauchy-Schwarz gives the bound", vanishes(grad_sq - (1 - s**2) / big_u**2))
    steepest = grad_u_du.subs({v_du: big_v / big_u - s * uv / big_u**2, u_du: uv / (big_u * big_v) - s})
    yield Step("Δu = ∇_u s attains it: ∇_u s·Δu = ‖∇_u s‖²", vanishes(steepest - grad_sq))
    a = sp.Symbol("a", nonnegative=True)
    yield Step("(1 + |s|)² - (1 - s²) = 2|s|(1 + |s|) >= 0", vanishes((1 + a) ** 2 - (1 - a**2) - 2 * a * (1 + a)))
    yield Step("with equality at s = 0 only", nonnegative(2 * a * (1 + a)))


@proves("|R| <= (3 + |s|)(ρ_u² + ρ_v²) for all perturbations that leave both vectors non-zero")
def remainder() -> Iterator[Step]:
    """One vector at a time, plus the product of the two turns."""
    sp = sympy()
    r, x, s, y, w = sp.symbols("r x s y w", real=True)  # w = sqrt(1 - x²); v = su + y e + ..., y² <= 1 - s²
    moved = x * s + w * y
    delta = (r * x * s + r * w * y - s) - s * (r * x - 1)
    one = s * (x - 1) + w * y * (1 - r)
    yield Step("one vector moved: R_u = s(x - 1) + wy(1 - r)", vanishes(moved - s - delta - one))
    rho_sq = 1 + r**2 - 2 * r * x
    inside = (r**2 + (1 - 2 * r) * x) ** 2 + (1 - x**2) * (1 - r) ** 2
    yield Step(
        "ρ⁴ - [(r² + (1 - 2r)x)² + (1 - x²)(1 - r)²] = r(2 + r)(1 - x)²",
        vanishes(rho_sq**2 - inside - r * (2 + r) * (1 - x) ** 2),
    )
    positive = sp.Symbol("r", positive=True)
    yield Step("which is >= 0 for r > 0", nonnegative(positive * (2 + positive) * (1 - x) ** 2))
    a = sp.Symbol("a", real=True)  # |s|
    yield Step(
        "(1 + |s|)ρ² - |s|(1 - x) = ρ² + |s|(r² + (1 - 2r)x), so Cauchy-Schwarz gives |R_u| <= (1 + |s|)ρ²",
        vanishes((1 + a) * rho_sq - a * (1 - x) - rho_sq - a * (r**2 + (1 - 2 * r) * x)),
    )
    p, q, uv, pq = sp.symbols("u'v uv' uv u'v'", real=True)  # cosines of the old and new unit vectors
    both = (pq - uv) - ((p - uv) + (q - uv)) - (pq - p - q + uv)
    yield Step("both moved: R = R_u + R_v + (û' - û)·(v̂' - v̂)", vanishes(both))
    yield Step(
        "4ρ² - ‖û' - û‖² = 4(r - x)² + 2(1 - x)(1 + 2x)",
        vanishes(4 * rho_sq - (2 - 2 * x) - 4 * (r - x) ** 2 - 2 * (1 - x) * (1 + 2 * x)),
    )
    yield Step(
        "= 4r² + 8r(-x) + 2(1 + x): one form is >= 0 for x >= 0, the other for x <= 0",
        vanishes(4 * rho_sq - (2 - 2 * x) - 4 * r**2 + 8 * r * x - 2 * (1 + x)),
    )
    f, g = sp.symbols("rho_u rho_v", real=True)
    yield Step(
        "(2ρ_u)(2ρ_v) <= 2(ρ_u² + ρ_v²), and 1 + |s| + 2 = 3 + |s|",
        vanishes(2 * f**2 + 2 * g**2 - 4 * f * g - 2 * (f - g) ** 2),
    )


@proves(
    "|θ̂ - θ| <= a = arcsin ρ_u + arcsin ρ_v for ρ <= 1; |ŝ - s| <= sqrt(1 - s²) sin a + |s|(1 - cos a) for a <= π/2"
)
def finite_angle() -> Iterator[Step]:
    """The triangle inequality on the sphere, without a remainder."""
    sp = sympy()
    r, x, theta, a = sp.symbols("r x theta a", real=True)
    rho_sq = 1 + r**2 - 2 * r * x
    yield Step("ρ² - sin²∠(u, u + Δu) = (r - x)² >= 0", vanishes(rho_sq - (1 - x**2) - (r - x) ** 2))
    yield Step("ρ <= 1 makes the angle acute: 2rx = (1 - ρ²) + r²", vanishes(2 * r * x - (1 - rho_sq) - r**2))
    for sign in (1, -1):
        moved = sp.expand_trig(sp.cos(theta + sign * a)) - sp.cos(theta)
        form = -sign * sp.sin(theta) * sp.sin(a) - sp.cos(theta) * (1 - sp.cos(a))
        yield Step(f"cos(θ {sign:+d}·a) - cos θ = {-sign:+d}·sin θ sin a - cos θ(1 - cos a)", vanishes(moved - form))
