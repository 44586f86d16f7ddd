"""The matrix to which an adapter family Φ is applied: W of a layer f, or an identity, which is never stored.

Rows are samples: f(x) = xW + b with W of shape (rows, columns). For a convolution, W is the kernel as an (in/groups ·
taps) x out matrix, and the features are on the channel axis.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import linear

THIN = 16
"""Number of columns of M below which ``mix`` copies Mᵀ on a CPU, which makes X M three times faster."""


class Base(ABC):
    """An affine map of features, f(x) = xW + b.

    Attributes:
        rows: number of rows of W; for a convolution, input channels of one group times kernel taps.
        columns: number of columns of W, the output features.
        channels: number of input features; for a convolution, input channels of one group.
        axis: the feature axis, counted from the end: -1 for linear layers.
        bias: b, or None.
    """

    rows: int
    columns: int
    channels: int
    axis: int = -1
    bias: Tensor | None = None

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return f(x) = xW + b."""

    @abstractmethod
    def dense(self) -> Tensor:
        """Return W, rows x columns."""

    @property
    def pointwise(self) -> bool:
        """True for a linear layer or an identity, whose ``product`` acts on the feature axis alone."""
        return self.axis == -1

    def product(self, x: Tensor, m: Tensor) -> Tensor:
        """Return X M without bias, where M (rows x k) replaces W; the product is computed in M's dtype."""
        return mix(x, m, self.axis)

    def plus_low_rank(self, y: Tensor, x: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
        """Return Y + s X A B, computed as (X A) B."""
        return plus(y, self.product(x, a), b, s, self.axis)

    def columnwise(self, g: Tensor) -> Tensor:
        """Return g, a vector with one entry per column, reshaped to broadcast against the outputs."""
        return g.reshape(-1, *[1] * (-self.axis - 1))


class Identity(Base):
    """The identity matrix I_n on a feature axis."""

    pointwise = True

    def __init__(self, n: int, axis: int = -1, of: Base | None = None) -> None:
        """Create I_n; ``dense`` uses the dtype and device of the layer ``of``, or torch's defaults if it is None."""
        self.rows = self.columns = self.channels = n
        self.axis = axis
        self.of = of

    @property
    def like(self) -> Tensor | None:
        return getattr(self.of, "like", None)

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def dense(self) -> Tensor:
        like = torch.empty(()) if self.like is None else self.like
        return torch.eye(self.rows, dtype=like.dtype, device=like.device)


class SizesAlone(Base):
    """A base with sizes but no values. Parameters built for it are on the meta device, and take no memory."""

    def __init__(self, rows: int, columns: int, channels: int) -> None:
        self.rows, self.columns, self.channels = rows, columns, channels
        self.like = torch.empty((), device="meta")

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def dense(self) -> Tensor:
        return torch.empty(self.rows, self.columns, device="meta")


def mix(x: Tensor, m: Tensor, axis: int) -> Tensor:
    """Return X M over the feature axis, in M's dtype; for an axis other than -1, this is a 1 x 1 convolution."""
    x = x.to(m.dtype)
    if axis == -1:
        if m.is_cpu and m.shape[1] < THIN and not torch.compiler.is_compiling() and x.numel() >= THIN * m.shape[0]:
            return linear(x, m.mT.contiguous())
        return x @ m
    spatial = x.shape[axis + 1 :]
    return (m.mT @ x.flatten(axis + 1)).reshape(*x.shape[:axis], m.shape[1], *spatial)


def plus(y: Tensor, u: Tensor, m: Tensor, s: float, axis: int) -> Tensor:
    """Return Y + s U M over the feature axis, in one fused operation if possible.

    If M has the dtype of U, the result has the wider dtype of Y and U, so that the caller rounds only once.
    """
    if axis == -1 and y.ndim > 1 and y.dtype == u.dtype:
        return torch.addmm(y.flatten(0, -2), u.flatten(0, -2), m.to(u.dtype), alpha=s).view(y.shape)
    return y + mix(u, m if s == 1 else s * m, axis)
