"""DoRA (Liu et al. 2024): Φ(W)_j = m_j V_j / ‖V_j‖ with V = W + s AB; ‖V_j‖ from W A, kept between steps."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.cache import Derived, is_eager, may_keep, without_autocast
from ioadapt_theory.adapters.families.family import Family, Spec
from ioadapt_theory.adapters.families.lora import LoRA, init_low_rank
from ioadapt_theory.adapters.matrices import Plain

BLOCK = 1 << 18
"""Entries of a weight in another dtype that are converted at a time: 1 MB in float32, which stays in a core's cache."""
CANCELS = 0.1
"""Fraction of ‖W_j‖² below which a column is computed directly, since ‖W_j‖² + 2s ⟨W_j, Ab_j⟩ + ... cancels."""


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
        """Return V = W + s AB."""
        w = self.promote(base.dense())
        return torch.addmm(w.mT, self.B.to(w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def norms(self, base: Base) -> Tensor:
        """Return ‖V_j‖, above 0; cached as a constant unless its gradient is needed."""
        constant = self.detach_norm or not torch.is_grad_enabled()
        if not constant:
            return self._norms(base)
        if not (self.is_plain and isinstance(base, Identity | Plain)):
            with torch.no_grad():
                return self._norms(base).detach()  # which stops the tangents of forward mode too
        w = base.module.weight if isinstance(base, Plain) else None
        weight = w if self.A.is_cpu else None
        return self.derived("norms", lambda: self._norms(base, weight), self.scaling, (self.A, self.B), w)

    @property
    def is_plain(self) -> bool:
        """Whether the factors are plain tensors, not sharded or traced, so that derived values may be cached."""
        return may_keep(self.A) and is_eager(self.A) and self.A.ndim == 2  # a shard of FSDP1 has one axis

    def _norms(self, base: Base, weight: Tensor | None = None) -> Tensor:
        """Compute ‖V_j‖ by definition; given a weight, from W A and ‖W_j‖, which is cached while W is unchanged."""
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
        """Return m_j / ‖V_j‖, 0 for a column of zeros whose magnitude is zero."""
        with without_autocast(self.m):
            return self.m / self.norms(base)

    def weight(self, base: Base) -> Tensor:
        """Return V diag(m / ‖V‖)."""
        return self.direction(base) * self.gain(base)

    def left(self, w: Tensor, base: Base) -> Tensor:
        """Return (I + s AB) diag(g) W, in the memory order of a stored weight."""
        g, b = self.gain(base).to(w), self.B.to(w)
        return (w.mT * g).addmm_(((b * g) @ w).mT, self.A.to(w).mT, alpha=self.scaling).mT

    def right(self, w: Tensor, base: Base) -> Tensor:
        """Return (W + s (WA)B) diag(g), in the memory order of a stored weight."""
        v = torch.addmm(w.mT, self.B.to(w).mT, (w @ self.A.to(w)).mT, alpha=self.scaling).mT
        return v * self.gain(base).to(w)

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """Return (f(x) + s xAB) diag(g) + bias diag(1 - g), g = m/‖V‖, which does not scale the bias."""
        y, g = base(x), base.columnwise(self.gain(base))
        v = base.plus_low_rank(y, self.dropout(x), self.A, self.B, self.scaling)
        if base.bias is None:
            return (v * g).to(y.dtype)
        return torch.addcmul(base.columnwise(base.bias) * (1 - g), v, g).to(y.dtype)


def derive(adapters: Iterable[DoRA]) -> None:
    """Compute and cache the norms of adapters on identities, in one batch for equal sizes."""
    groups = defaultdict[object, list[DoRA]](list)
    for phi in adapters:
        if phi.detach_norm and phi.is_plain:
            groups[phi.A.shape, phi.scaling, phi.A.device, *(p.dtype for p in phi.parameters())].append(phi)
    for group in groups.values():
        with torch.no_grad():
            a, b = (torch.stack(p) for p in zip(*((phi.A, phi.B) for phi in group), strict=True))
            norms = above_zero(side_norms(a, b, group[0].scaling), group[0].m.dtype)
        for i, phi in enumerate(group):
            phi.derived("norms", partial(torch.select, norms, 0, i), phi.scaling, (phi.A, phi.B), None)


def side_norms(a: Tensor, b: Tensor, s: float) -> Tensor:
    """Return ‖e_j + s A b_j‖, the root of 1 + 2s ⟨a_j, b_j⟩ + s² b_jᵀ(AᵀA)b_j, in float64 since terms cancel."""
    a, b = a.double(), b.double()
    change = torch.baddbmm(a.mT, a.mT @ a, b, beta=2 * s, alpha=s * s)
    return ((change * b).sum(1) + 1).clamp_min(0).sqrt()


def above_zero(norms: Tensor, dtype: torch.dtype) -> Tensor:
    """Return norms in a dtype, at least its smallest positive number."""
    return norms.to(dtype).clamp_min(torch.finfo(dtype).tiny)


def squares(w: Tensor) -> Tensor:
    """Return ‖W_j‖² of the rows of Wᵀ, in float64."""
    wide = torch.promote_types(w.dtype, torch.float32)
    rows = max(1, BLOCK // w.shape[1])
    pieces = (w[i : i + rows].to(wide) for i in range(0, len(w), rows))
    return torch.cat([torch.linalg.vector_norm(piece, dim=1) for piece in pieces]).double().square_()


def norms_beside(w: Tensor, own: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
    """Return ‖W_j + s A b_j‖ in float64 from the rows of Wᵀ and their ``squares``, reading W once."""
    wide = torch.promote_types(w.dtype, a.dtype)
    a, b, rows = a.to(wide), b.to(wide), len(w) if w.dtype == wide else max(1, BLOCK // w.shape[1])
    at = a.mT.contiguous()
    change = torch.cat([at @ w[i : i + rows].to(wide).mT for i in range(0, len(w), rows)], dim=1)
    norms = own + torch.addmm(change, at @ a, b, beta=2 * s, alpha=s * s).mul_(b).sum(0, dtype=torch.float64)
    if len(lost := (norms < CANCELS * own).nonzero()[:, 0]):
        norms[lost] = (w[lost].double() + s * (a.double() @ b[:, lost].double()).mT).square().sum(1)
    return norms.sqrt_()
