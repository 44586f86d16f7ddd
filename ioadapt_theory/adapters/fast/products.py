"""Products with the families' Δ, there and back: what ``autograd`` adds to a layer's own.

Samples are rows. Each kind can ``add`` s DΔ to Z, which gives V, and thin matrices that help on the way back; and
``pull`` back: with those or without it gives T and M, where s T Mᵀ is the gradient of D, and those of the factors.
What is written in place here is fresh, so that autograd can follow every line of it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import THIN

Added = tuple[Tensor, Sequence[Tensor]]
Pulled = tuple[Tensor, Tensor, Sequence[Tensor]]
BLOCK = 1 << 17
"""Entries that a core's cache holds."""


class LowRank:
    """Δ = AB."""

    @staticmethod
    def add(z: Tensor, d: Tensor, s: float, a: Tensor, b: Tensor, into: Tensor | None = None) -> Added:
        """Z + s (DA)B."""
        u = thin(d, a)
        return torch.addmm(z, u, b, alpha=s, out=into), (u,)

    @staticmethod
    def pull(gv: Tensor, d: Tensor, s: float, kept: Sequence[Tensor], a: Tensor, b: Tensor) -> Pulled:
        """GV Bᵀ, A."""
        (u,) = kept or (thin(d, a),)
        gu = thin(gv, b.mT)
        ga = (gu.mT @ d).mT if gu.mT.is_contiguous() else d.mT @ gu
        return gu, a, (_scaled(ga, s), _scaled(u.mT @ gv, s))


class Kronecker:
    """Δ = C ⊗ D by reshapes: a row as m1 x m2 becomes Cᵀ x D."""

    @staticmethod
    def add(z: Tensor, x: Tensor, s: float, c: Tensor, d: Tensor, into: Tensor | None = None) -> Added:
        """Z + s X(C ⊗ D)."""
        (m1, n1), n2 = c.shape, d.shape[1]
        xd, cs = (x.reshape(-1, d.shape[0]) @ d).view(-1, m1, n2), packed(c.mT).expand(len(z), n1, m1)
        v = torch.empty_like(z) if into is None else into
        torch.baddbmm(z.view(-1, n1, n2), cs, xd, alpha=s, out=v.view(-1, n1, n2))
        return v, ()

    @staticmethod
    def pull(gv: Tensor, x: Tensor, s: float, kept: Sequence[Tensor], c: Tensor, d: Tensor) -> Pulled:
        """(C GV) as rows of D's length, D; X D is made again, since it is as large as X."""
        del kept
        (m1, n1), (m2, n2) = c.shape, d.shape
        x, gv = x.reshape(-1, m2), gv.reshape(-1, n1, n2)
        gc = torch.bmm((x @ d).view(-1, m1, n2), gv.mT).sum(0)
        gt = torch.bmm(c.expand(len(gv), m1, n1), gv).view(-1, n2)
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


def ungained(
    gy: Tensor, z: Tensor, g: Tensor, w: Tensor | None, out: Tensor | None, more: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Of Y = Z diag(g), Z = XW, the gradient of g, and in ``out``, if any, that of X: GY maybe, where there is no W.

    By blocks of rows: what is between is as large as one of them. The products of two ``more`` matrices count, too.
    """
    n, rows = len(gy), max(512, BLOCK // gy.shape[1]) if gy.is_cpu else max(1, len(gy))
    extra = 0 if more is None else len(more[0])
    products, parts = gy.new_empty(min(n, rows) + extra, gy.shape[1]), []
    for i in range(0, max(1, n), rows):
        part = gy[i : i + rows]
        end = len(part)
        torch.mul(part, z[i : i + rows], out=products[:end])
        if more is not None and i + rows >= n:
            torch.mul(*more, out=products[end : end + extra])
            end += extra
        parts.append(products[:end].sum(0, dtype=g.dtype))
        if out is not None and w is None:
            gained(part, g, out[i : i + rows])
        elif out is not None:
            torch.mm(gained(part, g), w, out=out[i : i + rows])  # type: ignore[arg-type]
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)


def _scaled(m: Tensor, s: float) -> Tensor:
    return m if s == 1 else m.mul_(s)
