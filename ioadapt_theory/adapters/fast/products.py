"""Products with the families' Δ, there and back: what ``autograd`` adds to a layer's own.

Samples are rows. Each kind can ``add`` s DΔ to Y in place, returning thin matrices that help on the way back, and
``pull`` back: with those or without it gives T and M, where s T Mᵀ is the gradient of D, and those of the factors.
What is written in place here is fresh, so that autograd can follow every line of it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import THIN

Tensors = tuple[Tensor, ...]
BLOCK = 1 << 17
"""Entries that a core's cache holds."""


class LowRank:
    """Δ = AB."""

    @staticmethod
    def add(y: Tensor, d: Tensor, s: float, a: Tensor, b: Tensor) -> Tensors:
        """Y += s (DA)B."""
        u = thin(d, a)
        y.addmm_(u, b, alpha=s)
        return (u,)

    @staticmethod
    def pull(
        gy: Tensor, d: Tensor, s: float, kept: Sequence[Tensor], a: Tensor, b: Tensor
    ) -> tuple[Tensor, Tensor, Tensors]:
        """GY Bᵀ, A."""
        (u,) = kept or (thin(d, a),)
        gu = thin(gy, b.mT)
        ga = (gu.mT @ d).mT if gu.mT.is_contiguous() else d.mT @ gu
        return gu, a, (_scaled(ga, s), _scaled(u.mT @ gy, s))


class Kronecker:
    """Δ = C ⊗ D by reshapes: a row as m1 x m2 becomes Cᵀ x D."""

    @staticmethod
    def add(y: Tensor, x: Tensor, s: float, c: Tensor, d: Tensor) -> Tensors:
        """Y += s X(C ⊗ D)."""
        (m1, n1), n2 = c.shape, d.shape[1]
        xd = (x.reshape(-1, d.shape[0]) @ d).view(-1, m1, n2)
        y.view(-1, n1, n2).baddbmm_(packed(c.mT).expand(len(y), n1, m1), xd, alpha=s)
        return ()

    @staticmethod
    def pull(
        gy: Tensor, x: Tensor, s: float, kept: Sequence[Tensor], c: Tensor, d: Tensor
    ) -> tuple[Tensor, Tensor, Tensors]:
        """(C GY) as rows of D's length, D; X D is made again, since it is as large as X."""
        del kept
        (m1, n1), (m2, n2) = c.shape, d.shape
        x, gy = x.reshape(-1, m2), gy.reshape(-1, n1, n2)
        gc = torch.bmm((x @ d).view(-1, m1, n2), gy.mT).sum(0)
        gt = torch.bmm(c.expand(len(gy), m1, n1), gy).view(-1, n2)
        return gt, d, (_scaled(gc, s), _scaled(x.mT @ gt, s))


def thin(x: Tensor, a: Tensor) -> Tensor:
    """U = XA for a thin A; transposed, on a CPU two to three times faster, where A is very thin or X very long."""
    n, r = len(x), a.shape[1]
    return (packed(a.mT) @ x.mT).mT if x.is_cpu and (r < THIN or n > 64 * r) else x @ a


def packed(m: Tensor) -> Tensor:
    """A small factor in the order in which a CPU multiplies it faster; elsewhere copying costs more than it saves."""
    return m.contiguous() if m.is_cpu else m


def gained(z: Tensor, g: Tensor, out: Tensor | None = None) -> Tensor:
    """Z diag(g); in half precision as Z + Z diag(g - 1), so that a gain near 1 is not rounded to 1."""
    return torch.mul(z, g, out=out) if g.dtype == z.dtype else torch.addcmul(z, z, (g - 1).to(z.dtype), out=out)


def ungained(gy: Tensor, z: Tensor, g: Tensor, w: Tensor | None, out: Tensor) -> Tensor:
    """Of Y = Z diag(g), Z = XW, the gradient of X in ``out``, and that of g; without W, X is Z and ``out`` may be GY.

    By blocks of rows: what is between is as large as one of them.
    """
    rows = max(512, BLOCK // gy.shape[1]) if gy.is_cpu else max(1, len(gy))
    gg = torch.zeros_like(g)
    for i in range(0, len(gy), rows):
        part, target = gy[i : i + rows], out[i : i + rows]
        gg += (part * z[i : i + rows]).sum(0, dtype=g.dtype)
        if w is None:
            gained(part, g, target)
        else:
            torch.mm(gained(part, g), w, out=target)
    return gg


def _scaled(m: Tensor, s: float) -> Tensor:
    return m if s == 1 else m.mul_(s)
