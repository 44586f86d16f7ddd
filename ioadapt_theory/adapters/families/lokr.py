"""LoKr (Yeh et al. 2023): Δ = C ⊗ D, where D is a low-rank product AB if the rank is small."""

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, SizesAlone
from ioadapt_theory.adapters.families.family import Additive, Family, Ranges, Shapes, Size, Spec, fill, is_count, picked
from ioadapt_theory.adapters.families.full import Full


class LoKr(Additive):
    """A Kronecker product of C (m1 x n1) and D (m2 x n2); a new LoKr has D = AB of rank r if r < max(m2, n2) / 2."""

    options: ClassVar = {
        "factor": (
            "a positive whole number, or -1 for the most nearly square split",
            lambda v: is_count(v) or (type(v) is int and v == -1),
        )
    }
    C: nn.Parameter
    A: nn.Parameter
    B: nn.Parameter
    D: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self._settle()
        fill(self.C, 1 / math.sqrt(self.C.shape[0]))
        last = 1 if spec.init == "random" else 0
        if self.low_rank:
            fill(self.A, 1 / math.sqrt(self.A.shape[0]))
            fill(self.B, last / math.sqrt(spec.rank))
        else:
            fill(self.D, last / math.sqrt(self.D.shape[0]))

    def _settle(self) -> None:
        self.low_rank = "D" not in self._parameters
        self.scaling = self.spec.scaling if self.low_rank else 1.0  # as in LyCORIS

    @property
    def rank(self) -> int | None:
        """The rank r of D = AB, or None if D is stored in full."""
        return self.spec.rank if self.low_rank else None

    @classmethod
    def shapes(cls, size: Size, spec: Spec, given: Shapes | None = None) -> dict[str, tuple[int, ...]]:
        """Return the shapes of C and of A and B (or D); ``given``, the shapes in a file, decides if several fit."""
        rows, columns, channels = size
        (m1, _), (n1, _) = split(channels, spec.factor), split(columns, spec.factor)
        small = given.get("C", ()) if given else ()
        if len(small) == 2 and all(small) and channels % small[0] == columns % small[1] == 0:
            m1, n1 = small
        m2, n2 = rows // m1, columns // n1
        whole = "D" in given if given else spec.rank >= max(m2, n2) / 2
        return {"C": (m1, n1), **({"D": (m2, n2)} if whole else {"A": (m2, spec.rank), "B": (spec.rank, n2)})}

    def take(self, parameters: Mapping[str, Tensor]) -> Self:
        """Replace the parameters (C and D, or C, A and B), and the scaling that depends on them; return self."""
        super().take(parameters)
        self._settle()
        return self

    def cut(self, ranges: Ranges) -> Family:
        """Return a LoKr for these ranges of columns, or a ``Full`` if one starts or ends inside a block of C ⊗ D."""
        block = self.size[1] // self.C.shape[1]
        if any(end % block for edges in ranges for end in edges):
            delta = self.scaling * self.delta(SizesAlone(*self.size)).detach()
            rows, _, channels = self.size
            cut = picked(delta, ranges)
            return Full(SizesAlone(rows, cut.shape[1], channels), Spec()).take({"Delta": cut})
        held = {name: p.detach() for name, p in self.named_parameters()}
        held["C"] = picked(held["C"], [(start // block, stop // block) for start, stop in ranges])
        return self.resized(ranges, held)

    def small(self) -> Tensor:
        """Return D, which is AB if it has low rank."""
        return self.A @ self.B if self.low_rank else self.D

    def delta(self, base: Base) -> Tensor:
        """Return C ⊗ D, with the strides of ``nn.Linear.weight.mT``."""
        del base
        c, d = (m.mT.clone(memory_format=torch.contiguous_format) for m in (self.C, self.small()))
        return torch.kron(c, d).mT

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """Return f(x) + s x(C ⊗ D), computed as CᵀXD with x reshaped to X (m1 x m2), except for convolutions."""
        if not base.pointwise:
            return super().forward(x, base)
        y, c, d = base(x), self.C, self.small()
        x = self.dropout(x).to(c.dtype).movedim(base.axis, -1)
        (m1, n1), n2 = c.shape, d.shape[1]
        xd = x.unflatten(-1, (m1, -1)) @ d  # type: ignore[no-untyped-call]
        if base.axis == -1 and y.dtype == xd.dtype:
            rows, xd = y.reshape(-1, n1, n2), xd.reshape(-1, m1, n2)
            ct = c.mT.contiguous().to(xd.dtype).expand(rows.shape[0], n1, m1)
            return torch.baddbmm(rows, ct, xd, alpha=self.scaling).view(y.shape)
        scaled = c if self.scaling == 1 else self.scaling * c
        return (y + (scaled.mT @ xd).flatten(-2).movedim(-1, base.axis)).to(y.dtype)


def split(n: int, factor: int = -1) -> tuple[int, int]:
    """Return (m, n/m) with m ≤ n/m, as in LyCORIS.

    If ``factor`` divides n, it is m or n/m. Otherwise m is the largest divisor of n that is at most √n and, unless
    ``factor`` is -1, at most ``factor``.
    """
    if factor > 0 and n % factor == 0:
        return min(factor, n // factor), max(factor, n // factor)
    limit = math.isqrt(n) if factor < 1 else min(factor, math.isqrt(n))
    m = next(m for m in range(limit, 0, -1) if n % m == 0)
    return m, n // m
