"""Proposition 2, input adaptation: what holds instead, (1 - s²)(k + 1/k)ε a pair with k = cond(W), and its proof.

u, v are the unit vectors along y₁, y₂, e₊ and e₋ those along u + v and u - v. W has full row rank, M = AB.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes, zero


def first_order(u: Any, v: Any, du: Any, dv: Any) -> Any:
    """δ of Eq. 7, for row vectors."""
    p, a, b = (u * v.T)[0], (u * u.T)[0], (v * v.T)[0]
    root = sympy().sqrt(a * b)
    return ((du * v.T)[0] + (u * dv.T)[0] - p * (u * du.T)[0] / a - p * (v * dv.T)[0] / b) / root


@proves("δ = ⟨M, W⁺ᵀKWᵀ⟩ for input adaptation and ⟨M, K⟩ for output adaptation, K = (1 - s²)(e₊ᵀe₊ - e₋ᵀe₋)")
def dual_form() -> Iterator[Step]:
    """Read δ as a linear function of the adapter."""
    sp = sympy()
    c, h = sp.symbols("c h", real=True)  # cosine and sine of half the angle, in the basis e₊, e₋
    circle = h**2 + c**2 - 1
    u, v, s = sp.Matrix([[c, h]]), sp.Matrix([[c, -h]]), c**2 - h**2
    k = u.T * v + v.T * u - s * (u.T * u + v.T * v)
    yield Step(
        "K = uᵀv + vᵀu - s(uᵀu + vᵀv) = (1 - s²)(e₊ᵀe₊ - e₋ᵀe₋)",
        all(vanishes(e, circle) for e in k - (1 - s**2) * sp.diag(1, -1)),
    )
    m = sp.Matrix(3, 3, sp.symbols("m:9", real=True))
    a, b = sp.Matrix([sp.symbols("a:3", real=True)]), sp.Matrix([sp.symbols("b:3", real=True)])
    t = sp.Symbol("s", real=True)
    delta = (a * m * b.T)[0] + (b * m * a.T)[0] - t * ((a * m * a.T)[0] + (b * m * b.T)[0])
    gradient = a.T * b + b.T * a - t * (a.T * a + b.T * b)
    yield Step("δ = ⟨M, K⟩ for Δu = uM, Δv = vM", vanishes(delta - sum(m.multiply_elementwise(gradient))))
    w, p = sp.Matrix(2, 3, sp.symbols("w:6", real=True)), sp.Matrix(3, 2, sp.symbols("p:6", real=True))
    n = sp.Matrix(2, 2, sp.symbols("n:4", real=True))
    moved = sum((p * n * w).multiply_elementwise(gradient)) - sum(n.multiply_elementwise(p.T * gradient * w.T))
    yield Step("x = yW⁺, so input adaptation is output adaptation by W⁺MW: ⟨PMW, K⟩ = ⟨M, PᵀKWᵀ⟩", vanishes(moved))


@proves("‖eW⁺‖‖eWᵀ‖ <= (k + 1/k)/2 for a unit vector e in the row space of W")
def kantorovich() -> Iterator[Step]:
    """Weights e_i² on λ = σ_i² in [a, b]; X = Σ e_i² λ_i, Y = Σ e_i²/λ_i."""
    sp = sympy()
    lam, x, y = sp.symbols("lambda X Y", positive=True)
    k, low, gap = sp.symbols("k a g", positive=True)
    a, b = low, low + gap
    yield Step(
        "(λ - a)(b - λ)/λ = (a + b) - (λ + ab/λ), >= 0 on [a, b], so X + abY <= a + b",
        vanishes((lam - a) * (b - lam) / lam - (a + b) + lam + a * b / lam),
    )
    yield Step(
        "(X + abY)² - 4abXY = (X - abY)²",
        vanishes((x + a * b * y) ** 2 - 4 * a * b * x * y - (x - a * b * y) ** 2) and nonnegative((x - a * b * y) ** 2),
    )
    yield Step(
        "XY <= (a + b)²/(4ab) = ((k + 1/k)/2)² for b = k²a",
        vanishes((a + k**2 * a) ** 2 / (4 * a * k**2 * a) - ((k + 1 / k) / 2) ** 2),
    )


@proves(
    "sup |δ| = (1 - s²)(k + 1/k)ε over ‖AB‖₂ <= ε and all pairs with cosine s; twice that for two models with one W"
)
def sharp_constant() -> Iterator[Step]:
    """Triangle inequality of the nuclear norm, Kantorovich for both terms, and a pair that attains it."""
    sp = sympy()
    yield from dual_form.steps()
    yield from kantorovich.steps()
    k, h, eps = sp.symbols("k h epsilon", positive=True)
    w, m = sp.diag(1, k), eps * sp.Matrix([[0, 1], [1, 0]])
    s = (1 - h**2) / (1 + h**2)
    yield Step("AB = ε[[0, 1], [1, 0]] has ‖AB‖₂ = ε", zero(m.T * m - eps**2 * sp.eye(2)))
    pairs = {"source": ([1 + h, 1 - h], [1 - h, 1 + h]), "target": ([1 + h, h - 1], [1 - h, -1 - h])}
    cosines = []
    for sign, (name, (y1, y2)) in zip((1, -1), pairs.items(), strict=True):
        u, v = sp.Matrix([y1]), sp.Matrix([y2])
        x1, x2 = u * w.inv(), v * w.inv()
        cosines.append((x1 * x2.T)[0] ** 2 / (x1 * x1.T)[0] / (x2 * x2.T)[0])
        yield Step(
            f"{name}: sim(y₁, y₂) = s",
            vanishes((u * v.T)[0] - s * (u * u.T)[0]) and vanishes((u * u.T)[0] - (v * v.T)[0]),
        )
        delta = sp.powdenest(first_order(u, v, x1 * m * w, x2 * m * w), force=True)
        yield Step(
            f"{name}: δ = {sign:+d}·(1 - s²)(k + 1/k)ε for W = diag(1, k)",
            vanishes(sp.simplify(delta - sign * (1 - s**2) * (k + 1 / k) * eps)),
        )
    yield Step("sim(x₁, x₂) = sim(x₁', x₂')", vanishes(cosines[0] - cosines[1]))


@proves("4(1 + |s|)ε bounds δ for all weights of condition numbers k, k' iff (1 - |s|)(k + 1/k + k' + 1/k') <= 4")
def printed_term() -> Iterator[Step]:
    """Compare with the sharp constant; at k = k' = 1 it is the output constant 4(1 - s²)."""
    sp = sympy()
    a, k, l = sp.symbols("a k l", positive=True)  # noqa: E741, a = |s|
    sharp, printed = (1 - a**2) * (k + 1 / k + l + 1 / l), 4 * (1 + a)
    yield Step(
        "printed - sharp = (1 + |s|)(4 - (1 - |s|)(k + 1/k + k' + 1/k'))",
        vanishes(printed - sharp - (1 + a) * (4 - (1 - a) * (k + 1 / k + l + 1 / l))),
    )
    yield Step(
        "k + 1/k - 2 = (k - 1)²/k: at s = 0 only scaled row isometries qualify",
        vanishes(k + 1 / k - 2 - (k - 1) ** 2 / k),
    )
    yield Step("k = k' = 1 gives the sharp output constant", vanishes(sharp.subs({k: 1, l: 1}) - 4 * (1 - a**2)))


@proves("|artanh ŝ - artanh s| <= (k + 1/k) ln 1/(1 - ε) for ε < 1, without a remainder")
def finite() -> Iterator[Step]:
    """Integrate along x(I + tM)W: there the adapter is (I + tM)⁻¹M, of norm at most ε/(1 - tε)."""
    sp = sympy()
    s, t = sp.symbols("s t", real=True)
    eps = sp.Symbol("epsilon", positive=True)
    m = sp.MatrixSymbol("M", 3, 3).as_explicit()
    yield Step(
        "d artanh s = ds/(1 - s²), which cancels the (1 - s²) of the constant",
        vanishes(sp.diff(sp.atanh(s), s) - 1 / (1 - s**2)),
    )
    yield Step(
        "(I + tM)·M = M·(I + tM), so d/dt x(I + tM) = x(t)·(I + tM)⁻¹M",
        zero((sp.eye(3) + t * m) * m - m * (sp.eye(3) + t * m)),
    )
    primitive = -sp.log(1 - t * eps)
    yield Step(
        "∫ε/(1 - tε) dt from 0 to 1 = ln 1/(1 - ε)",
        vanishes(sp.diff(primitive, t) - eps / (1 - t * eps)) and primitive.subs(t, 0) == 0,
    )
