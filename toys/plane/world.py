"""The crescent, the models and the task: two stacks of affine maps h = xW₁ + b₁, y = hW₂ + b₂ in the plane.

Biases are the third row of a matrix acting on (x, 1), so that App. A.2, which is about linear maps, applies to these
affine maps: the augmented matrix of a stack is [[W₁, 0], [b₁, 1]] · [[W₂], [b₂]].
"""

from collections.abc import Iterator
from enum import StrEnum
from math import cos, pi, sin

import torch
from torch import Tensor, nn

THICKNESS = 0.35
"""Half the crescent's thickness in the middle; it decreases towards the tips."""
TURN, ENLARGE = 2 * pi / 3, 1.5
"""The task: the source model's output, rotated by 120° about the origin and scaled by 1.5."""


class Case(StrEnum):
    """What the target computes, and which maps are adapted.

    Attributes:
        SAME_FUNCTION: the target has the source's function and other weights; every adapter is on one map, and input
            and output adapters are at the ends of the stack.
        OTHER_FUNCTION: the target's first map differs from the source's; the adapters are those of SAME_FUNCTION.
        INTERIOR: the target is that of SAME_FUNCTION; adapters are on both maps, or between the maps.
    """

    SAME_FUNCTION = "same-function"
    OTHER_FUNCTION = "other-function"
    INTERIOR = "interior"


def crescent(n: int, generator: torch.Generator) -> Tensor:
    """Return n samples, (n, 2), at angles t ~ U(0, π) and radii 1 + THICKNESS sin(t) u with u ~ U(-1, 1)."""
    t, u = torch.rand(2, n, generator=generator, dtype=torch.float64)
    t = pi * t
    radius = 1 + THICKNESS * t.sin() * (2 * u - 1)
    return torch.stack([radius * t.cos(), radius * t.sin()], dim=1)


def moment() -> Tensor:
    """Return the exact E[(x, 1)ᵀ(x, 1)] of the crescent, which is neither centred nor isotropic."""
    first, second, mean = 1 / 2 + THICKNESS**2 / 24, 1 / 2 + THICKNESS**2 / 8, 2 / pi
    return torch.tensor([[first, 0, 0], [0, second, mean], [0, mean, 1]], dtype=torch.float64)


def isotropic_moment() -> Tensor:
    """Return E[(x, 1)ᵀ(x, 1)] as App. A.2 assumes, with E[x] = 0, E[xᵀx] = σ²I and the crescent's E‖x‖²."""
    variance = moment()[:2, :2].trace() / 2
    return torch.diag(torch.stack([variance, variance, torch.ones_like(variance)]))


def task() -> Tensor:
    """Return the matrix E of the task, 2 x 2: the desired output is the source's output times E."""
    return ENLARGE * torch.tensor([[cos(TURN), sin(TURN)], [-sin(TURN), cos(TURN)]], dtype=torch.float64)


def models(case: Case, generator: torch.Generator) -> tuple[nn.Sequential, nn.Sequential]:
    """Return a random source and target; the source has weights with fixed singular values, and maps 0 to 0.

    In the case OTHER_FUNCTION, the target's first map has drifted, W₁' = W₁ + D, b₁' = b₁ + e, and its second map is
    the source's, so that a copied LoRA on the first map changes both outputs alike. In the other cases, W₁' = W₁R,
    b₁' = b₁R, W₂' = R⁻¹W₂ and b₂' = b₂ with an invertible R, so that the function is the same.
    """
    w1, w2, r, drift = (_matrix(*s, generator) for s in ((1.2, 0.8), (1.2, 0.8), (1.5, 0.7), (0.5, 0.3)))
    b1, step = (torch.randn(2, generator=generator, dtype=torch.float64) for _ in range(2))
    b1, step = 0.3 * b1 / b1.norm(), 0.2 * step / step.norm()
    source = _stack(w1, b1, w2, -b1 @ w2)
    if case is Case.OTHER_FUNCTION:
        return source, _stack(w1 + drift, b1 + step, w2, -b1 @ w2)
    return source, _stack(w1 @ r, b1 @ r, torch.linalg.solve(r, w2), -b1 @ w2)


def augmented(model: nn.Sequential) -> Iterator[Tensor]:
    """Yield the maps of a plain stack as matrices acting on (x, 1); the last one drops the 1."""
    for i, layer in enumerate(model):
        assert isinstance(layer, nn.Linear)
        m = torch.cat([layer.weight.detach().mT, layer.bias.detach()[None]]).cpu()
        one = torch.tensor([[0.0], [0.0], [1.0]], dtype=m.dtype)
        yield m if i == len(model) - 1 else torch.cat([m, one], dim=1)


def _matrix(larger: float, smaller: float, generator: torch.Generator) -> Tensor:
    """Return a random 2 x 2 matrix with these singular values."""
    u, v = (nn.init.orthogonal_(torch.empty(2, 2, dtype=torch.float64), generator=generator) for _ in range(2))
    return u * torch.tensor([larger, smaller], dtype=torch.float64) @ v


def _stack(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> nn.Sequential:
    stack = nn.Sequential(*(nn.Linear(2, 2, device="meta", dtype=w1.dtype) for _ in range(2))).to_empty(device="cpu")
    for layer, w, b in zip(stack, (w1, w2), (b1, b2), strict=True):
        layer.weight.data, layer.bias.data = w.mT.contiguous(), b.clone()
    return stack.requires_grad_(requires_grad=False)
