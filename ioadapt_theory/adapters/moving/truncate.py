"""Truncation: an adapter of any family and placement as the nearest plain LoRA of a rank for a named base."""

import torch
from torch import Tensor

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.moving.bake import bake, layer_for
from ioadapt_theory.errors import InvalidValueError


def change(adapter: Adapter, w: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Return what an adapter of any kind adds to W' and to b, in float64: (D, Δb); Δb is None where b stays.

    Raises:
        ShapeError: W' is not of the adapter's size.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers
        >>> from ioadapt_theory.adapters.moving.truncate import change
        >>> base = nn.Linear(16, 8)
        >>> model = adapt(nn.Sequential(base), target_modules=["0"], family="dora", placement="weight", init="random")
        >>> d, moved = change(layers(model)["0"].adapters["default"], base.weight.mT, base.bias)
        >>> d.shape, moved  # c x d; a weight adapter leaves the bias alone
        (torch.Size([16, 8]), None)
    """
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
    """Return (A, B, Δb, lost) of the plain LoRA that is nearest to the adapter's change of W' (Eckart, Young 1936).

    lost is ‖D − AB‖_F / ‖D‖_F with A and B as they are stored, rounded to ``dtype``: 0 is exact, 1 is everything.

    Args:
        adapter: of any family, in any placements.
        w: W' of the layer it is for, c x d (a convolution's kernel as (in · taps) x out).
        bias: b of that layer, d.
        rank: r; the change may have a lower one.
        share: or the least r with ‖AB‖_F ≥ share · ‖D‖_F, in (0, 1].
        dtype: of A and B.

    Raises:
        InvalidValueError: neither or both of rank and share, or one outside its limits.
        ShapeError: W' is not of the adapter's size.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers
        >>> from ioadapt_theory.adapters.moving.truncate import truncate
        >>> base = nn.Linear(16, 8)
        >>> model = adapt(nn.Sequential(base), target_modules=["0"], family="dora", placement="weight", init="random")
        >>> a, b, _, lost = truncate(layers(model)["0"].adapters["default"], base.weight.mT, base.bias, rank=4)
        >>> a.shape, b.shape, 0 < lost < 1
        (torch.Size([16, 4]), torch.Size([4, 8]), True)
    """
    if (rank is None) == (share is None):
        msg = "Give either a rank or a share of the norm."
        raise InvalidValueError(msg)
    if rank is not None and (type(rank) is not int or rank < 1):
        msg = f"rank is {rank!r}; it is a whole number, at least 1."
        raise InvalidValueError(msg)
    if share is not None and not 0 < share <= 1:
        msg = f"share is {share!r}; it is the part of the norm that is kept, above 0 and at most 1."
        raise InvalidValueError(msg)
    d, moved = change(adapter, w, bias)
    if not d.isfinite().all():
        msg = "The change is not finite, so it has no nearest LoRA."
        raise InvalidValueError(msg)
    u, s, vh = torch.linalg.svd(d, full_matrices=False)
    norms = s.square().cumsum(0).sqrt()  # of the best change of each rank
    real = max(1, int((s > s[:1].sum() * torch.finfo(s.dtype).eps * max(d.shape)).sum()))
    r = min(rank or len(s), real)
    if share is not None:
        r = min(r, int((norms < share * norms[-1:].sum()).sum()) + 1)
    root = s[:r].sqrt()
    a, b = (u[:, :r] * root).to(dtype), (root[:, None] * vh[:r]).to(dtype)
    return a, b, None if moved is None else moved.to(dtype), _lost(d, a, b)


def rounded(
    adapter: Adapter, w: Tensor, bias: Tensor | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None, float]:
    """Return ``bake`` in ``dtype``, and the part of the change that this rounding loses; see ``truncate``."""
    a, b, moved = bake(adapter, w.double(), bias)
    a, b = a.to(dtype), b.to(dtype)
    return a, b, None if moved is None else moved.to(dtype), _lost(change(adapter, w, bias)[0], a, b)


def _lost(d: Tensor, a: Tensor, b: Tensor) -> float:
    size = d.norm()
    return float((d - a.double() @ b.double()).norm() / size) if size > 0 else 0.0
