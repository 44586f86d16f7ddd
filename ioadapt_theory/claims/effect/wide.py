"""Wide ReLU networks whose layers change by given angles: the best layer for an adapter, and the best placement.

The limits for infinite width are cited: the kernel κ of ReLU from Cho and Saul (2009) and Daniely et al. (2016), and
the independence of gates and backward weights from Yang (2020).
"""

from collections.abc import Iterator
from itertools import pairwise
from math import prod

import mpmath
import torch
from torch import Tensor

from ioadapt_theory.claims.language import *

WIDTH, OUTPUTS, BLOCK = 128, 16, 32
COSINES = (0.98, 0.6, 0.9, 0.8, 0.95)
"""ρ of every layer, the cosine between its weights in the two models."""
LIMIT = 0.02
"""Allowed deviation of networks of this width from the limit at infinite width; 0.014 was measured."""


def kernel(t: mpmath.mpf) -> mpmath.mpf:
    """Return the cosine of relu(a) and relu(b), for Gaussian vectors a and b of infinite dimension and cosine t."""
    return (mpmath.sqrt(1 - t * t) + t * (mpmath.pi - mpmath.acos(t))) / mpmath.pi


def slope(t: mpmath.mpf) -> mpmath.mpf:
    """Return the derivative of ``kernel``: the cosine of the gates [a > 0] and [b > 0], for its a and b."""
    return 1 - mpmath.acos(t) / mpmath.pi


def predicted(cosines: tuple[mpmath.mpf, ...], layer: int) -> mpmath.mpf:
    """Return the limit, at infinite width, of the cosine of a LoRA's effects on both models; the first layer is 0."""
    before, passed = [mpmath.mpf(1)], list[mpmath.mpf]()
    for rho in cosines:
        passed.append(rho * before[-1])
        before.append(kernel(passed[-1]))
    return before[layer] * prod(slope(passed[k]) * cosines[k + 1] for k in range(layer, len(cosines) - 1))


@argued(Remarked, "the slope κ', and the cost of equal angles")
def small_angles(claim: Claim) -> Iterator[Step]:
    """Compare 1 − ``predicted(…)``, where every ρ is cos ψ, with its first-order term in ψ, at ψ = 10⁻¹²."""
    sp = sympy()
    t = sp.Symbol("t")
    kappa = (sp.sqrt(1 - t**2) + t * (sp.pi - sp.acos(t))) / sp.pi
    yield Step("κ' = 1 − arccos(t)/π", simplifies(sp.diff(kappa, t) - (1 - sp.acos(t) / sp.pi)))
    with mpmath.workdps(60):
        psi = mpmath.mpf(10) ** -12
        for layer in range(5):
            lost = (1 - predicted((mpmath.cos(psi),) * 5, layer)) / psi
            sums = sum(mpmath.sqrt(k) for k in range(layer + 1, 5)) / mpmath.pi
            lost, sums = (f"{float(x):.4f}" for x in (lost, sums))
            yield Step(f"layer {layer + 1} of 5 loses ψ times {sums}", found(lost, sums))


def run(x: Tensor, layers: list[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return for every layer its input, its output, and the network's Jacobian with respect to this output."""
    passed = []
    for w in layers:
        passed.append((x, x @ w))
        x = 2**0.5 * passed[-1][1].relu()
    behind = [torch.eye(OUTPUTS, dtype=x.dtype)]
    for (_, y), w in zip(passed[-2::-1], layers[:0:-1], strict=True):
        behind.append((y > 0).mT * (w @ behind[-1]) * 2**0.5)  # a bool times a float is float32
    return [(*both, j) for both, j in zip(passed, reversed(behind), strict=True)]


def networks(n: int, generator: torch.Generator) -> Tensor:
    """Return E⟨e, e'⟩/√(E‖e‖² E‖e'‖²) of random adapters' effects e, e', minus its limit: n x (layers · placements)."""
    x = torch.randn(n, 1, WIDTH, generator=generator, dtype=torch.float64)
    source, target, found = [], [], []
    for (c, d), rho in zip(pairwise([WIDTH] * len(COSINES) + [OUTPUTS]), COSINES, strict=True):
        w, new = torch.randn(2, n, c, d, generator=generator, dtype=torch.float64) / c**0.5
        source.append(w)
        target.append(rho * w + (1 - rho * rho) ** 0.5 * new)
    both = (zip(run(x, layers), layers, strict=True) for layers in (source, target))
    for k, (((z, y, j), w), ((z_, y_, j_), w_)) in enumerate(zip(*both, strict=True)):
        for placement in Placement:
            r, s = (y, y_) if placement is OUTPUT else (z, z_)
            p, q = (w @ j, w_ @ j_) if placement is INPUT else (j, j_)
            kernels = [(a * b).sum((-2, -1)) * (u * v).sum((-2, -1)) for a, b, u, v in
                       ((r, s, p, q), (r, r, p, p), (s, s, q, q))]  # fmt: skip
            limit = float(predicted(COSINES, k)) * (1 if placement is LORA else COSINES[k])
            found.append(kernels[0] / (kernels[1] * kernels[2]).sqrt() - limit)
    return torch.stack(found, 1)


def in_blocks(n: int, generator: torch.Generator) -> Tensor:
    """Return the rows of ``networks`` for n networks, rounded up to whole blocks, whose size bounds the memory."""
    return torch.cat([networks(BLOCK, generator) for _ in range(-(-n // BLOCK))])


CLAIMS = (
    Claim(
        id="effect-wide",
        source=BEYOND,
        reading="wide ReLU networks",
        amends="effect-random",
        prose="W' = ρW + √(1 − ρ²)N in every layer, a₀ = 1, p_l = ρ_l a_{l−1}, a_l = κ(p_l), κ(t) = (√(1 − t²) + t(π − "
        "arccos t))/π: c of LoRA at layer l is a_{l−1} Π κ'(p_k)ρ_{k+1}, k from l to L − 1, and that of input and "
        "output adapters is ρ_l times as much",
        proofs=(small_angles,),
        expected=SURVIVED,
        remark="equal small angles ψ cost (ψ/π)Σ√k, k from l to L − 1, so late layers lose least",
        strategies=(MeanZero(in_blocks, draws=8, finest=0.015, bias=LIMIT),),
    ),
)
