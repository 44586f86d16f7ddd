"""LoRA (Hu et al. 2022): Φ(W) = W + s AB, Eq. 1; on an identity, I + s AB, Eq. 3."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.families.family import Additive, Family, Spec, fill
from ioadapt_theory.adapters.fast.autograd import fused, is_eager
from ioadapt_theory.adapters.fast.products import LowRank

LIGHT = 1 / 12
"""Rank for each feature up to which thin products cost less than the gradient of a whole matrix."""
FOLD = 16
"""Entries of W and of X that are read and written in about the same time, r / FOLD of the former for one rank."""


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

    def is_heavy(self, placement: str) -> bool:
        """By its rank."""
        del placement
        return is_high(self)

    def builds(self, base: Base) -> bool:
        """Never."""
        del base
        return False

    def at_once(self, x: Tensor, placed: Any) -> Tensor | None:
        """As of any family; and where it is cheaper, with the matrix taken into a factor beside it.

        X(I + AB)W = XW + XA(BW) needs no gradient of X, XW(I + AB) = XW + X(WA)B no XW: they are LoRA on W.
        """
        if (y := super().at_once(x, placed)) is not None:
            return y
        f, placement = placed.f, placed.placement
        if placement == "weight" or not is_eager(x) or not self.folds(x, f.channels, f.columns, placement):
            return None
        plan = None if placement == "output" and self.drops else self.plan_for(x, f)
        if plan is None or (w := plan.w) is None:
            return None
        if placement == "input":
            return fused(plan, self, LowRank, x, (self.A, linear(self.B.to(plan.dtype), w)))
        if plan.bias is not None:
            plan = plan._replace(bias=plan.bias + self.scaling * (plan.bias @ self.A @ self.B).to(plan.dtype))
        return fused(plan, self, LowRank, x, ((self.A.mT.to(plan.dtype) @ w).mT, self.B))

    def folds(self, x: Tensor, c: int, d: int, placement: str) -> bool:
        """Whether two thin products with W cost less than passes over X, or than a gradient that X does not need."""
        n, r = x.numel() // c, self.spec.rank
        if placement == "input" and torch.is_grad_enabled() and not x.requires_grad:
            return n > 2 * r
        return FOLD * n > r * max(c, d) and x.numel() >= 1 << 18

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


def is_high(phi: Family) -> bool:
    """Whether the rank is so high that AB is better built."""
    return phi.spec.rank >= LIGHT * min(phi.size[:2])


def init_low_rank(a: nn.Parameter, b: nn.Parameter, spec: Spec) -> None:
    """B is zero, so that AB is; A is uniform in ±1/√rows as in the reference code, or N(0, 1/r²)."""
    if a.is_meta:  # of a file's header, or a model without numbers yet
        return
    if spec.init == "gaussian":
        fill(a, 1 / spec.rank)
    else:
        nn.init.uniform_(a, -1 / math.sqrt(a.shape[0]), 1 / math.sqrt(a.shape[0]))
    fill(b, 1 / math.sqrt(spec.rank) if spec.init == "random" else 0)
