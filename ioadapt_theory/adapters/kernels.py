"""Products with the families' Δ, forward and back, without autograd: what ``fused`` is made of.

Matrices have samples as rows; nn.Linear's stored weight is w = Wᵀ (d x c).
"""

import threading
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

Tensors = tuple[Tensor, ...]
ROOM = 1 << 26
"""Bytes of scratch that a thread keeps at most."""
_rooms = threading.local()


def scratch(like: Tensor) -> Tensor:
    """An uninitialised tensor of this shape, on a CPU in memory that the next call on this thread uses again.

    Pages fresh from the system cost more than a pass over them. For use within one step of a function, and no longer.
    """
    size = like.numel() * like.element_size()
    if like.device.type != "cpu" or size > ROOM:
        return torch.empty_like(like)
    room: Tensor | None = getattr(_rooms, "room", None)
    if room is None or room.numel() < size:
        with torch.inference_mode(False):
            room = _rooms.room = torch.empty(size, dtype=torch.uint8)
    return room[:size].view(like.dtype).view(like.shape)


def give_back() -> None:
    """Free what ``scratch`` keeps on this thread."""
    _rooms.__dict__.clear()


def gained(z: Tensor, g: Tensor, out: Tensor | None = None) -> Tensor:
    """Z diag(g); in half precision as Z + Z diag(g - 1), so that a gain near 1 is not rounded to 1."""
    if g.dtype == z.dtype:
        return torch.mul(z, g, out=out)
    return torch.addcmul(z, z, (g - 1).to(z.dtype), out=out)


class LowRank:
    """Δ = AB."""

    @staticmethod
    def add(y: Tensor, x: Tensor, s: float, a: Tensor, b: Tensor) -> Tensors:
        """Y += s XAB in place, where X may be Y itself; returns XA for ``pull``."""
        u = _thin(x, a)
        y.addmm_(u, b, alpha=s)
        return (u,)

    @staticmethod
    def pull(
        gx: Tensor | None,
        gy: Tensor,
        x: Tensor,
        s: float,
        kept: Tensors,
        a: Tensor,
        b: Tensor,
        gb: Tensor | None = None,
    ) -> Tensors:
        """GX += s GY BᵀAᵀ in place, where GX may be GY itself; returns the gradients of A and B."""
        (u,) = kept
        gu = _scaled(_thin(gy, b.mT), s)
        ga = (gu.mT @ x).mT if gu.mT.is_contiguous() else x.mT @ gu
        if gb is None:
            gb = _scaled(u.mT @ gy, s)
        if gx is not None:
            gx.addmm_(gu, a.mT.contiguous())
        return ga, gb

    @staticmethod
    def gain(gy: Tensor, x: Tensor, s: float, kept: Tensors, b: Tensor, g: Tensor, out: Tensor) -> Tensors:
        """Of Y = (X + s XAB) diag(g): the gradients of g, Σₙ GY ∘ (X + s XAB), and of B; ``out`` is overwritten."""
        ug = _scaled(kept[0].mT @ gy, s)
        gg = torch.mul(gy, x, out=out).sum(0, dtype=g.dtype)
        return gg.add_((ug * b).sum(0)), ug * g.to(ug.dtype)


class Kronecker:
    """Δ = C ⊗ D by reshapes: x as m1 x m2 becomes Cᵀ x D."""

    @staticmethod
    def add(y: Tensor, x: Tensor, s: float, c: Tensor, d: Tensor) -> Tensors:
        """Y += s X(C ⊗ D) in place."""
        (m1, n1), n2 = c.shape, d.shape[1]
        xd = (x.reshape(-1, d.shape[0]) @ d).view(-1, m1, n2)
        y.view(-1, n1, n2).baddbmm_(c.mT.contiguous().expand(len(y), n1, m1), xd, alpha=s)
        return ()

    @staticmethod
    def pull(gx: Tensor | None, gy: Tensor, x: Tensor, s: float, kept: Tensors, c: Tensor, d: Tensor) -> Tensors:
        """GX += s GY(C ⊗ D)ᵀ in place, where GX may be GY itself; returns the gradients of C and D."""
        del kept
        (m1, n1), (m2, n2) = c.shape, d.shape
        x, gy = x.reshape(-1, m2), gy.reshape(-1, n1, n2)
        gc = torch.bmm((x @ d).view(-1, m1, n2), gy.mT).sum(0).mul_(s)
        gt = torch.bmm(c.expand(len(gy), m1, n1), gy).view(-1, n2)
        gd = (x.mT @ gt).mul_(s)
        if gx is not None:
            gx.view(-1, m2).addmm_(gt, d.mT, alpha=s)
        return gc, gd


class Hadamard(torch.autograd.Function):
    """f(x) + s xΔ, Δ = (A₁B₁) ∘ (A₂B₂) of rank r²: built, but into the weight where there is one, and never kept."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any,
        keep: bool,
        kind: None,
        s: float,
        x: Tensor,
        w: Tensor | None,
        bias: Tensor | None,
        g: None,
        *p: Tensor,
    ) -> Tensor:
        del keep, kind, g  # as ``fused`` passes them to every function
        ctx.s = s
        ctx.save_for_backward(x, w, *p)
        m1, m2 = _products(*p)
        if w is None:
            return torch.addmm(x, x, m1.mul_(m2).mT, alpha=s)
        return linear(x, torch.addcmul(w, m1, m2, value=s, out=m1), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w, *p = ctx.saved_tensors
        a1, b1, a2, b2 = p
        m1, m2 = _products(*p)
        gx = None
        if ctx.needs_input_grad[3] and w is None:
            gx = torch.addmm(gy, gy, m1 * m2, alpha=ctx.s)
        elif ctx.needs_input_grad[3]:
            gx = gy @ torch.addcmul(w, m1, m2, value=ctx.s)
        if not any(ctx.needs_input_grad[7:]):
            return None, None, None, gx, None, None, None, None, None, None, None
        gm = (gy.mT @ x).mul_(ctx.s)
        m2.mul_(gm)
        m1.mul_(gm)
        return None, None, None, gx, None, None, None, (b1 @ m2).mT, (m2 @ a1).mT, (b2 @ m1).mT, (m1 @ a2).mT


def _products(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """(A₁B₁)ᵀ and (A₂B₂)ᵀ, in the memory order of nn.Linear's weight."""
    return b1.mT @ a1.mT, b2.mT @ a2.mT


def _scaled(m: Tensor, s: float) -> Tensor:
    return m if s == 1 else m.mul_(s)


def _thin(x: Tensor, a: Tensor) -> Tensor:
    """X A for a thin A; transposed, on a CPU two to three times faster, where A is very thin or X very long."""
    n, r = len(x), a.shape[1]
    return (a.mT.contiguous() @ x.mT).mT if r < 16 or n > 64 * r else x @ a
