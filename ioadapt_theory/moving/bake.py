"""Conversion of an adapter to a plain LoRA for one base: exact for LoRA adapters, else the nearest of a given rank."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.matrices import Operator
from ioadapt_theory.errors import InvalidValueError, ShapeError, UnsupportedError, require_positive, require_whole


def bake(adapter: Adapter, w: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return (A, B, Δb) such that X(W' + AB) + b + Δb equals the layer XW' + b with this adapter; no SVD is needed.

    The adapter's placements act in turn on a matrix M, which starts as W': "input" gives (I + AB)M, "output" M(I + AB),
    and "weight" M + AB. "input" alone thus gives the LoRA A(BW'), and "output" (W'A)B. Placements of ranks r₁ and r₂
    give rank r₁ + r₂, but at most min(c, d); "input" on a convolution has rank r · taps. The returned B includes the
    scaling. Δb is bAB of "output" plus the scaled ``shift`` of the adapter, or None if there is neither.

    Args:
        adapter: an adapter of the family "lora".
        w: W' of the layer, c x d (a convolution's kernel as (in · taps) x out).
        bias: b of that layer, of length d.

    Raises:
        UnsupportedError: the adapter is not of the family "lora".
        ShapeError: the size of W' does not match the adapter.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers, merge
        >>> from ioadapt_theory.moving.bake import bake
        >>> model = nn.Sequential(nn.Linear(16, 8, bias=False))
        >>> w = model[0].weight.detach().mT.clone()  # c x d, as in the paper
        >>> _ = adapt(model, target_modules=["0"], placement="input", rank=2, init="random")
        >>> a, b, _ = bake(layers(model)["0"].adapters["default"], w)
        >>> a.shape, b.shape
        (torch.Size([16, 2]), torch.Size([2, 8]))
        >>> torch.allclose(w + a @ b, merge(model)[0].base_layer.weight.mT, atol=1e-6)
        True
    """
    if adapter.family != "lora":
        msg = (
            f"A {adapter.family} adapter cannot be written exactly as a plain LoRA; approximate it with"
            " `ioadapt adapters bake --rank R` (or --share F) or, in Python, merge it into the weights."
        )
        raise UnsupportedError(msg)
    w = w.detach().to(torch.promote_types(w.dtype, torch.float32))
    taps = len(w) // layer_for(adapter, w, bias).channels
    p, q, moved = w.new_zeros(w.shape[0], 0), w.new_zeros(0, w.shape[1]), torch.zeros_like(w[0])
    part: Any
    for placement, part in adapter.parts():
        a, b = part.A.detach().to(w), part.scaling * part.B.detach().to(w)
        match placement:
            case Placement.INPUT:
                if taps > 1:  # every tap is mixed in the same way, AB ⊗ I: a LoRA of rank r · taps
                    eye = torch.eye(taps, dtype=w.dtype, device=w.device)
                    a, b = torch.kron(a, eye), torch.kron(b, eye)
                b = b @ w + (b @ p) @ q
            case Placement.OUTPUT:
                if bias is not None:
                    moved = moved + ((bias.detach().to(w) + moved) @ a) @ b
                a = w @ a + p @ (q @ a)
        p, q = torch.cat([p, a], dim=1), torch.cat([q, b])
    if p.shape[1] > min(w.shape):  # more than any matrix of this size needs
        eye = torch.eye(min(w.shape), dtype=w.dtype, device=w.device)
        p, q = (p @ q, eye) if w.shape[1] <= w.shape[0] else (eye, p @ q)
    if adapter.shift is not None:
        moved = moved + part.scaling * adapter.shift.detach().to(w)
    acts = adapter.shift is not None or (bias is not None and Placement.OUTPUT in adapter)
    return p, q, moved if acts else None


class GivenLayer(Operator):
    like: Tensor = torch.empty(0)  # the base class has a property
    bias: Tensor | None = None

    def __init__(self, w: Tensor, bias: Tensor | None, channels: int) -> None:
        super().__init__(nn.Module(), channels, w.shape[1], taps=len(w) // channels)
        self.like, self.bias = w, bias

    def dense(self) -> Tensor:
        return self.like


def layer_for(adapter: Adapter, w: Tensor, bias: Tensor | None) -> GivenLayer:
    channels = next((phi.size[2] for side, phi in adapter.parts() if side is not Placement.OUTPUT), 0)
    f = GivenLayer(w, bias, channels if channels and len(w) % channels == 0 else len(w))
    if (why := adapter.misfit(f)) is not None:
        msg = f"The base weight has shape {[*w.shape]} (inputs, outputs): {why}; give a base that the adapter fits."
        raise ShapeError(msg)
    return f


def change(adapter: Adapter, w: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Return the changes (D, Δb) of W and b by an adapter of any family, in float64; Δb is None if b is unchanged."""
    w, b = w.detach().double(), None if bias is None else bias.detach().double()
    with torch.no_grad():
        layer = adapter.on(layer_for(adapter, w, b))
        moved = layer.bias
        if moved is not None:
            moved = moved.double() if b is None else moved.double() - b
        untouched = moved is None or (b is not None and not moved.any())
        return layer.dense().double() - w, None if untouched else moved


def truncate(
    adapter: Adapter,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    rank: int | None = None,
    share: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor | None, float]:
    """Return (A, B, Δb, lost): AB nearest to the adapter's change D of W', its change of b (or None), and the error."""
    # by a truncated SVD of D (Eckart, Young 1936) or, without rank and share, ``bake``; lost is ‖D − AB‖_F / ‖D‖_F
    if rank is not None and share is not None:
        msg = "Give either a rank or a share of the norm, not both."
        raise InvalidValueError(msg)
    if rank is not None:
        require_whole("rank", rank, 1)
    if share is not None:
        require_positive("share", share, "share", 1)
    d, moved = change(adapter, w, bias)
    if not d.isfinite().all():
        msg = "The adapter's change of the weight contains NaN or infinity; check the adapter and the base."
        raise InvalidValueError(msg)
    if rank is None and share is None:
        a, b, moved = bake(adapter, w.double(), bias)
    else:
        a, b = _nearest(d, rank, share)
    a, b = a.to(dtype), b.to(dtype)
    size = d.norm()
    lost = float((d - a.double() @ b.double()).norm() / size) if size > 0 else 0.0
    if not math.isfinite(lost):
        msg = f"The adapter's change of the weight is too large for {dtype}; check the adapter and the base."
        raise InvalidValueError(msg)
    return a, b, None if moved is None else moved.to(dtype), lost


def _nearest(d: Tensor, rank: int | None, share: float | None) -> tuple[Tensor, Tensor]:
    u, s, vh = torch.linalg.svd(d, full_matrices=False)
    norms = s.square().cumsum(0).sqrt()  # of the best approximation of each rank
    real = max(1, int((s > s[:1].sum() * torch.finfo(s.dtype).eps * max(d.shape)).sum()))
    r = min(rank or len(s), real)
    if share is not None:
        r = min(r, int((norms < share * norms[-1:].sum()).sum()) + 1)
    root = s[:r].sqrt()
    return u[:, :r] * root, root[:, None] * vh[:r]
