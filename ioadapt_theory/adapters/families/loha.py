"""LoHa (Hyeon-Woo et al. 2021, FedPara): Δ = (A₁B₁) ∘ (A₂B₂), of rank up to r²."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill, joined, parts
from ioadapt_theory.adapters.fast.autograd import is_eager, like_rows, plan_for, without_autocast

PIECE = 1 << 20
"""Entries of Δ that are built at a time: small enough for malloc to keep their pages, which cost more than a pass."""


class LoHa(Additive):
    """Hadamard product of two low-rank products; A's are rows x r, B's r x columns."""

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
        """(A₁B₁) ∘ (A₂B₂)."""
        del base
        return (self.A1 @ self.B1) * (self.A2 @ self.B2)

    def is_heavy(self, placement: str) -> bool:
        """On the weight Δ is built in any case."""
        return placement != "weight"

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """As of any additive family; without dropout by one product with W + s Δ."""
        if is_eager(x) and not self.drops and (plan := plan_for(self, x, base)) is not None:
            factors = (p.to(plan.dtype) for p in (self.A1, self.B1, self.A2, self.B2))
            apply: Any = Built.apply
            return like_rows(apply(self.scaling, plan.rows(x), plan.w, plan.bias, *factors), x)
        return super().forward(x, base)

    def weight(self, base: Base) -> Tensor:
        """W + s Δ, in the memory order of a stored weight, building Δ some columns at a time."""
        w = self.promote(base.dense())
        a1, a2 = self.A1.to(w), self.A2.to(w)
        pieces = zip(parts(w, 1), parts(self.B1.to(w), 1), parts(self.B2.to(w), 1), strict=True)
        built = (torch.addcmul(v.mT, b1.mT @ a1.mT, b2.mT @ a2.mT, value=self.scaling).mT for v, b1, b2 in pieces)
        return joined(built, w, 1)

    def left(self, w: Tensor, base: Base) -> Tensor:
        """W + s ΔW, building Δ some rows at a time."""
        del base
        b1, b2 = self.B1.to(w), self.B2.to(w)
        pieces = zip(parts(w), parts(self.A1.to(w)), parts(self.A2.to(w)), strict=True)
        return joined(
            (torch.addmm(v.mT, w.mT, ((a1 @ b1) * (a2 @ b2)).mT, alpha=self.scaling).mT for v, a1, a2 in pieces), w
        )

    def right(self, w: Tensor, base: Base) -> Tensor:
        """W + s WΔ, building Δ some columns at a time."""
        del base
        a1, a2 = self.A1.to(w), self.A2.to(w)
        pieces = zip(parts(w, 1), parts(self.B1.to(w), 1), parts(self.B2.to(w), 1), strict=True)
        return joined(
            (torch.addmm(v.mT, ((a1 @ b1) * (a2 @ b2)).mT, w.mT, alpha=self.scaling).mT for v, b1, b2 in pieces), w, 1
        )


class Built(torch.autograd.Function):
    """Y = X(W + s (A₁B₁)∘(A₂B₂)) + b, W None an identity; Δ is built again for the way back, in pieces, never kept."""

    @staticmethod
    def forward(ctx: Any, s: float, x: Tensor, w: Any, bias: Any, *p: Tensor) -> Tensor:  # noqa: D102
        (a1, b1, a2, b2), ctx.s = p, s
        ctx.save_for_backward(x, w, *p)
        m = x.new_empty(b1.shape[1], len(a1))  # as nn.Linear stores W
        for k in pieces(b1.shape[1], len(a1), x):
            m1, m2 = torch.mm(b1.mT[k], a1.mT, out=m[k]), b2.mT[k] @ a2.mT
            m1.mul_(m2) if w is None else torch.addcmul(w[k], m1, m2, value=s, out=m1)
        return torch.addmm(x, x, m.mT, alpha=s) if w is None else linear(x, m, bias)

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        (x, w, a1, b1, a2, b2), s, found = ctx.saved_tensors, ctx.s, []
        with without_autocast(gy):
            for k in pieces(len(a1), b1.shape[1], x):
                m1, m2 = b1.mT @ a1[k].mT, b2.mT @ a2[k].mT
                gx: tuple[Tensor, ...] = ()
                if ctx.needs_input_grad[1]:
                    m = m1 * m2 if w is None else torch.addcmul(w[:, k], m1, m2, value=s)
                    gx = (torch.addmm(gy[:, k], gy, m, alpha=s) if w is None else gy @ m,)
                gm = (gy.mT @ x[:, k]).mul_(s)
                if torch.is_grad_enabled():  # in place only where nobody needs them again
                    m1, m2 = m1 * gm, m2 * gm
                else:
                    m1.mul_(gm), m2.mul_(gm)
                found.append(((b1 @ m2).mT, (m2 @ a1[k]).mT, (b2 @ m1).mT, (m1 @ a2[k]).mT, *gx))
            ga1, gb1, ga2, gb2, *gw = map(whole, zip(*found, strict=True), (0, None, 0, None, 1))
        return None, *(gw or (None,)), None, None, ga1, gb1, ga2, gb2


def pieces(rows: int, columns: int, like: Tensor) -> Iterator[slice]:
    """Rows of a matrix, as many at a time as come nearest below ``PIECE`` entries; elsewhere than on a CPU all."""
    some = -(-rows // -(-max(1, rows * columns) // PIECE)) if like.is_cpu else rows
    return (slice(i, i + some) for i in range(0, max(1, rows), max(1, some)))


def whole(parts: Sequence[Tensor], dim: int | None) -> Tensor:
    """Pieces along an axis, or their sum."""
    if len(parts) == 1:
        return parts[0]
    return torch.stack([*parts]).sum(0) if dim is None else torch.cat([*parts], dim)
