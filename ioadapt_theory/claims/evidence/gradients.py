"""δ of Eq. 7 as a linear function of the adapter, in symbols: what the sharp constants of Props. 1 and 2 rest on."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.evidence.argument import Step, vanishes, zero
from ioadapt_theory.claims.expression.algebra import sympy


def slope(u: Any, v: Any, du: Any, dv: Any) -> Any:
    """δ of Eq. 7, for row vectors of symbols."""
    p, a, b = (u * v.T)[0], (u * u.T)[0], (v * v.T)[0]
    root = sympy().sqrt(a * b)
    return ((du * v.T)[0] + (u * dv.T)[0] - p * (u * du.T)[0] / a - p * (v * dv.T)[0] / b) / root


def dual_form() -> Iterator[Step]:
    """δ = ⟨M, W⁺ᵀKWᵀ⟩ for input adaptation and ⟨M, K⟩ for output adaptation, K = (1 − s²)(e₊ᵀe₊ − e₋ᵀe₋).

    u, v are the unit vectors along y₁, y₂, e₊ and e₋ those along u + v and u − v. W has full row rank, M = AB.
    """
    sp = sympy()
    c, h = sp.symbols("c h")  # cosine and sine of half the angle, in the basis e₊, e₋
    circle = h**2 + c**2 - 1
    u, v, s = sp.Matrix([[c, h]]), sp.Matrix([[c, -h]]), c**2 - h**2
    k = u.T * v + v.T * u - s * (u.T * u + v.T * v)
    yield Step("K = uᵀv + vᵀu − s(uᵀu + vᵀv) = (1 − s²)(e₊ᵀe₊ − e₋ᵀe₋)", zero(k - (1 - s**2) * sp.diag(1, -1), circle))
    m = sp.Matrix(3, 3, sp.symbols("m:9"))
    a, b = sp.Matrix([sp.symbols("a:3")]), sp.Matrix([sp.symbols("b:3")])
    t = sp.Symbol("s")
    delta = (a * m * b.T)[0] + (b * m * a.T)[0] - t * ((a * m * a.T)[0] + (b * m * b.T)[0])
    gradient = a.T * b + b.T * a - t * (a.T * a + b.T * b)
    yield Step("δ = ⟨M, K⟩ for Δu = uM, Δv = vM", vanishes(delta - sum(m.multiply_elementwise(gradient))))
    w, p = sp.Matrix(2, 3, sp.symbols("w:6")), sp.Matrix(3, 2, sp.symbols("p:6"))
    n = sp.Matrix(2, 2, sp.symbols("n:4"))
    moved = sum((p * n * w).multiply_elementwise(gradient)) - sum(n.multiply_elementwise(p.T * gradient * w.T))
    yield Step("x = yW⁺, so input adaptation is output adaptation by W⁺MW: ⟨PMW, K⟩ = ⟨M, PᵀKWᵀ⟩", vanishes(moved))
