"""Baking: an input or output adapter of low rank as a plain LoRA for a named base, exact, without any SVD."""

from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.moving.convert import misfit
from ioadapt_theory.errors import UnsupportedError


def bake(adapter: Adapter, w: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
    """(A, B, Δb) of a plain LoRA for the base W' with the same effect: X(W' + AB) + b + Δb; exact, no SVD.

    Each part extends M = W' + PQ by its own rank: input (I + AB)M, output M(I + AB), weight M + AB. So ``input`` is
    A(BW'), ``output`` (W'A)B, and a sum of r₁ and r₂ has rank r₁ + r₂. Scalings are within B. An output adapter acts on
    the bias too: Δb = bAB, None where there is no bias to act on; the adapter's own shift comes with Δb.

    Args:
        adapter: of family "lora".
        w: W' of the layer it is baked for, c x d (a convolution's kernel as (in · taps) x out).
        bias: b of that layer, d.

    Raises:
        UnsupportedError: another family: its change is not of low rank, or it depends on W by more than a product.
        ShapeError: W' is not of the adapter's size.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers, merge
        >>> from ioadapt_theory.adapters.moving.bake import bake
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
            f"A {adapter.family} adapter does not bake into a plain LoRA exactly: its change has no rank-r factors."
            " Give a rank, or a share of the norm, to truncate it to; or merge it into the weights."
        )
        raise UnsupportedError(msg)
    dtype = torch.promote_types(w.dtype, torch.float32)
    w = w.detach().to(dtype)
    p, q, moved = w.new_zeros(w.shape[0], 0), w.new_zeros(0, w.shape[1]), None
    part: Any
    for placement, part in adapter.parts():
        rows, columns, channels = part.size
        a, b = part.A.detach().to(w), part.scaling * part.B.detach().to(w)
        match placement:
            case Placement.INPUT:
                taps = w.shape[0] // channels
                if taps * channels != w.shape[0]:
                    raise misfit(channels, None, w)
                a, b = _tapwise(a, b, w, p, taps) if taps > 1 else (a, b @ w + (b @ p) @ q)
            case Placement.OUTPUT:
                if columns != w.shape[1]:
                    raise misfit(None, columns, w)
                if bias is not None:
                    now = bias.detach().to(w) + (0 if moved is None else moved)
                    moved = (0 if moved is None else moved) + (now @ a) @ b
                a = w @ a + p @ (q @ a)
            case Placement.WEIGHT:
                if (rows, columns) != tuple(w.shape):
                    raise misfit(rows, columns, w)
        p, q = torch.cat([p, a], dim=1), torch.cat([q, b])
    if adapter.shift is not None:
        moved = (0 if moved is None else moved) + part.scaling * adapter.shift.detach().to(w)
    return p, q, moved


def _tapwise(a: Tensor, b: Tensor, w: Tensor, p: Tensor, taps: int) -> tuple[Tensor, Tensor]:
    """An input adapter on a kernel mixes every tap alike, (I ⊗ AB): a LoRA of rank r · taps, one r for each tap."""
    if p.shape[1]:
        msg = "On a kernel of several taps an input adapter bakes only as the first of a sum."
        raise UnsupportedError(msg)
    eye = torch.eye(taps, dtype=w.dtype, device=w.device)
    return torch.kron(a, eye), torch.kron(b, eye) @ w
