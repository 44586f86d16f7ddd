"""LoKr (Yeh et al. 2023): Δ = C ⊗ D, with D = AB of low rank where that is smaller."""

import math

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill, joined, parameter, parts
from ioadapt_theory.adapters.fast.products import Kronecker


class LoKr(Additive):
    """Kronecker product; C is m1 x n1, D (m2 x n2) is kept whole, or as A (m2 x r) and B (r x n2) when r < max/2."""

    kind = Kronecker

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        taps = base.rows // base.channels
        (m1, m2), (n1, n2) = split(base.channels, spec.factor), split(base.columns, spec.factor)
        m2 *= taps
        self.low_rank = spec.rank < max(m2, n2) / 2
        self.C = parameter(base, spec, m1, n1)
        fill(self.C, 1 / math.sqrt(m1))
        last = 1 if spec.init == "random" else 0
        if self.low_rank:
            self.A = parameter(base, spec, m2, spec.rank)
            self.B = parameter(base, spec, spec.rank, n2)
            fill(self.A, 1 / math.sqrt(m2))
            fill(self.B, last / math.sqrt(spec.rank))
        else:
            self.D = parameter(base, spec, m2, n2)
            fill(self.D, last / math.sqrt(m2))
            self.scaling = 1.0  # alpha / rank belongs to the low-rank factors, as in the reference code

    def small(self) -> Tensor:
        """D, m2 x n2."""
        return self.A @ self.B if self.low_rank else self.D

    def factors(self) -> tuple[Tensor, ...]:
        """C, D."""
        return self.C, self.small()

    def is_heavy(self, placement: str) -> bool:
        """Never: the factors are small."""
        del placement
        return False

    def delta(self, base: Base) -> Tensor:
        """C ⊗ D."""
        del base
        return torch.kron(self.C, self.small())

    def update(self, x: Tensor, base: Base) -> Tensor:
        """x(C ⊗ D): reshape x to m1 x m2, then Cᵀ x D; a convolution needs the product as its kernel."""
        if not base.pointwise:
            return super().update(x, base)
        x = x.to(self.C.dtype).movedim(base.axis, -1)
        x = x.unflatten(-1, (self.C.shape[0], -1))  # type: ignore[no-untyped-call]
        x = x @ self.A @ self.B if self.low_rank else x @ self.D
        return (self.C.mT @ x).flatten(-2).movedim(-1, base.axis)

    def weight(self, base: Base) -> Tensor:
        """W + s (C ⊗ D), in the memory order of a stored weight."""
        w = self.promote(base.dense())
        c, d = (m.to(w).mT.clone(memory_format=torch.contiguous_format) for m in (self.C, self.small()))
        delta = torch.kron(c, d)
        return torch.add(w.mT, delta, alpha=self.scaling, out=None if torch.is_grad_enabled() else delta).mT

    def left(self, w: Tensor, base: Base) -> Tensor:
        """W + s (C ⊗ D)W: reshape W's columns to n1 x n2, then D and C from the left."""
        del base
        c, d = self.C.to(w), self.small().to(w)
        changes = (torch.tensordot(c, d @ v.reshape(c.shape[1], -1, v.shape[1]), 1).flatten(0, 1) for v in parts(w, 1))
        pieces = (torch.add(v, change, alpha=self.scaling) for v, change in zip(parts(w, 1), changes, strict=True))
        return joined(pieces, w, 1)


def split(n: int, factor: int = -1) -> tuple[int, int]:
    """(m, n/m) with m ≤ n/m the largest divisor of n up to √n and, if given, up to ``factor`` (LyCORIS's rule)."""
    if factor > 0 and n % factor == 0:
        return min(factor, n // factor), max(factor, n // factor)
    limit = math.isqrt(n) if factor < 1 else min(factor, math.isqrt(n))
    m = next(m for m in range(limit, 0, -1) if n % m == 0)
    return m, n // m
