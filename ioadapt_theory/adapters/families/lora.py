"""LoRA (Hu et al. 2022): Φ(W) = W + s AB (Eq. 1), or I + s AB for an identity (Eq. 3)."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill


class LoRA(Additive):
    """A low-rank change AB; A is rows x r, B is r x columns."""

    axes: ClassVar = {"A": ("rows", "rank"), "B": ("rank", "columns")}
    A: nn.Parameter
    B: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        init_low_rank(self.A, self.B, spec)

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """Return f(x) + s (xA)B, which is x(W + s AB) for a weight (Eq. 1) and x(I + s AB) for an identity (Eq. 3)."""
        y = base(x)
        return base.plus_low_rank(y, self.dropout(x), self.A, self.B, self.scaling).to(y.dtype)

    def delta(self, base: Base) -> Tensor:
        """Return AB, with the strides of ``nn.Linear.weight.mT``."""
        del base
        return (self.B.mT @ self.A.mT).mT

    def left(self, w: Tensor, base: Base) -> Tensor:
        """Return (I + s AB)W, computed as W + s A(BW), with the strides of ``nn.Linear.weight.mT``."""
        del base
        return torch.addmm(w.mT, (self.B.to(w) @ w).mT, self.A.to(w).mT, alpha=self.scaling).mT


def init_low_rank(a: nn.Parameter, b: nn.Parameter, spec: Spec) -> None:
    """Initialise A (uniform in ±1/√rows, or N(0, 1/r²) for "gaussian") and B (zeros, or N(0, 1/r) for "random")."""
    if a.is_meta:  # meta tensors, of a file's header or of a model that is not loaded yet
        return
    if spec.init == "gaussian":
        fill(a, 1 / spec.rank)
    else:
        nn.init.uniform_(a, -1 / math.sqrt(a.shape[0]), 1 / math.sqrt(a.shape[0]))
    fill(b, 1 / math.sqrt(spec.rank) if spec.init == "random" else 0)
