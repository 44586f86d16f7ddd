"""Products with the families' Δ, forward and back, without autograd: what ``steps`` are made of.

Matrices have samples as rows; nn.Linear's stored weight is w = Wᵀ (d x c).
"""

import threading
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import THIN

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
            room = _rooms.room = torch.empty(size, dtype=torch.uint8, device="cpu")
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
        return Known.add(y, x, s, thin(x, a), b)

    @staticmethod
    def pull(
        gx: Tensor | None, gy: Tensor, x: Tensor, s: float, kept: Tensors, a: Tensor, b: Tensor, gb: Any = None
    ) -> Tensors:
        """GX += s GY BᵀAᵀ in place, where GX may be GY itself; returns the gradients of A and B."""
        gu, gb = Known.pull(gx, gy, x, s, kept, a, b, gb)
        return lift(gx, gu, x, a), gb

    @staticmethod
    def gain(gy: Tensor, x: Tensor, s: float, kept: Tensors, b: Tensor, g: Tensor, out: Tensor) -> Tensors:
        """Of Y = (X + s XAB) diag(g): the gradients of g, Σₙ GY ∘ (X + s XAB), and of B; ``out`` is overwritten."""
        ug = _scaled(kept[0].mT @ gy, s)
        gg = torch.mul(gy, x, out=out).sum(0, dtype=g.dtype)
        return gg.add_((ug * b).sum(0)), ug * g.to(ug.dtype)


class Known(LowRank):
    """Δ = AB where U = XA is known and takes the place of A."""

    @staticmethod
    def add(y: Tensor, x: Tensor, s: float, u: Tensor, b: Tensor) -> Tensors:
        """Y += s UB in place."""
        del x
        y.addmm_(u, b, alpha=s)
        return (u,)

    @staticmethod
    def pull(
        gx: Tensor | None, gy: Tensor, x: Tensor, s: float, kept: Tensors, u: Tensor, b: Tensor, gb: Any = None
    ) -> Tensors:
        """The gradients of U and B; that of X through U is for ``lift``."""
        del gx, x, u
        return _scaled(thin(gy, b.mT), s), _scaled(kept[0].mT @ gy, s) if gb is None else gb


def thin(x: Tensor, a: Tensor) -> Tensor:
    """U = XA for a thin A; transposed, on a CPU two to three times faster, where A is very thin or X very long."""
    n, r = len(x), a.shape[1]
    return (a.mT.contiguous() @ x.mT).mT if x.is_cpu and (r < THIN or n > 64 * r) else x @ a


def lift(gx: Tensor | None, gu: Tensor, x: Tensor, a: Tensor) -> Tensor:
    """GX += GU Aᵀ in place; returns the gradient of A."""
    ga = (gu.mT @ x).mT if gu.mT.is_contiguous() else x.mT @ gu
    if gx is not None:
        gx.addmm_(gu, a.mT.contiguous())
    return ga


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


class Hadamard:
    """Δ = (A₁B₁) ∘ (A₂B₂), of rank r²."""

    @staticmethod
    def halves(a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensors:
        """(A₁B₁)ᵀ and (A₂B₂)ᵀ, in the memory order of nn.Linear's weight."""
        return b1.mT @ a1.mT, b2.mT @ a2.mT

    @staticmethod
    def spread(gm: Tensor, m1: Tensor, m2: Tensor, a1: Tensor, b1: Tensor, a2: Tensor, b2: Tensor) -> Tensors:
        """From the gradient of Δᵀ and the two halves, which are overwritten, those of A₁, B₁, A₂, B₂."""
        m1.mul_(gm)
        m2.mul_(gm)
        return (b1 @ m2).mT, (m2 @ a1).mT, (b2 @ m1).mT, (m1 @ a2).mT


def _scaled(m: Tensor, s: float) -> Tensor:
    return m if s == 1 else m.mul_(s)
