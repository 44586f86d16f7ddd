"""Eq. 5 for output and input adapters: a change AB of W (c x d) becomes W(A'B) with A' = W⁺A, or (AB')W with B' = BW⁺.

Only W is decomposed, not AB, and the rank is unchanged. ``bake`` turns the result into a LoRA again, for any base.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import LoRA, Spec
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, UnsupportedError
from ioadapt_theory.moving.bake import layer_for


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The accuracy of the conversion of a LoRA AB on a weight W to an output adapter A'B or an input adapter AB'.

    Attributes:
        lost: ‖AB − D‖_F / ‖AB‖_F, where D is the change of W by the converted adapter: 0 is exact, 1 a complete loss.
        growth: the norm of A'B (or AB') divided by that of AB.
        condition: the condition number s_max / s_min of W.
    """

    lost: float
    growth: float
    condition: float

    def __str__(self) -> str:
        return f"lost {self.lost:.2e}, norm x {self.growth:.3g}, cond(W) {self.condition:.3g}"


def inverse(w: Tensor, ridge: float = 0.0) -> tuple[Tensor, float]:
    """Return the pseudo-inverse W⁺ in float64, and the condition number s_max / s_min of W.

    With a ridge, the result is Wᵀ(WWᵀ + λ²I)⁻¹ with λ = ridge · s_max, whose spectral norm is at most 1/(2λ).

    Raises:
        InvalidValueError: the ridge is outside [0, 1), or W contains NaN or infinity.
    """
    if not 0 <= ridge < 1:
        msg = f"ridge must be a fraction of the largest singular value, in [0, 1), not {ridge}."
        raise InvalidValueError(msg)
    if not w.isfinite().all():
        msg = "The base weight contains NaN or infinity, so it has no pseudo-inverse; check the base."
        raise InvalidValueError(msg)
    u, s, vh = torch.linalg.svd(w.detach().double(), full_matrices=False)
    top = s[:1].sum()
    rounding = max(w.shape) * torch.finfo(torch.promote_types(w.dtype, torch.float32)).eps * top
    filtered = s / (s.square() + (ridge * top).square()).clamp_min(torch.finfo(s.dtype).tiny)
    condition = float(s[0] / s[-1]) if s[-1] > 0 else float("inf")
    return (vh.mT * torch.where(s > rounding, filtered, 0)) @ u.mT, condition


def converted_factors(
    a: Tensor, b: Tensor, w: Tensor, side: Placement | str, ridge: float = 0.0
) -> tuple[Tensor, Tensor, Fidelity]:
    """Return the factors of the input or output adapter that replaces the LoRA AB, and its accuracy."""
    # output: A' = W⁺A, exact for every AB iff W has full row rank; input: B' = BW⁺, iff W has full column rank
    pinv, condition = inverse(w, ridge)
    dtype = a.dtype
    a, b, w = (m.detach().double() for m in (a, b, w))
    if Placement(side) is Placement.OUTPUT:
        new = (pinv @ a).to(dtype).double(), b
        rest = a - w @ new[0], b
    else:
        new = a, (b @ pinv).to(dtype).double()
        rest = a, b - new[1] @ w
    size = _product_norm(a, b)
    lost, growth = (float(_product_norm(*pair) / size) if size > 0 else 0.0 for pair in (rest, new))
    return new[0].to(dtype), new[1].to(dtype), Fidelity(lost, growth, condition)


def convert(
    adapter: Adapter, w: Tensor, placement: Placement | str, bias: Tensor | None = None, *, ridge: float = 0.0
) -> tuple[Adapter, Fidelity]:
    """Return a LoRA on the weight as an input or output adapter of the same rank, and the accuracy of the conversion.

    An output adapter also acts on b, unlike a LoRA on the weight; if ``bias`` is given, a shift by -bA'B undoes this.

    Args:
        adapter: a LoRA with only weight placement.
        w: the weight that the adapter was trained on, c x d (a convolution's kernel as (in · taps) x out).
        placement: "input" or "output".
        bias: b of that layer, of length d.
        ridge: regularisation of W⁺ in Eq. 5, as a fraction of the largest singular value of W; 0 for none.

    Raises:
        UnsupportedError: the adapter is not a LoRA on the weight; the placement is "weight"; or it is "input", and the
            layer is a convolution with several kernel taps.
        UnknownNameError: there is no such placement.
        ShapeError: the size of W does not match the adapter.
        InvalidValueError: the ridge is outside [0, 1), or W contains NaN or infinity.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, layers
        >>> from ioadapt_theory.moving.convert import convert
        >>> base = nn.Linear(8, 16)  # c <= d and full rank: the output form is exact
        >>> model = adapt(nn.Sequential(base), target_modules=["0"], placement="weight", rank=2, init="random")
        >>> lora = layers(model)["0"].adapters["default"]
        >>> converted, fidelity = convert(lora, base.weight.mT, "output", base.bias)
        >>> [*converted]
        ['output']
    """
    (placed, phi), *more = adapter.parts()
    if not isinstance(phi, LoRA) or more or placed is not Placement.WEIGHT:
        kind = f"{adapter.family} adapter in {'+'.join(adapter)} placement"
        msg = f"Only a LoRA on the weight can be converted, not a {kind}; bake it into a plain LoRA first."
        raise UnsupportedError(msg)
    rows, columns, channels = phi.size
    if placement == "weight":
        msg = "placement must be 'input' or 'output', not 'weight'; for a LoRA on the weight, use bake."
        raise UnsupportedError(msg)
    if placement not in ("input", "output"):
        raise UnknownNameError("placement", str(placement), ("input", "output"))
    side = Placement(placement)
    if side is Placement.INPUT and rows != channels:
        msg = (
            f"A LoRA can treat the {rows // channels} taps of a kernel differently, but an input adapter cannot;"
            " convert the LoRA to an output adapter instead."
        )
        raise UnsupportedError(msg)
    layer_for(adapter, w, bias)
    a, b, fidelity = converted_factors(phi.A, phi.B, w, side, ridge)
    shift: Tensor | None = adapter.shift
    if side is Placement.OUTPUT and bias is not None:
        moved = (bias.detach().to(a) @ a) @ b
        shift = (-moved if shift is None else shift.detach() - moved).to(a.dtype)
    n = columns if side is Placement.OUTPUT else channels
    new = LoRA.stored((n, n, n), Spec(rank=a.shape[1], scaling=phi.scaling), {"A": a, "B": b})
    return Adapter("lora", {side: new}, shift), fidelity


def _product_norm(a: Tensor, b: Tensor) -> Tensor:
    # unlike the trace of AᵀABBᵀ, this does not square small numbers
    return (torch.linalg.qr(a, mode="r").R @ torch.linalg.qr(b.mT, mode="r").R.mT).norm()
