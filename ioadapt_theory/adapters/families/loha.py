"""LoHa (Hyeon-Woo et al. 2021, FedPara): Δ = (A₁B₁) ∘ (A₂B₂), of rank up to r²."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill, joined, parts
from ioadapt_theory.adapters.fast.autograd import built, is_eager, plan_for


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
        """(A₁B₁) ∘ (A₂B₂)."""
        del base
        return (self.A1 @ self.B1) * (self.A2 @ self.B2)

    def is_heavy(self, placement: str) -> bool:
        """On the weight Δ is built in any case."""
        return placement != "weight"

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """As of any additive family; without dropout by one product with W + s Δ."""
        if is_eager(x) and not self.drops and (plan := plan_for(self, x, base)) is not None:
            return built(plan, self.scaling, x, self.A1, self.B1, self.A2, self.B2)
        return super().forward(x, base)

    def weight(self, base: Base) -> Tensor:
        """W + s Δ, in the memory order of a stored weight, building Δ some columns at a time."""
        w = self.promote(base.dense())
        a1, a2 = self.A1.to(w), self.A2.to(w)
        pieces = zip(parts(w, 1), parts(self.B1.to(w), 1), parts(self.B2.to(w), 1), strict=True)
        built = (torch.addcmul(v.mT, b1.mT @ a1.mT, b2.mT @ a2.mT, value=self.scaling).mT for v, b1, b2 in pieces)
        return joined(built, w, 1)

    def left(self, w: Tensor, base: Base) -> Tensor:
        """W + s ΔW, building Δ some rows at a time."""
        del base
        b1, b2 = self.B1.to(w), self.B2.to(w)
        pieces = zip(parts(w), parts(self.A1.to(w)), parts(self.A2.to(w)), strict=True)
        return joined(
            (torch.addmm(v.mT, w.mT, ((a1 @ b1) * (a2 @ b2)).mT, alpha=self.scaling).mT for v, a1, a2 in pieces), w
        )

    def right(self, w: Tensor, base: Base) -> Tensor:
        """W + s WΔ, building Δ some columns at a time."""
        del base
        a1, a2 = self.A1.to(w), self.A2.to(w)
        pieces = zip(parts(w, 1), parts(self.B1.to(w), 1), parts(self.B2.to(w), 1), strict=True)
        return joined(
            (torch.addmm(v.mT, ((a1 @ b1) * (a2 @ b2)).mT, w.mT, alpha=self.scaling).mT for v, b1, b2 in pieces), w, 1
        )
