"""A torch module as the paper's layer f(X) = XW + b, with a c x d matrix W.

Linear layers store Wᵀ, and transformers' ``Conv1D`` stores W itself. Convolutions store a kernel of shape (out,
in/groups, *taps); their W is (in/groups · taps) x out. Any other module with known sizes is a black box that is only
called.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.errors import UnsupportedError

PLAIN_DTYPES = frozenset({torch.float64, torch.float32, torch.float16, torch.bfloat16})
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Operator(Base):
    """A torch module as the layer f; ``near`` and ``far`` are identities on its input and output features."""

    def __init__(self, module: Any, n_in: int, n_out: int, *, axis: int = -1, taps: int = 1) -> None:
        """Wrap a module with ``n_in`` and ``n_out`` features (channels); ``taps`` is the number of kernel positions."""
        self.module = module
        self.channels, self.columns, self.rows, self.axis = n_in, n_out, n_in * taps, axis
        self.near, self.far = Identity(n_in, axis, of=self), Identity(n_out, axis, of=self)

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        bias = getattr(self.module, "bias", None)
        return bias if isinstance(bias, Tensor) else None

    @property
    def like(self) -> Tensor:
        """A tensor with the dtype and the device of the layer's computations; its values have no meaning."""
        weight = getattr(self.module, "weight", None)
        device = getattr(_offloading(self.module), "execution_device", None)
        if isinstance(weight, Tensor) and weight.dtype in PLAIN_DTYPES and device is None:
            return weight
        plain = (t for t in (*self.module.parameters(), *self.module.buffers()) if t.dtype in PLAIN_DTYPES)
        some = next(plain, weight)
        if device is None and isinstance(some, Tensor):
            device = some.device
        dtype = some.dtype if isinstance(some, Tensor) and some.dtype in PLAIN_DTYPES else None
        return torch.empty((), dtype=dtype, device=device)

    def __call__(self, x: Tensor) -> Tensor:
        """Call the module itself, with its hooks, its quantisation and PEFT's adapters."""
        return self.module(x)

    def check_placeable(self, side: str) -> None:
        """Raise UnsupportedError if this placement is impossible, as ``weight`` is for an unknown convolution."""
        if side == "weight" and not self.pointwise:
            self.dense()

    def dense(self) -> Tensor:
        """Raise UnsupportedError: the weight of an unknown layer cannot be read."""
        what = "is not a plain matrix (it may be quantised, parametrised, offloaded or custom)"
        way = "load the model unquantised and without offloading, or use input or output placement and do not merge"
        msg = f"The weight of this {type(self.module).__name__} {what}; {way}."
        raise UnsupportedError(msg)

    def stored(self, matrix: Tensor) -> Tensor:
        """Return a matrix in the layout of the module's weight; raise UnsupportedError for an unknown layer."""
        del matrix
        return self.dense()

    def product(self, x: Tensor, m: Tensor) -> Tensor:
        """Return X M; raise UnsupportedError for an unknown convolution."""
        return super().product(x, m) if self.pointwise else self.dense()


class Linear(Operator):
    """An nn.Linear, which stores Wᵀ."""

    def dense(self) -> Tensor:
        return self.module.weight.mT

    def stored(self, matrix: Tensor) -> Tensor:
        return matrix.mT.contiguous()


class Conv1D(Operator):
    """A Hugging Face ``Conv1D``, as in GPT-2: a linear layer that stores W itself."""

    def dense(self) -> Tensor:
        return self.module.weight

    def stored(self, matrix: Tensor) -> Tensor:
        return matrix.contiguous()


