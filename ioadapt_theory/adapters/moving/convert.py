"""Eq. 5 on both sides: a LoRA's AB becomes W(A'B) with A' = W⁺A, or (AB')W with B' = BW⁺, for the paper's W (c x d).

Only W is decomposed, never AB, and the rank stays. The way back, exact on every base, is ``bake``.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import LoRA, Spec
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.adapters.model import layers, naming
from ioadapt_theory.adapters.moving.pseudoinverse import Inverse
from ioadapt_theory.errors import ShapeError, UnsupportedError


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The cost of a conversion of one layer.

    Attributes:
        lost: ‖AB − the change of W by the converted adapter‖_F / ‖AB‖_F: 0 is exact, 1 is everything.
        growth: ‖converted change‖_F / ‖AB‖_F, the size of A'B (of AB') beside that of AB.
        full_rank: whether W has the rank that makes the plain conversion exact for every AB.
        condition: s_max / s_min of W, the most that the pseudo-inverse can grow a direction (times 1/s_max).
    """

    lost: float
    growth: float
    full_rank: bool
    condition: float

    def __str__(self) -> str:
        need = "full rank on this side" if self.full_rank else "rank too low on this side to be exact"
        return f"lost {self.lost:.2e}, norm x {self.growth:.3g}, cond(W) {self.condition:.3g}, {need}"


def converted_factors(
    a: Tensor, b: Tensor, w: Tensor, side: Placement | str, inverse: Inverse | None = None
) -> tuple[Tensor, Tensor, Fidelity]:
    """Return the factors of an adapter on a side that changes W as the LoRA AB does, and what that costs.

    Output: X(W + AB) = XW(I + A'B) with A' = W⁺A, exact for every AB iff W has full row rank (so c ≤ d). Input:
    X(W + AB) = X(I + AB')W with B' = BW⁺, exact for every AB iff W has full column rank (so c ≥ d).

    Args:
        a: A, c x r; the result has its dtype, and the fidelity is that of the rounded factors.
        b: B, r x d.
        w: W, c x d.
        side: "output" or "input".
        inverse: of W if it is known already or is to be tamed; the plain pseudo-inverse by default.

    Raises:
        ShapeError: W is not of the size of AB.
    """
    if (a.shape[0], b.shape[1]) != tuple(w.shape):
        raise misfit(a.shape[0], b.shape[1], w)
    inverse = Inverse.of(w) if inverse is None else inverse
    dtype = a.dtype
    a, b, w = (m.detach().double() for m in (a, b, w))
    if Placement(side) is Placement.OUTPUT:
        new = inverse.before(a).to(dtype).double(), b
        rest, full = (a - w @ new[0], b), inverse.rank == w.shape[0]
    else:
        new = a, inverse.after(b).to(dtype).double()
        rest, full = (a, b - new[1] @ w), inverse.rank == w.shape[1]
    size = _product_norm(a, b)
    lost, growth = (float(_product_norm(*pair) / size) if size > 0 else 0.0 for pair in (rest, new))
    condition = float(inverse.s[0] / inverse.s[-1]) if inverse.s[-1] > 0 else float("inf")
    return new[0].to(dtype), new[1].to(dtype), Fidelity(lost, growth, full, condition)


