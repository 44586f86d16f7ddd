"""The matrix that a family is applied to: W of a layer f, or an identity that is never stored.

Rows are samples: f(x) = xW + b with W of shape (rows, columns). A convolution is the same thing with W its kernel as an
(in · taps) x out matrix, and its features on the channel axis.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import linear

THIN = 16
"""Columns below which a CPU multiplies several rows by a matrix three times faster if it is transposed first."""


class Base(ABC):
    """A matrix known by what it does to features.

    Attributes:
        rows: rows of the matrix; for a convolution, input channels times kernel taps.
        columns: columns of the matrix, the output features.
        channels: input features; differs from ``rows`` only for convolutions.
        axis: the feature axis, counted from the end: -1 for linear layers.
        bias: what f adds after the matrix, or None.
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
        """Whether xM is a product over the feature axis alone (not over a neighbourhood as in a convolution)."""
        return self.axis == -1

    def product(self, x: Tensor, m: Tensor) -> Tensor:
        """Return X M with M (rows, k) in the place of W, without bias; computed in M's dtype."""
        return mix(x, m, self.axis)

    def plus_low_rank(self, y: Tensor, x: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
        """Return Y + s X A B without building AB, see ``plus``."""
        return plus(y, self.product(x, a), b, s, self.axis)

    def columnwise(self, g: Tensor) -> Tensor:
        """Return a vector over the columns, shaped to multiply outputs."""
        return g.reshape(-1, *[1] * (-self.axis - 1))


class Identity(Base):
    """The identity I_n over a feature axis."""

    pointwise = True

    def __init__(self, n: int, axis: int = -1, of: Base | None = None) -> None:
        """Make I_n for one side of the layer ``of``, which gives ``dense`` its dtype and device."""
        self.rows = self.columns = self.channels = n
        self.axis = axis
        self.of = of

    @property
    def like(self) -> Tensor | None:
        """A tensor with the dtype and device of the layer as it is now, None without a layer."""
        return getattr(self.of, "like", None)

    def __call__(self, x: Tensor) -> Tensor:
        """Return X."""
        return x

    def dense(self) -> Tensor:
        """Return I_n as a matrix; only definitions and tests call this."""
        like = torch.empty(()) if self.like is None else self.like
        return torch.eye(self.rows, dtype=like.dtype, device=like.device)


class SizesAlone(Base):
    """A base with sizes but no values, for reading files; parameters built for it take no memory."""

    def __init__(self, rows: int, columns: int, channels: int) -> None:
        self.rows, self.columns, self.channels = rows, columns, channels
        self.like = torch.empty((), device="meta")

    def __call__(self, x: Tensor) -> Tensor:
        """Return X."""
        return x

    def dense(self) -> Tensor:
        """Return a matrix on the meta device."""
        return torch.empty(self.rows, self.columns, device="meta")


def mix(x: Tensor, m: Tensor, axis: int) -> Tensor:
    """Return X M over the feature axis, in M's dtype: a matrix product for -1, a 1 x 1 convolution for channels."""
    x = x.to(m.dtype)
    if axis == -1:
        if m.is_cpu and m.shape[1] < THIN and not torch.compiler.is_compiling() and x.numel() >= THIN * m.shape[0]:
            return linear(x, m.mT.contiguous())
        return x @ m
    spatial = x.shape[axis + 1 :]
    return (m.mT @ x.flatten(axis + 1)).reshape(*x.shape[:axis], m.shape[1], *spatial)


def plus(y: Tensor, u: Tensor, m: Tensor, s: float, axis: int) -> Tensor:
    """Return Y + s U M over the feature axis, in one product where dtypes allow it.

    The result has the wider dtype of Y and U, so that a caller rounds once, at the end.
    """
    if axis == -1 and y.ndim > 1 and y.dtype == u.dtype:
        return torch.addmm(y.flatten(0, -2), u.flatten(0, -2), m.to(u.dtype), alpha=s).view(y.shape)
    return y + mix(u, m if s == 1 else s * m, axis)
