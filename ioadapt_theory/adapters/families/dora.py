"""DoRA (Liu et al. 2024): Φ(W)_j = m_j V_j / ‖V_j‖ with V = W + s AB, a magnitude for every output j."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, Identity, add
from ioadapt_theory.adapters.families.family import Family, Spec
from ioadapt_theory.adapters.families.lora import LoRA, init_low_rank
from ioadapt_theory.adapters.fast.autograd import fused, plan_for
from ioadapt_theory.adapters.fast.derived import kept
from ioadapt_theory.adapters.fast.products import LowRank
from ioadapt_theory.adapters.fast.steps import at

BLOCK = 1 << 18
"""Entries of V that are built at a time on a CPU: 1 MB in float32, which stays in a core's cache."""


class DoRA(Family):
    """Low-rank change of the direction, learned magnitude m (columns); m starts at ‖W_j‖."""

    axes: ClassVar = {**LoRA.axes, "m": ("columns",)}
    options: ClassVar = {"detach_norm": ("true or false", lambda v: isinstance(v, bool))}
    A: nn.Parameter
    B: nn.Parameter
    m: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self.detach_norm = spec.detach_norm
        with torch.no_grad():
            nn.init.zeros_(self.A)
            nn.init.zeros_(self.B)
            self.m.copy_(self.norms(base))  # of W alone
        init_low_rank(self.A, self.B, spec)

    def direction(self, base: Base) -> Tensor:
        """V = W + s AB."""
        w = self.promote(base.dense())
        return torch.addmm(w.mT, self.B.to(w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def norms(self, base: Base) -> Tensor:
        """‖V_j‖; on an identity ‖e_j + s A b_j‖² = 1 + 2s ⟨a_j, b_j⟩ + s² b_jᵀ(AᵀA)b_j, in float64 since it cancels."""
        if not isinstance(base, Identity):
            if torch.is_grad_enabled() and not self.detach_norm:
                return self.direction(base).norm(dim=0)
            with torch.no_grad():
                return self._norms_by_blocks(base.dense().mT)
        a, b, s = self.A.double(), self.B.double(), self.scaling
        change = torch.addmm(a.mT, a.mT @ a, b, beta=2 * s, alpha=s * s)
        return ((change * b).sum(0) + 1).clamp_min(0).sqrt().to(self.m.dtype)

    def _norms_by_blocks(self, w: Tensor) -> Tensor:
        """‖V_j‖ from some rows of Wᵀ at a time: V is never held, and ‖W_j‖² + 2s ⟨W_j, Ab_j⟩ + ... would cancel."""
        wide = torch.promote_types(w.dtype, self.A.dtype)
        at, bt = self.A.mT.contiguous().to(wide), self.B.mT.contiguous().to(wide)
        whole = w.device.type != "cpu" or torch.compiler.is_compiling()
        rows = len(w) if whole else max(1, BLOCK // w.shape[1])
        norms = [
            w[i : i + rows].to(wide, copy=True).addmm_(bt[i : i + rows], at, alpha=self.scaling).norm(dim=1)
            for i in range(0, len(w), rows)
        ]
        return torch.cat(norms).to(self.m.dtype)

    def gain(self, base: Base) -> Tensor:
        """m_j / ‖V_j‖, 0 for a column of zeros whose magnitude is zero."""
        return kept(self, None if isinstance(base, Identity) else base, lambda: self._gain(base))

    def _gain(self, base: Base) -> Tensor:
        if not self.m.is_meta and torch.is_autocast_enabled(self.m.device.type):
            with torch.autocast(self.m.device.type, enabled=False):
                return self._gain(base)
        norms = self.norms(base)
        if self.detach_norm:
            norms = norms.detach()
        return self.m / norms.clamp_min(torch.finfo(norms.dtype).tiny)

    def weight(self, base: Base) -> Tensor:
        """V diag(m / ‖V‖)."""
        return _times(self.direction(base), self.gain(base))

    def left(self, w: Tensor, base: Base) -> Tensor:
        """(I + s AB) diag(g) W, in the memory order of a stored weight."""
        g, b = self.gain(base).to(w), self.B.to(w)
        v = w.mT * g
        return torch.addmm(
            v, ((b * g) @ w).mT, self.A.to(w).mT, alpha=self.scaling, out=None if torch.is_grad_enabled() else v
        ).mT

    def right(self, w: Tensor, base: Base) -> Tensor:
        """(W + s (WA)B) diag(g), in the memory order of a stored weight."""
        v = torch.addmm(w.mT, self.B.to(w).mT, (w @ self.A.to(w)).mT, alpha=self.scaling).mT
        return _times(v, self.gain(base).to(w))

    def at_once(self, x: Tensor, f: Base, placement: str = "weight") -> Tensor | None:
        """As of any family."""
        if (plan := plan_for(self, x, f)) is None:
            return None
        base = f if placement == "weight" else Identity(self.size[1], of=f)
        return fused(at(placement, plan.w), plan, LowRank, self.scaling, x, self.gain(base), self.A, self.B)

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """f(x) + (g - 1)(f(x) - bias) + g s xAB, g = m/‖V‖: the bias is not scaled, g = 1 changes nothing."""
        if (y := self.at_once(x, base)) is not None:
            return y
        y, g = base(x), base.columnwise(self.gain(base))
        without_bias = y if base.bias is None else y - base.columnwise(base.bias)
        change = self.scaling * base.low_rank(self.dropout(x), self.A, self.B)
        return add(y, (g - 1) * without_bias + g * change)


def _times(v: Tensor, g: Tensor) -> Tensor:
    """V diag(g), in V's memory where no gradient needs V."""
    return v * g if torch.is_grad_enabled() else v.mul_(g)