def convert(
    adapter: Adapter,
    w: Tensor,
    placement: Placement | str,
    bias: Tensor | None = None,
    *,
    ridge: float = 0.0,
    cutoff: float = 0.0,
) -> tuple[Adapter, Fidelity]:
    """Return a LoRA on the weight as an input or output adapter of the same rank and scaling, in the same dtype.

    An output adapter acts on XW + b, a LoRA leaves b alone: the converted one has -bA'B as a bias of its own.

    Args:
        adapter: of family "lora" with weight placement alone.
        w: the weight it was trained on, c x d (a convolution's kernel as (in · taps) x out).
        placement: "input" or "output".
        bias: b of that layer, d.
        ridge: see ``Inverse.of``; 0 is the plain pseudo-inverse of Eq. 5.
        cutoff: likewise.

    Raises:
        UnsupportedError: another family or placement, or a kernel of several taps to the input side.
        ShapeError: W is not of the adapter's size.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers
        >>> from ioadapt_theory.adapters.moving.convert import convert
        >>> base = nn.Linear(8, 16)  # c <= d and of full rank: the output form is exact
        >>> model = adapt(nn.Sequential(base), target_modules=["0"], placement="weight", rank=2, init="random")
        >>> lora = layers(model)["0"].adapters["default"]
        >>> found, fidelity = convert(lora, base.weight.mT, "output", base.bias)
        >>> [*found]
        ['output']
    """
    (placed, phi), *more = adapter.parts()
    if not isinstance(phi, LoRA) or more or placed is not Placement.WEIGHT:
        kind = f"{adapter.family} in {'+'.join(adapter)} placement"
        msg = f"Eq. 5 converts a LoRA on the weight; this adapter is a {kind}."
        raise UnsupportedError(msg)
    rows, columns, channels = phi.size
    side = Placement(placement)
    if side is Placement.WEIGHT:
        msg = "Conversion goes from weight to input or output; for the way back, bake."
        raise UnsupportedError(msg)
    if side is Placement.INPUT and rows != channels:
        msg = (
            f"A kernel of {rows // channels} taps has no low-rank input form: AB mixes the taps, an input adapter"
            " mixes channels alike at every tap. Convert to output."
        )
        raise UnsupportedError(msg)
    a, b, fidelity = converted_factors(phi.A, phi.B, w, side, Inverse.of(w, ridge=ridge, cutoff=cutoff))
    shift: Tensor | None = adapter.shift
    if side is Placement.OUTPUT and bias is not None:
        moved = (bias.detach().to(a) @ a) @ b
        shift = (-moved if shift is None else shift.detach() - moved).to(a.dtype)
    n = columns if side is Placement.OUTPUT else channels
    new = LoRA.stored((n, n, n), Spec(rank=a.shape[1], scaling=phi.scaling), {"A": a, "B": b})
    return Adapter("lora", {side: new}, shift), fidelity


def convert_model(
    model: nn.Module, placement: Placement | str, *, name: str = "default", ridge: float = 0.0, cutoff: float = 0.0
) -> tuple[dict[str, Adapter], dict[str, Fidelity]]:
    """Return ``convert`` for every layer that has the adapter ``name``, with the weights that the layers have now.

    The model is not changed; ``put(target, adapters, name)`` puts the result on this or another model.

    Args:
        model: with the adapter.
        placement: see ``convert``.
        name: of the adapter.
        ridge: see ``convert``.
        cutoff: see ``convert``.

    Raises:
        UnsupportedError: see ``convert``.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt
        >>> from ioadapt_theory.adapters.moving.convert import convert_model
        >>> options = {"target_modules": ["0"], "placement": "weight", "rank": 2, "init": "random"}
        >>> model = adapt(nn.Sequential(nn.Linear(8, 16)), **options)
        >>> adapters, fidelity = convert_model(model, "output")
        >>> [*adapters] == [*fidelity] == ["0"]
        True
    """
    adapters, fidelity = {}, {}
    for layer, module in layers(model, name).items():
        with naming(layer):
            f, adapter = operator(module.base_layer), cast("Adapter", module.adapters[name])
            new = convert(adapter, f.dense(), placement, f.bias, ridge=ridge, cutoff=cutoff)
            adapters[layer], fidelity[layer] = new
    return adapters, fidelity


def _product_norm(a: Tensor, b: Tensor) -> Tensor:
    """‖AB‖_F from the factors: ‖R_A R_Bᵀ‖_F, which does not square what is small."""
    return (torch.linalg.qr(a, mode="r").R @ torch.linalg.qr(b.mT, mode="r").R.mT).norm()


def misfit(rows: int | None, columns: int | None, w: Tensor) -> ShapeError:
    """Return the error for an adapter made for rows x columns (None for a size that is free), put on another weight."""
    return ShapeError(
        f"The adapter is made for a weight of {rows or 'any'} x {columns or 'any'}, the base weight is"
        f" {w.shape[0]} x {w.shape[1]}."
    )
