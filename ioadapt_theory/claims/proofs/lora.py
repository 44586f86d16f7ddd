"""Proposition 1: the sharp constant of LoRA for one pair, and when two pairs add up.

α = ‖x₁‖/‖y₁‖, β = ‖x₂‖/‖y₂‖, θ₀ the angle of y₁, y₂ and θ_x that of x₁, x₂.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, proves, sympy, vanishes
from ioadapt_theory.claims.proofs.input_adapter import dual_form, first_order


@proves("sup |δ| = ε sin θ₀ sqrt(α² + β² - 2αβ cos(θ_x + θ₀)) <= ε sin θ₀ (α + β) over ‖AB‖₂ <= ε")
def sharp_constant() -> Iterator[Step]:
    """δ = ⟨M, G⟩ with G = x₁ᵀg₁ + x₂ᵀg₂ of rank two; its nuclear norm is the supremum."""
    sp = sympy()
    al, be = sp.symbols("alpha beta", positive=True)
    c, s, cx, sx = sp.symbols("c s cx sx", real=True)  # cosine and sine of θ₀ and θ_x
    circles = (c**2 + s**2 - 1, cx**2 + sx**2 - 1)
    u, v = sp.Matrix([[1, 0]]), sp.Matrix([[c, s]])
    g1, g2 = v - c * u, u - c * v  # ‖y_i‖ times the gradients of Lemma 1
    x1, x2 = al * sp.Matrix([[1, 0]]), be * sp.Matrix([[cx, sx]])
    gram = (g1 * g1.T)[0], (g2 * g2.T)[0], (g1 * g2.T)[0]
    yield Step("‖g₁‖² = ‖g₂‖² = sin²θ₀", vanishes(gram[0] - s**2, *circles) and vanishes(gram[1] - s**2, *circles))
    yield Step("g₁·g₂ = -cos θ₀ sin²θ₀", vanishes(gram[2] + c * s**2, *circles))
    g = x1.T * g1 + x2.T * g2  # its two singular values depend on the Gram matrices only, so the plane is enough
    frobenius_sq = sum(e**2 for e in g)
    yield Step(
        "‖G‖_F² = sin²θ₀(α² + β² - 2αβ cos θ_x cos θ₀)",
        vanishes(frobenius_sq - s**2 * (al**2 + be**2 - 2 * al * be * cx * c), *circles),
    )
    yield Step("σ₁σ₂ = |det G| = αβ sin θ_x sin³θ₀", vanishes(g.det() ** 2 - (al * be * sx * s**3) ** 2, *circles))
    wanted = s**2 * (al**2 + be**2 - 2 * al * be * (cx * c - sx * s))
    nuclear_sq = s**2 * (al**2 + be**2 - 2 * al * be * cx * c) + 2 * al * be * sx * s**3
    yield Step("‖G‖_*² = ‖G‖_F² + 2σ₁σ₂ = sin²θ₀(α² + β² - 2αβ cos(θ_x + θ₀))", vanishes(nuclear_sq - wanted))
    cos_sum = sp.Symbol("C", real=True)
    yield Step(
        "(α + β)² - (α² + β² - 2αβC) = 2αβ(1 + C) >= 0, zero iff sim(x₁, x₂) = -s",
        vanishes((al + be) ** 2 - (al**2 + be**2 - 2 * al * be * cos_sum) - 2 * al * be * (1 + cos_sum)),
    )


@proves("sup |δ| <= (1 - s²)(1/s_c + 1/s_{c-1})ε, the two smallest singular values of W of full row rank; attained")
def weights_constant() -> Iterator[Step]:
    """G = W⁺ᵀK, and K/(1 - s²) is an isometry on a plane, so ‖G‖_* is at most the two largest singular values of W⁺."""
    sp = sympy()
    yield from dual_form.steps()
    p, m, k = sp.Matrix(3, 2, sp.symbols("p:6")), sp.Matrix(2, 3, sp.symbols("m:6")), sp.Matrix(3, 3, sp.symbols("k:9"))
    moved = sum((p * m).multiply_elementwise(k)) - sum(m.multiply_elementwise(p.T * k))
    yield Step("x = yW⁺, so LoRA is output adaptation by W⁺M: ⟨PM, K⟩ = ⟨M, PᵀK⟩", vanishes(moved))
    a, b, h = sp.symbols("a b h", positive=True)
    u, v, w, m = sp.Matrix([[1, h]]), sp.Matrix([[1, -h]]), sp.diag(a, b), sp.diag(1, -1)
    s = (1 - h**2) / (1 + h**2)
    slope = sp.powdenest(first_order(u, v, u * w.inv() * m, v * w.inv() * m), force=True)
    yield Step(
        "W = diag(a, b), y = (1, ±h), AB = ε diag(1, -1) attains it", vanishes(slope - (1 - s**2) * (1 / a + 1 / b))
    )


@proves("for two models the suprema add up: W' = -W with the same inputs reverses the sign of δ for the same AB")
def two_models() -> Iterator[Step]:
    """G' = -G, so one adapter is worst for both at once."""
    sp = sympy()
    c = sp.Symbol("c", real=True)
    u, v, du, dv = (sp.Matrix([sp.symbols(f"{name}:3", real=True)]) for name in ("u", "v", "p", "q"))

    def delta(sign: int) -> Any:
        """Eq. 7 times ‖u‖‖v‖ at (±u, ±v), for the same Δu and Δv; c stands for the cosine, which keeps its value."""
        a, b = sign * u, sign * v
        return (du * b.T)[0] + (a * dv.T)[0] - c * ((a * du.T)[0] + (b * dv.T)[0])

    yield Step("y' = -y: the cosine stays, δ changes sign", vanishes(delta(1) + delta(-1)))
