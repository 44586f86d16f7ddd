"""DoRA (Liu et al. 2024): Φ(W)_j = m_j V_j / ‖V_j‖ with V = W + s AB; ‖V_j‖ from W A, kept between steps."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, Identity, add
from ioadapt_theory.adapters.families.family import Family, Spec
from ioadapt_theory.adapters.families.lora import LoRA, init_low_rank, is_high
from ioadapt_theory.adapters.fast.autograd import fused, is_eager, plan_for, without_autocast
from ioadapt_theory.adapters.fast.derived import Derived, is_kept
from ioadapt_theory.adapters.fast.products import LowRank
from ioadapt_theory.adapters.matrices import Plain

BLOCK = 1 << 18
"""Entries of a weight in another dtype that are converted at a time: 1 MB in float32, which stays in a core's cache."""
CANCELS = 0.1
"""Part of ‖W_j‖² below which a column is built: what is left of ‖W_j‖² + 2s ⟨W_j, Ab_j⟩ + ... has lost a digit."""


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
        self.derived = Derived()
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
        """‖V_j‖, above 0; where its gradient is not asked for a constant, which is kept between steps."""
        kept = self.kept(base)
        if kept is not None:
            return kept[0]
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.detach_norm):
            return self._norms(base)

    @property
    def is_plain(self) -> bool:
        """Whether what its factors give may be kept: they are whole, at hand, and not being followed."""
        return is_kept(self.A) and is_eager(self.A) and self.A.ndim == 2  # a shard of FSDP1 has one axis

    def kept(self, base: Base) -> Tensor | None:
        """‖V_j‖ above m_j / ‖V_j‖, constants; None where no constant is asked for, or it cannot be kept."""
        constant = self.detach_norm or not torch.is_grad_enabled()
        if not (constant and self.is_plain and isinstance(base, Identity | Plain)):
            return None
        w = base.module.weight if isinstance(base, Plain) else None

        def compute() -> Tensor:
            norms = self._norms(base, w if self.A.is_cpu else None)
            return torch.stack([norms, self.m / norms])

        return self.derived("norms", compute, self.scaling, (self.A, self.B, self.m), w)

    def _norms(self, base: Base, weight: Tensor | None = None) -> Tensor:
        """By definition; with a weight from W A and ‖W_j‖, which is kept for as long as W is the same."""
        if isinstance(base, Identity):
            norms = side_norms(self.A[None], self.B[None], self.scaling)[0]
        elif weight is None:
            norms = self.direction(base).norm(dim=0)
        else:
            w = base.dense().mT
            own = self.derived("squares", lambda: squares(w), 0.0, (), weight)
            norms = norms_beside(w, own, self.A, self.B, self.scaling)
        return above_zero(norms, self.m.dtype)

    def gain(self, base: Base) -> Tensor:
        """m_j / ‖V_j‖, 0 for a column of zeros whose magnitude is zero."""
        with without_autocast(self.m):
            return self.m / self.norms(base)

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

    def is_heavy(self, placement: str) -> bool:
        """By its rank."""
        del placement
        return is_high(self)

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """f(x) + (g - 1)(f(x) - bias) + g s xAB, g = m/‖V‖: the bias is not scaled, g = 1 changes nothing."""
        if is_eager(x) and (plan := plan_for(self, x, base)) is not None:
            with without_autocast(self.m):
                norms = self.kept(base)
            return fused(plan, self, LowRank, x, (self.A, self.B), self.gain(base) if norms is None else self.m, norms)
        y, g = base(x), base.columnwise(self.gain(base))
        without_bias = y if base.bias is None else y - base.columnwise(base.bias)
        change = self.scaling * base.low_rank(self.dropout(x), self.A, self.B)
        return add(y, (g - 1) * without_bias + g * change)


def derive(adapters: Iterable[DoRA]) -> None:
    """What adapters on identities keep between steps, in one batch for those of equal sizes."""
    groups = defaultdict[object, list[DoRA]](list)
    for phi in adapters:
        if phi.detach_norm and phi.is_plain:
            groups[phi.A.shape, phi.scaling, phi.A.device, *(p.dtype for p in phi.parameters())].append(phi)
    for group in groups.values():
        with torch.no_grad():
            a, b, m = (torch.stack(p) for p in zip(*((phi.A, phi.B, phi.m) for phi in group), strict=True))
            norms = above_zero(side_norms(a, b, group[0].scaling), m.dtype)
            kept = torch.stack([norms, m / norms], dim=1)
        for i, phi in enumerate(group):
            phi.derived("norms", partial(torch.select, kept, 0, i), phi.scaling, (phi.A, phi.B, phi.m), None)


def side_norms(a: Tensor, b: Tensor, s: float) -> Tensor:
    """‖e_j + s A b_j‖² = 1 + 2s ⟨a_j, b_j⟩ + s² b_jᵀ(AᵀA)b_j of a batch, in float64 since it cancels; its roots."""
    a, b = a.double(), b.double()
    change = torch.baddbmm(a.mT, a.mT @ a, b, beta=2 * s, alpha=s * s)
    return ((change * b).sum(1) + 1).clamp_min(0).sqrt()


def above_zero(norms: Tensor, dtype: torch.dtype) -> Tensor:
    """Rounded, and no zero that a magnitude would be divided by."""
    return norms.to(dtype).clamp_min(torch.finfo(dtype).tiny)


def _times(v: Tensor, g: Tensor) -> Tensor:
    """V diag(g), in V's memory where no gradient needs V."""
    return v * g if torch.is_grad_enabled() else v.mul_(g)


def squares(w: Tensor) -> Tensor:
    """‖W_j‖² of the rows of Wᵀ, in float64."""
    wide = torch.promote_types(w.dtype, torch.float32)
    rows = max(1, BLOCK // w.shape[1])
    pieces = (w[i : i + rows].to(wide) for i in range(0, len(w), rows))
    return torch.cat([torch.linalg.vector_norm(piece, dim=1) for piece in pieces]).double().square_()


def norms_beside(w: Tensor, own: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
    """‖W_j + s A b_j‖ in float64 from the rows of Wᵀ and their ``squares``: one reading of W, nothing of its size."""
    wide = torch.promote_types(w.dtype, a.dtype)
    a, b, rows = a.to(wide), b.to(wide), len(w) if w.dtype == wide else max(1, BLOCK // w.shape[1])
    at = a.mT.contiguous()
    change = torch.cat([at @ w[i : i + rows].to(wide).mT for i in range(0, len(w), rows)], dim=1)
    found = own + torch.addmm(change, at @ a, b, beta=2 * s, alpha=s * s).mul_(b).sum(0, dtype=torch.float64)
    if len(lost := (found < CANCELS * own).nonzero()[:, 0]):
        found[lost] = (w[lost].double() + s * (a.double() @ b[:, lost].double()).mT).square().sum(1)
    return found.sqrt_()