class Convolution(Operator):
    """An nn.Conv1d, nn.Conv2d or nn.Conv3d, with any stride, padding, padding mode and dilation."""

    def check_placeable(self, side: str) -> None:
        """Raise UnsupportedError for input and output adapters if there are groups, since they would mix the groups."""
        if self.module.groups > 1 and side != "weight":
            msg = (
                f"A convolution with groups={self.module.groups} cannot have an {side} adapter, which would mix"
                " channels of different groups; only weight placement is possible."
            )
            raise UnsupportedError(msg)

    def dense(self) -> Tensor:
        """Return the kernel as (in/groups · taps) x out."""
        return self.module.weight.flatten(1).mT

    def stored(self, matrix: Tensor) -> Tensor:
        """Return the matrix as out x in/groups x taps."""
        return matrix.mT.reshape(-1, *self.module.weight.shape[1:]).contiguous()

    def product(self, x: Tensor, m: Tensor) -> Tensor:
        return self.module._conv_forward(x.to(m.dtype), self.stored(m), None)

    def plus_low_rank(self, y: Tensor, x: Tensor, a: Tensor, b: Tensor, s: float) -> Tensor:
        """Return Y + s X A B by a convolution with A and a 1 x 1 one with B or, if there are groups, with AB."""
        return super().plus_low_rank(y, x, a, b, s) if self.module.groups == 1 else y + self.product(x, a @ (s * b))


def operator(module: Any) -> Operator:
    """Return a module as the paper's layer f.

    Raises:
        UnsupportedError: the module's sizes are unknown, its weight is complex, or it is a transposed convolution.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory.adapters import operator
        >>> f = operator(nn.Conv2d(4, 6, 3))
        >>> f.dense().shape, f.near.rows, f.far.rows  # W is (4 channels · 9 taps) x 6
        (torch.Size([36, 6]), 4, 6)
    """
    if any(is_lazy(p) for p in module.parameters(recurse=False)):
        msg = f"A {type(module).__name__} has no sizes before its first call: run the model once, then adapt it."
        raise UnsupportedError(msg)
    return (_with_plain_weight(module) if _stores_plain_weight(module) else None) or _with_known_sizes(module)


def _with_plain_weight(module: Any) -> Operator | None:
    forward = type(module).forward
    if forward is nn.Linear.forward:
        return Linear(module, module.in_features, module.out_features)
    for dims, convolution in enumerate(CONVOLUTIONS, start=1):
        if forward is convolution.forward:
            out, channels, *kernel = module.weight.shape
            return Convolution(module, channels, out, axis=-1 - dims, taps=math.prod(kernel))
    if type(module).__name__ == "Conv1D" and module.weight.ndim == 2:
        return Conv1D(module, *module.weight.shape)
    return None


def _with_known_sizes(module: Any) -> Operator:
    kind = type(module).__name__
    inner: Any = module
    while isinstance(wrapped := getattr(inner, "base_layer", None), nn.Module):  # wrappers of PEFT and of this package
        inner = wrapped
    sizes = tuple(getattr(inner, name, None) for name in ("in_features", "out_features", "in_channels", "out_channels"))
    match sizes:
        case (int(c), int(d), _, _):
            f = Operator(module, c, d)
        case (_, _, int(c), int(d)) if isinstance(getattr(inner, "kernel_size", None), tuple):
            if getattr(inner, "transposed", False):
                msg = f"A transposed convolution ({type(inner).__name__}) cannot be adapted."
                raise UnsupportedError(msg)
            f = Operator(module, c, d, axis=-1 - len(inner.kernel_size))
        case _ if type(inner).__name__ == "Conv1D" and hasattr(inner, "nf"):
            f = Operator(module, *inner.weight.shape)
        case _:
            msg = f"{kind} cannot be adapted: it has no in_features and out_features, and is not a known convolution."
            raise UnsupportedError(msg)
    if isinstance(weight := getattr(module, "weight", None), Tensor) and weight.is_complex():
        msg = f"The weight of this {kind} is complex, but adapters support only real weights."
        raise UnsupportedError(msg)
    return f


def is_supported(module: nn.Module) -> bool:
    try:
        operator(module)
    except UnsupportedError:
        return False
    return True


def _stores_plain_weight(module: nn.Module) -> bool:
    held = getattr(module, "_former_parameters", module._parameters)  # nn.DataParallel's replica
    weight: Any = held.get("weight")
    if type(weight) not in {nn.Parameter, Tensor} or parametrize.is_parametrized(module) or _offloading(module):
        return False
    return weight.dtype in PLAIN_DTYPES and weight.layout is torch.strided


def _offloading(module: nn.Module) -> Any:
    """Return accelerate's hook that loads the module's weights for each call; None if they stay in memory."""
    hook = getattr(module, "_hf_hook", None)
    return hook if getattr(hook, "offload", False) else None
