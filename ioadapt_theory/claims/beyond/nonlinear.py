"""Props. 4 and 5 for models f and f' that need not be linear, with g = f − f'. Outputs on n samples form n rows."""

import math

import torch
from torch import Tensor

from ioadapt_theory.claims import arithmetic
from ioadapt_theory.claims.language import *

F, F_TARGET = matrix("f"), matrix("f_target")
G, MOVED, XAB, LIP = matrix("g"), matrix("h"), matrix("xab"), scalar("lip")
SAMPLES = matrices("outputs on n samples", {"F": "n d", "F_target": "n d", "AB": "d d"})
PAIRS = matrices("outputs on n samples", {"G": "n d", "H": "n d", "XAB": "n c", "Lip": ""})
LIPSCHITZ = fro(MOVED - G) <= LIP * fro(XAB)
AFTER = fro(F @ T - F_TARGET @ T) ** 2 <= spectral(T) ** 2 * fro(F - F_TARGET) ** 2
BEFORE = fro(MOVED) ** 2 <= 2 * fro(G) ** 2 + 2 * (LIP * fro(XAB)) ** 2
SIZE = 10
"""Value of k in the counterexample, g = max(|x₁|, k|x₂|) − k|x₂|."""


def within_reach(raw: Mapping[str, Tensor]) -> Any:
    """Return instances with ‖H − G‖_F < Lip · ‖XAB‖_F."""
    lip, change = raw["lip"].exp(), raw["h"]
    length = [arithmetic.frobenius_sq(m).sqrt() for m in (raw["xab"], change)]
    size = lip * length[0] * torch.sigmoid(raw["lip"] + 2) / length[1]
    return PAIRS.build(g=raw["g"], h=raw["g"] + size[..., None, None] * change, xab=raw["xab"], lip=lip)


def mean_before(k: int) -> float:
    """Return E g² for g = max(|x₁|, k|x₂|) − k|x₂| and x ~ N(0, I): (2/π)((1 + k²) arctan(1/k) − k)."""
    return 2 / math.pi * ((1 + k * k) * math.atan(1 / k) - k)


def gelu_constant() -> float:
    """Return the largest slope of GELU, Φ(√2) + √2 φ(√2), with the normal distribution function Φ and density φ."""
    return (1 + math.erf(1)) / 2 + math.sqrt(2) * math.exp(-1) / math.sqrt(2 * math.pi)


@argued(Refuted)
def input_fails(claim: Claim) -> Iterator[Step]:
    sp, k = sympy(), SIZE
    x1, x2 = sp.symbols("x1 x2")
    p, q = positives("p q")
    signs = [(a, b) for a in (1, -1) for b in (1, -1)]
    outer = [sp.Max(a * (x1 + b * k * x2), 0) for a, b in signs]
    units = sum(outer) / 2 - k * (sp.Max(x2, 0) + sp.Max(-x2, 0))
    # on each sector |x₁| = k|x₂| + p or k|x₂| = |x₁| + q, for all signs
    sectors = [(a * (k * q + p), b * q, p) for a, b in signs] + [(a * p, b * (p + q) / k, 0) for a, b in signs]
    equal = all(vanishes(units.subs({x1: u, x2: v}) - value).holds for u, v, value in sectors)
    yield Step("g = max(|x₁|, k|x₂|) − k|x₂| by six ReLUs, on all eight sectors", Check(equal))
    theta, corner = sp.Symbol("theta"), sp.atan(sp.Rational(1, k))
    primitive = sp.integrate(sp.expand((sp.cos(theta) - k * sp.sin(theta)) ** 2), theta)
    before = sp.simplify(4 * (primitive.subs(theta, corner) - primitive.subs(theta, 0)) * 2 / (2 * sp.pi))
    closed = (2 * (1 + k**2) * corner - 2 * k) / sp.pi
    yield Step("E g² = (2/π)((1 + k²) arctan(1/k) − k) for σ = 1", simplifies(before - closed))
    after = sp.integrate(x1**2 * sp.exp(-(x1**2) / 2), (x1, -sp.oo, sp.oo)) / sp.sqrt(2 * sp.pi)
    yield Step("where x₂ = 0, as after input adaptation, g = |x₁|, and E x₁² = 1", found(after, 1))
    yield line("I + AB = diag(1, 0), and ‖I + AB‖₂ = 1, as its squared singular values are «1² = 1» and 0")
    yield Step("so E x₁² > 23‖I + AB‖₂² E g²", found(sp.floor(after / closed), 23))
    n = sp.Symbol("n")
    limit = sp.limit((2 / sp.pi) * ((1 + 1 / n**2) * sp.atan(n) - 1 / n), n, 0)
    yield Step("E g² < 1/k, which goes to 0", found(limit, 0))


