"""Baking: an input or output adapter of low rank as a plain LoRA for a named base, exact, without any SVD."""

from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import GivenLayer
from ioadapt_theory.errors import ShapeError, UnsupportedError


def bake(adapter: Adapter, w: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return (A, B, Δb) of a plain LoRA for the base W' with the same effect: X(W' + AB) + b + Δb; exact, no SVD.

    Each part extends M = W' + PQ by its own rank: input (I + AB)M, output M(I + AB), weight M + AB. So ``input`` is
    A(BW'), ``output`` (W'A)B, and a sum of r₁ and r₂ has rank r₁ + r₂, at most that of W'. Scalings are within B. An
    output adapter acts on the bias too: Δb = bAB, None where there is no bias to act on; the adapter's own shift comes
    with Δb.

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
        >>> from ioadapt_theory import adapt, bake, layers, merge
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
    w = w.detach().to(torch.promote_types(w.dtype, torch.float32))
    taps = len(w) // layer_for(adapter, w, bias).channels
    p, q, moved = w.new_zeros(w.shape[0], 0), w.new_zeros(0, w.shape[1]), torch.zeros_like(w[0])
    part: Any
    for placement, part in adapter.parts():
        a, b = part.A.detach().to(w), part.scaling * part.B.detach().to(w)
        match placement:
            case Placement.INPUT:
                if taps > 1:  # it mixes every tap alike, (I ⊗ AB): a LoRA of rank r · taps
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


def layer_for(adapter: Adapter, w: Tensor, bias: Tensor | None) -> GivenLayer:
    """Return the layer of W and b that an adapter goes on.

    Raises:
        ShapeError: W is not of the adapter's size.
    """
    channels = next((phi.size[2] for side, phi in adapter.parts() if side is not Placement.OUTPUT), 0)
    f = GivenLayer(w, bias, channels if channels and len(w) % channels == 0 else len(w))
    if (why := adapter.misfit(f)) is not None:
        msg = f"The base weight is {w.shape[0]} x {w.shape[1]}: {why}."
        raise ShapeError(msg)
    return f
