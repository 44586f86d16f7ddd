"""LoHa (Hyeon-Woo et al. 2021, FedPara): Δ = (A₁B₁) ∘ (A₂B₂), of rank up to r²."""

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill, parameter
from ioadapt_theory.adapters.kernels import Hadamard


class LoHa(Additive):
    """Hadamard product of two low-rank products; A's are rows x r, B's r x columns."""

    kind = Hadamard

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self.A1, self.A2 = (parameter(base, spec, base.rows, spec.rank) for _ in range(2))
        self.B1, self.B2 = (parameter(base, spec, spec.rank, base.columns) for _ in range(2))
        fill(self.A1, 0.1)  # the standard deviations of the reference code
        fill(self.B1, 1)
        fill(self.A2, 0.1)
        fill(self.B2, 1 if spec.init == "random" else 0)

    def factors(self) -> tuple[Tensor, ...]:
        """A₁, B₁, A₂, B₂."""
        return self.A1, self.B1, self.A2, self.B2

    def delta(self, base: Base) -> Tensor:
        """(A₁B₁) ∘ (A₂B₂)."""
        del base
        return (self.A1 @ self.B1) * (self.A2 @ self.B2)

    def left(self, w: Tensor, base: Base) -> Tensor:
        """W + s ΔW, building an eighth of Δ's rows at a time."""
        del base
        parts = zip(w.chunk(8), self.A1.to(w).chunk(8), self.A2.to(w).chunk(8), strict=True)
        b1, b2 = self.B1.to(w), self.B2.to(w)
        return torch.cat([torch.addmm(p, (a1 @ b1) * (a2 @ b2), w, alpha=self.scaling).mT for p, a1, a2 in parts], 1).mT

    def right(self, w: Tensor, base: Base) -> Tensor:
        """W + s WΔ, building an eighth of Δ's columns at a time."""
        del base
        parts = zip(w.chunk(8, 1), self.B1.to(w).chunk(8, 1), self.B2.to(w).chunk(8, 1), strict=True)
        a1, a2 = self.A1.to(w), self.A2.to(w)
        return torch.cat([torch.addmm(p, w, (a1 @ b1) * (a2 @ b2), alpha=self.scaling).mT for p, b1, b2 in parts]).mT
