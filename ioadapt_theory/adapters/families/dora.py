"""DoRA (Liu et al. 2024): Φ(W) = V diag(m / ‖V‖) with V = W + s AB and the norms ‖V‖ of its columns.

In the paper's layout, a column belongs to one output feature. The reference code normalises the same vectors.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.families.family import Family, Spec
from ioadapt_theory.adapters.families.lora import LoRA, init_low_rank


class DoRA(Family):
    """A low-rank change of the directions of W's columns, and learned magnitudes m_j, which start at ‖W_j‖."""

    axes: ClassVar = {**LoRA.axes, "m": ("columns",)}
    options: ClassVar = {"detach_norm": ("True or False", lambda v: isinstance(v, bool))}
    A: nn.Parameter
    B: nn.Parameter
    m: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self.detach_norm = spec.detach_norm
        with torch.no_grad():
            nn.init.zeros_(self.A)
            nn.init.zeros_(self.B)
            if not self.m.is_meta:  # as under PEFT's low_cpu_mem_usage, although the base is loaded
                self.m.copy_(self.norms(base))  # the norms of W alone
        init_low_rank(self.A, self.B, spec)

    def direction(self, base: Base) -> Tensor:
        """Return V = W + s AB."""
        w = self.promote(base.dense())
        return torch.addmm(w.mT, self.B.to(w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def norms(self, base: Base) -> Tensor:
        """Return the norms, at least the dtype's ``tiny``, of the columns of W + s AB; detached if ``detach_norm``."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.detach_norm):
            if isinstance(base, Identity):
                norms = side_norms(self.A, self.B, self.scaling)
            else:
                norms = self.direction(base).norm(dim=0)
            norms = norms.to(self.m.dtype).clamp_min(torch.finfo(self.m.dtype).tiny)
        return norms.detach() if self.detach_norm else norms  # also stops forward-mode tangents

    def gain(self, base: Base) -> Tensor:
        """Return m_j / ‖V_j‖ for each column V_j of V = W + s AB, computed without autocast."""
        device = self.m.device.type
        if device == "meta" or not torch.is_autocast_enabled(device):
            return self.m / self.norms(base)
        with torch.autocast(device, enabled=False):
            return self.m / self.norms(base)

    def weight(self, base: Base) -> Tensor:
        return self.direction(base) * self.gain(base)

    def left(self, w: Tensor, base: Base) -> Tensor:
        """Return V diag(m / ‖V‖) W with V = I + s AB, and with the strides of ``nn.Linear.weight.mT``."""
        g, b = self.gain(base).to(w), self.B.to(w)
        return (w.mT * g).addmm_(((b * g) @ w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """Return (f(x) + s xAB) diag(g) + bias diag(1 - g), with g = m / ‖W + s AB‖; the bias stays unscaled."""
        y, g = base(x), base.columnwise(self.gain(base))
        v = base.plus_low_rank(y, self.dropout(x), self.A, self.B, self.scaling)
        if base.bias is None:
            return (v * g).to(y.dtype)
        return torch.addcmul(base.columnwise(base.bias) * (1 - g), v, g).to(y.dtype)


def side_norms(a: Tensor, b: Tensor, s: float) -> Tensor:
    """Return the norm of each column of I + s AB without computing AB; in float64, since terms cancel."""
    a, b = a.double(), b.double()
    # for row a_j of A and column b_j of B, the squared norm is 1 + 2s ⟨a_j, b_j⟩ + s² b_jᵀ(AᵀA)b_j
    change = torch.addmm(a.mT, a.mT @ a, b, beta=2 * s, alpha=s * s)
    return ((change * b).sum(0) + 1).clamp_min(0).sqrt()
