"""LoHa (Hyeon-Woo et al. 2021, FedPara): Δ = (A₁B₁) ∘ (A₂B₂), of rank up to r²."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.cache import is_eager
from ioadapt_theory.adapters.families.family import Additive, Spec, fill


class LoHa(Additive):
    """Hadamard product of two low-rank products; A's are rows x r, B's r x columns."""

    axes: ClassVar = {
        "A1": ("rows", "rank"),
        "A2": ("rows", "rank"),
        "B1": ("rank", "columns"),
        "B2": ("rank", "columns"),
    }
    A1: nn.Parameter
    A2: nn.Parameter
    B1: nn.Parameter
    B2: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        fill(self.A1, 0.1)  # the standard deviations of the reference code
        fill(self.B1, 1)
        fill(self.A2, 0.1)
        fill(self.B2, 1 if spec.init == "random" else 0)

    def delta(self, base: Base) -> Tensor:
        """Return (A₁B₁) ∘ (A₂B₂), in the memory order of a stored weight."""
        del base
        factors = self.B1.mT, self.A1.mT, self.B2.mT, self.A2.mT
        apply: Any = Hadamard.apply if is_eager(self.A1) else hadamard
        delta: Tensor = apply(*factors)
        return delta.mT


def hadamard(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensor:
    """Return (A₁B₁) ∘ (A₂B₂)."""
    return (a1 @ b1) * (a2 @ b2)


class Hadamard(torch.autograd.Function):
    """``hadamard`` that saves only the factors for the backward pass and recomputes their products there."""

    @staticmethod
    def forward(ctx: Any, *factors: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(*factors)
        return hadamard(*factors)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:  # noqa: D102
        a1, b1, a2, b2 = ctx.saved_tensors
        g1, g2 = g * (a2 @ b2), g * (a1 @ b1)
        return g1 @ b1.mT, a1.mT @ g1, g2 @ b2.mT, a2.mT @ g2
