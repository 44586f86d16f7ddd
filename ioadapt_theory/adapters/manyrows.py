"""Many more samples than features: the weight is adapted first, at next to no cost, and f is one product with it.

What adapters cost there is passes over the samples, and they are saved. In the backward pass one product gives the
gradient of the one matrix, which autograd spreads over the parameters at the weight's size.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from ioadapt_theory.adapters.families import DoRA, Family, LoKr, LoRA
from ioadapt_theory.adapters.fused import fits, rows_of

MANY = 4
"""Samples for each feature from where on this is the faster way, measured on the widths of diffusion models."""
LIGHT = 1 / 12
"""Rank for each feature up to which thin products cost less than the gradient of the whole matrix."""


def merged(placed: Any, x: Tensor) -> Tensor | None:
    """F with its adapters as one product; None where the ordinary way is faster, or needed."""
    c, d = placed.channels, placed.columns
    if torch.compiler.is_compiling() or x.numel() < MANY * c * max(c, d) or x.element_size() < 4:
        return None
    families: list[Family] = []
    f: Any = placed
    while isinstance(phi := getattr(f, "phi", None), Family):  # adapters upon adapters, down to the layer
        families.append(phi)
        f = f.f
    if all(_is_light(phi) for phi in families):
        return None
    plans = [fits(phi, x, f) for phi in families]
    if any(plan is None or plan.dtype != x.dtype for plan in plans):
        return None
    parameters = [p for phi in families for p in phi.parameters()]
    y: Tensor = Merged.apply(placed, rows_of(x), f.dense(), parameters, *parameters)  # type: ignore[no-untyped-call]
    return y if x.ndim == 2 else y.view(*x.shape[:-1], d)


def _is_light(phi: Family) -> bool:
    """Whether products with Δ cost little; LoHa has to build it, and Full has it built."""
    return isinstance(phi, LoKr) or (isinstance(phi, LoRA | DoRA) and phi.spec.rank < LIGHT * min(phi.size[:2]))


class Merged(torch.autograd.Function):
    """Y = XΦ(W) + b, keeping X alone: Φ(W) is computed again on the way back, from unchanged parameters."""

    @staticmethod
    def forward(ctx: Any, placed: Any, x: Tensor, w: Tensor, parameters: list[Tensor], *p: Tensor) -> Tensor:  # noqa: D102
        ctx.placed, ctx.parameters = placed, parameters
        ctx.save_for_backward(x, w, *p)
        return linear(x, placed.dense().mT, placed.bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, *_ = ctx.saved_tensors  # raises where a weight or a parameter was changed in between
        with torch.enable_grad():
            w, bias = ctx.placed.dense(), ctx.placed.bias
        gx = gy @ w.detach().mT if ctx.needs_input_grad[1] else None
        learned = [p for p in ctx.parameters if p.requires_grad]
        if not learned:
            return None, gx, None, None, *[None] * len(ctx.parameters)
        ends, gradients = [w], [x.mT @ gy]
        if bias is not None and bias.requires_grad:
            ends, gradients = [w, bias], [*gradients, gy.sum(0)]
        found = iter(torch.autograd.grad(ends, learned, gradients, allow_unused=True))
        return None, gx, None, None, *[next(found) if p.requires_grad else None for p in ctx.parameters]
