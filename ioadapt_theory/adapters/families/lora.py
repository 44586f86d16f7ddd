"""LoRA (Hu et al. 2022): Φ(W) = W + s AB, Eq. 1; on an identity, I + s AB, Eq. 3."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.families.family import Additive, Spec, fill
from ioadapt_theory.adapters.fast.products import LowRank


class LoRA(Additive):
    """Low-rank change; A is rows x r, B is r x columns."""

    axes: ClassVar = {"A": ("rows", "rank"), "B": ("rank", "columns")}
    kind = LowRank
    A: nn.Parameter
    B: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        init_low_rank(self.A, self.B, spec)

    def pays(self, x: Tensor, base: Base) -> bool:
        """For few entries a Python function costs more than it saves, and on a side there is less to save."""
        return x.numel() >= (1 << 20 if isinstance(base, Identity) else 1 << 18)

    def factors(self) -> tuple[Tensor, ...]:
        """A, B."""
        return self.A, self.B

    def delta(self, base: Base) -> Tensor:
        """AB."""
        del base
        return self.A @ self.B

    def update(self, x: Tensor, base: Base) -> Tensor:
        """(xA)B."""
        return base.low_rank(x, self.A, self.B)

    def weight(self, base: Base) -> Tensor:
        """W + s AB, in the memory order of a stored weight."""
        w = self.promote(base.dense())
        return torch.addmm(w.mT, self.B.to(w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def left(self, w: Tensor, base: Base) -> Tensor:
        """W + s A(BW), in the memory order of a stored weight."""
        del base
        return torch.addmm(w.mT, (self.B.to(w) @ w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def right(self, w: Tensor, base: Base) -> Tensor:
        """W + s (WA)B, in the memory order of a stored weight."""
        del base
        return torch.addmm(w.mT, self.B.to(w).mT, (w @ self.A.to(w)).mT, alpha=self.scaling).mT


def init_low_rank(a: nn.Parameter, b: nn.Parameter, spec: Spec) -> None:
    """B is zero, so that AB is; A is uniform in ±1/√rows as in the reference code, or N(0, 1/r²)."""
    if spec.init == "gaussian":
        fill(a, 1 / spec.rank)
    else:
        nn.init.uniform_(a, -1 / math.sqrt(a.shape[0]), 1 / math.sqrt(a.shape[0]))
    fill(b, 1 / math.sqrt(spec.rank) if spec.init == "random" else 0)
