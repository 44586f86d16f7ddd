"""The placements of an adapter (Eqs. 4a-4c), and layers with an adapter in one of them; Eq. 5 is `moving.convert`."""

import warnings
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.families import Family
from ioadapt_theory.adapters.matrices import Operator

NO_GRADIENT = (
    "This {} passes no gradient to its input (typical of int8 layers), so its input adapter cannot be trained; use"
    " placement='output', or train on the unquantised model."
)


class Placement(StrEnum):
    """The matrix that an adapter changes in a layer XW + b: W, or the identity I_c on its input or I_d on its output.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import Placement
        >>> from ioadapt_theory.adapters import operator
        >>> f = operator(nn.Linear(16, 8))
        >>> {str(side): (side.base(f).rows, side.base(f).columns) for side in Placement}  # I_c, I_d and W
        {'input': (16, 16), 'output': (8, 8), 'weight': (16, 8)}
    """

    INPUT = "input"
    OUTPUT = "output"
    WEIGHT = "weight"

    def base(self, f: Operator) -> Base:
        """Return the matrix that Φ_θ is applied to; raise UnsupportedError if f does not support this placement."""
        f.check_placeable(self)
        match self:
            case Placement.WEIGHT:
                return f
            case Placement.INPUT:
                return f.near
            case Placement.OUTPUT:
                return f.far


class Modified(Operator):
    """Base class of layers that change what another layer f computes, but not its sizes."""

    def __init__(self, f: Operator) -> None:
        super().__init__(f.module, f.channels, f.columns, axis=f.axis, taps=f.rows // f.channels)
        self.f = f

    def check_placeable(self, side: str) -> None:
        self.f.check_placeable(side)

    def product(self, x: Tensor, m: Tensor) -> Tensor:
        return self.f.product(x, m)

    def plus_low_rank(self, y: Tensor, x: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
        return self.f.plus_low_rank(y, x, a, b, s)


class Placed(Modified):
    """A layer f with a family Φ in one placement; f may already be adapted, so placements can be combined (Eq. 6).

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import Placement
        >>> from ioadapt_theory.adapters import FAMILIES, Placed, Spec, operator
        >>> f, x = operator(nn.Linear(16, 8, bias=False)), torch.randn(3, 16)
        >>> phi = FAMILIES["lora"](f.near, Spec(rank=2, init="random"))
        >>> adapted = Placed(f, phi, Placement.INPUT)
        >>> torch.allclose(adapted(x), x @ phi.weight(f.near) @ f.dense(), atol=1e-5)  # Y = X Φ(I) W
        True
        >>> torch.allclose(adapted(x), x @ adapted.dense(), atol=1e-5)
        True
    """

    def __init__(self, f: Operator, phi: Family, placement: Placement) -> None:
        super().__init__(f)
        self.phi, self.placement = phi, placement

    def __call__(self, x: Tensor) -> Tensor:
        f, phi = self.f, self.phi
        match self.placement:
            case Placement.WEIGHT:
                return phi(x, f)  # Eq. 4a  Y = f(X; Φ(W))
            case Placement.INPUT:
                return after(phi(x, f.near), f)  # Eq. 4b  Y = f(f(X; Φ(I)); W)
            case Placement.OUTPUT:
                return phi(f(x), f.far)  # Eq. 4c  Y = f(f(X; W); Φ(I))

    def dense(self) -> Tensor:
        """Return the equivalent weight, Φ(W), Φ(I_c)W or WΦ(I_d)."""
        f, phi = self.f, self.phi
        match self.placement:
            case Placement.WEIGHT:
                return phi.weight(f)
            case Placement.INPUT:  # for a convolution, Φ(I_c) mixes the channels of every tap
                w = phi.promote(f.dense())
                return phi.left(w.reshape(f.channels, -1), f.near).reshape(w.shape)
            case Placement.OUTPUT:
                return phi.right(phi.promote(f.dense()), Identity(f.columns))

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The bias, which is bΦ(I_d) with an output adapter, since Eq. 4c acts on XW + b."""
        bias = self.f.bias
        if bias is None or self.placement is not Placement.OUTPUT:
            return bias
        return self.phi.right(self.phi.promote(bias)[None], Identity(self.columns))[0]


class Shifted(Modified):
    """The layer f(X) + s b, where b is an adapter's bias (PEFT's ``lora_bias``) and s its scaling."""

    def __init__(self, f: Operator, adapter: Any, phi: Family) -> None:
        super().__init__(f)
        self.adapter, self.phi = adapter, phi

    def __call__(self, x: Tensor) -> Tensor:
        y = self.f(x)
        return y + self.columnwise(self.adapter.shift * self.phi.scaling).to(y.dtype)

    def dense(self) -> Tensor:
        return self.f.dense()

    @property
    def bias(self) -> Tensor:  # type: ignore[override]
        bias, shift = self.f.bias, self.adapter.shift * self.phi.scaling
        return shift if bias is None else bias + shift


def after(x: Tensor, f: Operator) -> Tensor:
    """Return f(x) for an x computed by an input adapter; unless compiling, warn if f passes no gradient to x."""
    y = f(x)
    if torch.compiler.is_compiling() or not x.requires_grad:
        return y
    if y.grad_fn is None or y.grad_fn.name().endswith("NotImplemented"):
        warnings.warn(NO_GRADIENT.format(type(f.module).__name__), stacklevel=2)
    return y
