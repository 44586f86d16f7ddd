"""Eqs. 4a-4c on a frozen linear layer, forward and back without autograd, in as few passes over memory as they take.

Each keeps x, or what f makes of it, for the way back and O(n r) numbers more; with a gain on what f gives also what it
multiplies. Temporaries live in ``scratch``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

from ioadapt_theory.adapters.fast.products import gained, scratch

Gradients = tuple[Tensor | None, ...]


class Job(NamedTuple):
    """What a step computes with.

    Attributes:
        kind: knows products with Δ (see ``kernels``).
        s: the factor on Δ.
        w: Wᵀ as nn.Linear stores it, d x c; None for an identity.
        bias: of the layer, d; the way back does not need it.
        g: gains of the columns, or None.
        p: the factors of Δ.
    """

    kind: Any
    s: float
    w: Any
    bias: Tensor | None
    g: Tensor | None
    p: Sequence[Tensor]


class Step(Protocol):
    """A function of X (n x c) and of g and p in a job."""

    @staticmethod
    def forward(job: Job, x: Tensor, keep: bool) -> tuple[Tensor, Sequence[Tensor]]:
        """Y, and what the way back needs, as far as ``keep``."""

    @staticmethod
    def backward(
        job: Job, gy: Tensor, kept: Sequence[Tensor], wanted: bool, gx: Tensor | None = None
    ) -> tuple[Tensor | None, Gradients]:
        """The gradient of X, if ``wanted``, added to ``gx`` if there is one; those of g and of the factors."""


class OnWeight(Step):
    """Eq. 4a: Y = Z diag(g) + b with Z = XW + s XΔ."""

    @staticmethod
    def forward(job: Job, x: Tensor, keep: bool) -> tuple[Tensor, Sequence[Tensor]]:  # noqa: D102
        z = linear(x, job.w, job.bias if job.g is None else None)
        kept = job.kind.add(z, x, job.s, *job.p)
        if job.g is None:
            return z, (x, *kept)
        y = gained(z, job.g, None if keep else z)
        return y if job.bias is None else y.add_(job.bias), (x, z, *kept)

    @staticmethod
    def backward(  # noqa: D102
        job: Job, gy: Tensor, kept: Sequence[Tensor], wanted: bool, gx: Tensor | None = None
    ) -> tuple[Tensor | None, Gradients]:
        x, *kept = kept
        gg = None
        if job.g is not None:
            z, *kept = kept
            room = scratch(gy)
            gg = torch.mul(gy, z, out=room).sum(0, dtype=job.g.dtype)
            gy = gained(gy, job.g, room)
        gx = _through(gy, job.w, wanted, gx)
        return gx, (gg, *job.kind.pull(gx, gy, x, job.s, kept, *job.p))


class OnInput(Step):
    """Eq. 4b: Y = ((X + s XΔ) diag(g)) W + b."""

    @staticmethod
    def forward(job: Job, x: Tensor, keep: bool) -> tuple[Tensor, Sequence[Tensor]]:  # noqa: D102
        adapted, kept = _side(job, x, scratch(x))
        return linear(adapted, job.w, job.bias), (x, *kept)

    @staticmethod
    def backward(  # noqa: D102
        job: Job, gy: Tensor, kept: Sequence[Tensor], wanted: bool, gx: Tensor | None = None
    ) -> tuple[Tensor | None, Gradients]:
        del wanted  # the parameters' gradients are made from it
        x, *kept = kept
        own = gy @ job.w
        gradients = _side_back(job, own, x, kept, own)
        return own if gx is None else gx.add_(own), gradients


class OnOutput(Step):
    """Eq. 4c: Y = (Z + s ZΔ) diag(g) with Z = XW + b; without W, Z is X: an identity."""

    @staticmethod
    def forward(job: Job, x: Tensor, keep: bool) -> tuple[Tensor, Sequence[Tensor]]:  # noqa: D102
        z = x if job.w is None else linear(x, job.w, job.bias)
        y, kept = _side(job, z, torch.empty_like(z))
        return y, (z, *kept)

    @staticmethod
    def backward(  # noqa: D102
        job: Job, gy: Tensor, kept: Sequence[Tensor], wanted: bool, gx: Tensor | None = None
    ) -> tuple[Tensor | None, Gradients]:
        z, *kept = kept
        gz = torch.empty_like(z) if job.w is None else scratch(z)
        gradients = _side_back(job, gy, z, kept, gz)
        return gz if job.w is None else _through(gz, job.w, wanted, gx), gradients


class OnBuilt(Step):
    """Eq. 4a with Δ = M₁ ∘ M₂ built, into the weight where there is one, and never kept."""

    @staticmethod
    def forward(job: Job, x: Tensor, keep: bool) -> tuple[Tensor, Sequence[Tensor]]:  # noqa: D102
        m1, m2 = job.kind.halves(*job.p)
        if job.w is None:
            return torch.addmm(x, x, m1.mul_(m2).mT, alpha=job.s), (x,)
        return linear(x, torch.addcmul(job.w, m1, m2, value=job.s, out=m1), job.bias), (x,)

    @staticmethod
    def backward(  # noqa: D102
        job: Job, gy: Tensor, kept: Sequence[Tensor], wanted: bool, gx: Tensor | None = None
    ) -> tuple[Tensor | None, Gradients]:
        (x,) = kept
        m1, m2 = job.kind.halves(*job.p)
        if wanted and job.w is None:
            gx = torch.addmm(gy, gy, m1 * m2, alpha=job.s)
        elif wanted:
            gx = _through(gy, torch.addcmul(job.w, m1, m2, value=job.s), wanted, gx)
        return gx, (None, *job.kind.spread((gy.mT @ x).mul_(job.s), m1, m2, *job.p))


def at(placement: str, w: Tensor | None) -> type[Step]:
    """The one of Eqs. 4a-4c; on an identity they are the same."""
    if w is None:
        return OnOutput
    return {"weight": OnWeight, "input": OnInput, "output": OnOutput}[placement]


def _through(gy: Tensor, w: Tensor, wanted: bool, gx: Tensor | None) -> Tensor | None:
    """GX + GY Wᵀ."""
    if not wanted:
        return None
    return gy @ w if gx is None else gx.addmm_(gy, w)


def _side(job: Job, x: Tensor, out: Tensor) -> tuple[Tensor, Any]:
    """(X + s XΔ) diag(g), and what the way back needs of it."""
    out.copy_(x)
    kept = job.kind.add(out, x, job.s, *job.p)
    return out if job.g is None else gained(out, job.g, out), kept


def _side_back(job: Job, gy: Tensor, x: Tensor, kept: Sequence[Tensor], out: Tensor) -> Gradients:
    """The gradients of g and the factors; that of X goes to ``out``, which may be GY itself."""
    if job.g is None:
        if out is not gy:
            out.copy_(gy)
        return None, *job.kind.pull(out, out, x, job.s, kept, *job.p)
    gg, gb = job.kind.gain(gy, x, job.s, kept, job.p[1], job.g, scratch(x) if out is gy else out)
    gained(gy, job.g, out)
    return gg, *job.kind.pull(out, out, x, job.s, kept, *job.p, gb)