@argued(Remarked, "the Lipschitz constant of GELU")
def gelu(claim: Claim) -> Iterator[Step]:
    sp = sympy()
    x = sp.Symbol("x")
    normal = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    slope = (1 + sp.erf(x / sp.sqrt(2))) / 2 + x * normal
    peaks = simplifies(sp.diff(slope, x) - normal * (2 - x**2))
    yield Step("GELU'' = φ(x)(2 − x²), so GELU' has its extremes where x² = 2 or far away", peaks)
    value = slope.subs(x, sp.sqrt(2))
    yield Step(
        "GELU'(−√2) = 1 − GELU'(√2) < 0, and its limits are 0 and 1", simplifies(slope.subs(x, -sp.sqrt(2)) - 1 + value)
    )
    yield Step(
        "GELU'(√2) = Φ(√2) + √2φ(√2) > 1, the constant in the remark",
        found(f"{float(value):.4f}", f"{gelu_constant():.4f}"),
    )


CLAIMS = (
    Claim(
        id="nonlinear-output",
        source=BEYOND,
        reading="Prop. 5 for any f, f' and any law of x",
        amends="prop-5",
        concludes=(AFTER,),
        prose="for outputs F, F' on n samples",
        proofs=(
            derived(
                AFTER.left,
                Link("I + AB factored out on the right", fro((F - F_TARGET) @ T) ** 2),
                Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", (fro(F - F_TARGET) * spectral(T)) ** 2),
                Link("expand", AFTER.right),
            ),
        ),
        expected=PROVED,
        setting=SAMPLES,
        strategies=(RandomInstances(), GradientAscent()),
    ),
    Claim(
        id="nonlinear-input",
        source=BEYOND,
        reading="Prop. 4 for ReLU networks",
        amends="prop-4",
        prose="E‖f(x(I + AB)) − f'(x(I + AB))‖² ≤ ‖I + AB‖₂² E‖f(x) − f'(x)‖² for one hidden ReLU layer",
        proofs=(input_fails,),
        expected=REFUTED,
        remark=lambda: (
            f"for f − f' = max(|x₁|, {SIZE}|x₂|) − {SIZE}|x₂|, AB = −e₂ᵀe₂ raises the "
            f"mean square from {mean_before(SIZE):.4f} to 1"
        ),
    ),
    Claim(
        id="nonlinear-input-lipschitz",
        source=BEYOND,
        reading="Prop. 4 for Lipschitz f − f' = g",
        amends="nonlinear-input",
        given=(LIPSCHITZ,),
        concludes=(BEFORE,),
        prose="G = g(x) and H = g(x(I + AB)) on n samples, whose mean ‖xAB‖² tends to σ²‖AB‖_F²",
        proofs=(
            derived(
                BEFORE.left,
                Link("g(xT) = g(x) + (g(xT) − g(x))", fro(G + (MOVED - G)) ** 2),
                Link("triangle inequality", (fro(G) + fro(MOVED - G)) ** 2),
                Link("(a + b)² ≤ 2a² + 2b²", 2 * fro(G) ** 2 + 2 * fro(MOVED - G) ** 2),
                Link("Lipschitz", BEFORE.right),
            ),
            gelu,
        ),
        attained=("nonlinear-lipschitz",),
        expected=PROVED,
        remark=lambda: f"ReLU has Lipschitz constant 1, GELU Φ(√2) + √2φ(√2) = {gelu_constant():.4f}…",
        words=(ATTAINED,),
        setting=PAIRS.parametrised(within_reach),
        strategies=SEARCHES,
    ),
)
