"""Proposition 2, output adaptation: the exact finite theorem |artanh ŝ - artanh s| <= ln cond(I + AB).

T = I + AB maps the plane of u and v; in the singular bases of that restriction it is diag(k, 1) up to scale, and
k <= cond(T) because the largest and smallest stretch over a plane lie between those over the whole space. With a and b
the angles of u and v in that basis, S = cos(a - b) = s and P = cos(a + b).
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, nonnegative, proves, sympy, vanishes


def moebius(s: Any, tau: Any) -> Any:
    """tanh(artanh s + artanh τ)."""
    return (s + tau) / (1 + s * tau)


def sinh(power: Any) -> Any:
    """Hyperbolic sine of z, from e^z."""
    return (power - 1 / power) / 2


def cosh(power: Any) -> Any:
    """Hyperbolic cosine of z, from e^z."""
    return (power + 1 / power) / 2


@proves("sinh ẑ = cosh L sinh z + P sinh L cosh z for z = artanh s, ẑ = artanh ŝ, L = ln k; so |ẑ - z| <= ln cond(T)")
def finite_theorem() -> Iterator[Step]:
    """A one-line proof of the generalised Wielandt inequality, with its case of equality (P = ±1)."""
    sp = sympy()
    k, ca, sa, cb, sb, p = sp.symbols("k ca sa cb sb P", real=True)
    circles = (ca**2 + sa**2 - 1, cb**2 + sb**2 - 1)
    big_s, big_p = ca * cb + sa * sb, ca * cb - sa * sb
    num, den_sq = k**2 * ca * cb + sa * sb, (k**2 * ca**2 + sa**2) * (k**2 * cb**2 + sb**2)
    yield Step("uTTᵀvᵀ = ((k² + 1)S + (k² - 1)P)/2", vanishes(num - ((k**2 + 1) * big_s + (k**2 - 1) * big_p) / 2))
    yield Step("‖uT‖²‖vT‖² - (uTTᵀvᵀ)² = k²(1 - S²)", vanishes(den_sq - num**2 - k**2 * (1 - big_s**2), *circles))
    e, f = sp.symbols("e f", positive=True)  # e = exp(z), f = exp(L) = k
    yield Step(
        "S/sqrt(1 - S²) = sinh z: tanh²/(1 - tanh²) = sinh²",
        vanishes(sinh(e) ** 2 / cosh(e) ** 2 / (1 - sinh(e) ** 2 / cosh(e) ** 2) - sinh(e) ** 2),
    )
    quotient = ((f**2 + 1) * sinh(e) + (f**2 - 1) * p * cosh(e)) / (2 * f)
    yield Step(
        "hence sinh ẑ = ŝ/sqrt(1 - ŝ²) = cosh L sinh z + P sinh L cosh z",
        vanishes(quotient - cosh(f) * sinh(e) - p * sinh(f) * cosh(e)),
    )
    yield Step("1 - P² = sin²(a + b) >= 0", vanishes(1 - big_p**2 - (ca * sb + sa * cb) ** 2, *circles))
    for sign in (1, -1):
        yield Step(
            f"P = {sign:+d}: sinh ẑ = sinh(z {sign:+d}·L); sinh increases",
            vanishes(quotient.subs(p, sign) - sinh(e * f**sign)),
        )


@proves("‖AB‖₂ <= ε < 1: ln cond(I + AB) <= 2 artanh ε; with rank(AB) = 1 only ln 1/(1 - ε)")
def condition_of_adapter() -> Iterator[Step]:
    """Singular values of I + AB."""
    sp = sympy()
    eps = sp.Symbol("epsilon", positive=True)
    tanh_sq = (((1 + eps) / (1 - eps)) ** 2 - 1) / (((1 + eps) / (1 - eps)) ** 2 + 1)
    yield Step(
        "cond <= (1 + ε)/(1 - ε) = exp(2 artanh ε): tanh of its logarithm is 2ε/(1 + ε²)",
        vanishes(tanh_sq - 2 * eps / (1 + eps**2)),
    )
    kappa, lam = sp.symbols("kappa lambda", real=True)
    perp = sp.Symbol("q", real=True)  # kappa² + q² = 1; AB = ε eᵀf with f = (kappa, q)
    circle = perp**2 + kappa**2 - 1
    t = sp.eye(2) + eps * sp.Matrix([[kappa, perp], [0, 0]])
    gram = t * t.T
    yield Step("rank 1: σ₁σ₂ = 1 + εκ", vanishes(gram.det() - (1 + eps * kappa) ** 2, circle))
    yield Step(
        "σ₁/σ₂ + σ₂/σ₁ = 2 + ε²/(1 + εκ)",
        vanishes(gram.trace() / (1 + eps * kappa) - 2 - eps**2 / (1 + eps * kappa), circle),
    )
    yield Step(
        "which is largest, 1/(1 - ε) + (1 - ε), at κ = -1", vanishes(2 + eps**2 / (1 - eps) - 1 / (1 - eps) - (1 - eps))
    )
    at_one = (lam * sp.eye(2) - gram).det().subs(lam, 1)
    yield Step(
        "(1 - σ₁²)(1 - σ₂²) = -ε²(1 - κ²) <= 0: the other singular values, 1, lie between",
        vanishes(at_one + eps**2 * (1 - kappa**2), circle),
    )


@proves("|ŝ - ŝ'| <= 2τ(1 - s²)/(1 - s²τ²) <= 2τ <= 4ε with τ = 2ε/(1 + ε²); attained for every s and ε")
def two_models() -> Iterator[Step]:
    """Both adapted cosines lie in the interval tanh(artanh s ± artanh τ)."""
    sp = sympy()
    s, tau, h = sp.symbols("s tau h", real=True)
    eps = sp.Symbol("epsilon", positive=True)
    gap = 2 * tau * (1 - s**2) / (1 - s**2 * tau**2)
    yield Step("the interval's length", vanishes(moebius(s, tau) - moebius(s, -tau) - gap))
    yield Step(
        "2τ - length = 2τ s²(1 - τ²)/(1 - s²τ²)",
        vanishes(2 * tau - gap - 2 * tau * s**2 * (1 - tau**2) / (1 - s**2 * tau**2)),
    )
    double = 2 * eps / (1 + eps**2)
    yield Step(
        "4ε - 2τ = 4ε³/(1 + ε²)",
        vanishes(4 * eps - 2 * double - 4 * eps**3 / (1 + eps**2)) and nonnegative(4 * eps**3 / (1 + eps**2)),
    )
    series = sp.series(gap.subs(tau, double), eps, 0, 3).removeO()
    yield Step("length = 4(1 - s²)ε + O(ε³)", vanishes(series - 4 * (1 - s**2) * eps))
    # y = (1, ±h) around e₊ = (1, 0), so s = (1 - h²)/(1 + h²); the target's pair (±h, 1) lies around e₋
    cosine = (1 - h**2) / (1 + h**2)
    for sign, h_hat in ((1, h * (1 - eps) / (1 + eps)), (-1, h * (1 + eps) / (1 - eps))):
        adapted = (1 - h_hat**2) / (1 + h_hat**2)
        yield Step(
            f"AB = ε(e₊ᵀe₊ - e₋ᵀe₋) moves the cosine to its end ({sign:+d})",
            vanishes(adapted - moebius(cosine, sign * double)),
        )
