"""LoHa (Hyeon-Woo et al. 2021, FedPara): Δ = (A₁B₁) ∘ (A₂B₂), of rank up to r²."""

from typing import ClassVar

from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill


class LoHa(Additive):
    """The Hadamard product of two low-rank products; A₁ and A₂ are rows x r, B₁ and B₂ are r x columns."""

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
        """Return (A₁B₁) ∘ (A₂B₂), with the strides of ``nn.Linear.weight.mT``."""
        del base
        return ((self.B1.mT @ self.A1.mT) * (self.B2.mT @ self.A2.mT)).mT
