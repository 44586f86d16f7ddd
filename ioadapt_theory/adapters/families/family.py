"""The base class of families, with a definition (``weight``) and a factored form (``forward``) of the same map."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base, SizesAlone, plus
from ioadapt_theory.errors import InvalidValueError, ShapeError, UnsupportedError

Size = tuple[int, int, int]
"""Rows, columns and channels of the matrix that a family is applied to; 0 if parameters from a file fit any size."""
Shapes = Mapping[str, tuple[int, ...]]
Ranges = Sequence[tuple[int, int]]
Limit = tuple[str, Callable[[Any], bool]]
"""Description of the valid values of an option, and a function that checks a value."""


def is_finite(value: Any) -> bool:
    """Return whether a value is a number, not a bool, in the range of float32."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number from 1 to ``MOST``; larger numbers are a mistake or an attack."""
    return type(value) is int and 1 <= value <= MOST


LARGEST = torch.finfo(torch.float32).max
MOST = 1 << 28
"""Largest rank or size; the product of two such numbers fits an int64."""
COMMON: dict[str, Limit] = {
    "rank": (f"a whole number from 1 to {MOST:,}", is_count),
    "dropout": ("a probability in [0, 1)", lambda v: is_finite(v) and 0 <= v < 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Settings of one adapter on one layer.

    Attributes:
        rank: r, the inner dimension of the low-rank factors.
        scaling: factor on the learned change, usually alpha / rank.
        dropout: dropout probability for the input of the learned change.
        init: "default" and "gaussian" start without any change; "gaussian" draws A of LoRA and DoRA from N(0, 1/r²).
            "random" fills every factor, so that an untrained adapter has an effect.
        dtype: dtype of the parameters; None means the base's dtype, or float32 for a base in float16 or bfloat16.
        detach_norm: DoRA only: treat ‖V‖ as a constant in the backward pass, as the authors of DoRA do.
        factor: LoKr only: desired size of the smaller Kronecker factor; -1 chooses the most nearly square split.

    Example:
        >>> from ioadapt_theory.adapters import Spec
        >>> Spec(rank=4, scaling=0.5).init
        'default'
    """

    rank: int = 8
    scaling: float = 1.0
    dropout: float = 0.0
    init: str = "default"
    dtype: torch.dtype | None = None
    detach_norm: bool = True
    factor: int = -1


class Family(nn.Module, ABC):
    """An adapter family Φ_θ: a module that maps its base, the W of a layer or an identity, to a matrix of its size.

    A subclass defines ``axes`` and the abstract methods, and initialises its parameters in the constructor. Once it is
    in ``FAMILIES``, it also works in files and in PEFT. A subclass whose shapes do not follow from ``axes`` overrides
    ``shapes``, ``take`` and ``cut``.

    Attributes:
        axes: parameter -> the size of each of its axes: "rows", "columns", "channels" or "rank".
        options: field of ``Spec`` that only this family uses -> its limits.
        scaling: factor on the learned change; 1 in a family without such a factor.
        size: (rows, columns, channels) of the bases that this module fits.

    Example:
        >>> import torch
        >>> from ioadapt_theory.adapters import FAMILIES, Spec, operator
        >>> f, x = operator(torch.nn.Linear(16, 8, bias=False)), torch.randn(3, 16)
        >>> phi = FAMILIES["dora"](f, Spec(rank=2, init="random"))
        >>> torch.allclose(phi(x, f), x @ phi.weight(f), atol=1e-5)  # the factored form is the definition
        True
    """

    axes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    options: ClassVar[Mapping[str, Limit]] = {}

    def __init__(self, base: Base, spec: Spec) -> None:
        """Create uninitialised parameters of the shapes that the base needs."""
        super().__init__()
        self.spec = spec
        self._buffers["_extra_state"] = None  # accelerate assigns what it loads to entries of this dict
        self.scaling = spec.scaling
        self.size: Size = (base.rows, base.columns, base.channels)
        self.dropout: nn.Module = nn.Dropout(spec.dropout) if spec.dropout else nn.Identity()
        for name, shape in self.shapes(self.size, spec).items():
            self.register_parameter(name, parameter(base, spec, *shape))

    @property
    def scaling(self) -> float:
        """Factor on the learned change; raise InvalidValueError if accelerate has offloaded it to disk."""
        if (loaded := self._buffers["_extra_state"]) is not None:
            if loaded.is_meta:
                msg = "The scaling of an adapter is offloaded to disk; pass offload_buffers=True, or load it to memory."
                raise InvalidValueError(msg)
            self.set_extra_state(loaded)
        return self._scaling

    @scaling.setter
    def scaling(self, value: float) -> None:
        self._scaling = float(value)
        self._buffers["_extra_state"] = None

    def get_extra_state(self) -> Tensor:
        """Return the scaling, which the state_dict stores under the adapter's name."""
        offloaded = self._buffers["_extra_state"]
        if offloaded is not None and offloaded.is_meta:
            return offloaded
        return torch.tensor(self.scaling, dtype=torch.float64, device="cpu")

    _extra_state = property(get_extra_state)  # accelerate reads it as an attribute

    def set_extra_state(self, state: Any) -> None:
        """Set the scaling, unless it is on the meta device; raise InvalidValueError if it is not a number."""
        if isinstance(state, Tensor) and state.is_meta:
            return
        if not isinstance(state, Tensor) or state.numel() != 1 or not is_finite(value := float(state)):
            msg = f"The scaling of an adapter in a state_dict must be one finite number, not {state!r:.80}."
            raise InvalidValueError(msg)
        self.scaling = value

    @classmethod
    def shapes(cls, size: Size, spec: Spec, given: Shapes | None = None) -> dict[str, tuple[int, ...]]:
        """Return parameter shapes for a base of this size; ``given``, a file's shapes, matters only if several fit."""
        del given
        counts = {**dict(zip(("rows", "columns", "channels"), size, strict=True)), "rank": spec.rank}
        return {name: tuple(counts[axis] for axis in axes) for name, axes in cls.axes.items()}

    @classmethod
    def stored(cls, size: Size, spec: Spec, parameters: Mapping[str, Tensor]) -> Self:
        """Return a module with these parameters, for a base of this size; raise ShapeError if they do not fit it."""
        given = {name: tuple(p.shape) for name, p in parameters.items()}
        if given != cls.shapes(size, spec, given):
            listed = ", ".join(f"{name} {list(shape)}" for name, shape in given.items()) or "none"
            msg = f"the parameters ({listed}) are not those of a {cls.__name__} of this size and rank"
            raise ShapeError(msg)
        return cls(SizesAlone(*size), spec).take(parameters)

    def extra_repr(self) -> str:
        """Return the rank (if any) and the scaling for ``print(model)``."""
        factor = self.get_extra_state()
        scale = "offloaded" if factor.is_meta else f"{float(factor):g}"
        return f"{'' if self.rank is None else f'rank {self.rank}, '}scale {scale}"

    @property
    def rank(self) -> int | None:
        """The rank r, or None if the parameters do not depend on it."""
        return self.spec.rank if any("rank" in axes for axes in self.axes.values()) else None

    def take(self, parameters: Mapping[str, Tensor]) -> Self:
        """Replace the parameters with copies of these tensors; return self."""
        for name in [*self._parameters]:
            del self._parameters[name]
        for name, tensor in parameters.items():
            copy = tensor.detach().clone(memory_format=torch.contiguous_format)
            self.register_parameter(name, nn.Parameter(copy))
        self._unify()
        return self

    def _unify(self) -> None:
        """Convert the parameters to the widest of their dtypes, since files may mix dtypes, but products may not."""
        widest = functools.reduce(torch.promote_types, {p.dtype for p in self.parameters()})
        for p in self.parameters():
            p.data = p.data.to(widest)

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._unify()  # with assign=True, the parameters are those of the state_dict

    def cut(self, ranges: Ranges) -> "Family":
        """Return Φ restricted to the columns in ``ranges``; raise UnsupportedError if ``axes`` lacks a parameter."""
        held = {name: p.detach() for name, p in self.named_parameters()}
        if unknown := sorted(held.keys() - self.axes.keys()):
            msg = f"a {type(self).__name__} cannot be split, since its `axes` lack {', '.join(unknown)}; add them there"
            raise UnsupportedError(msg)
        for name, p in held.items():
            for dim, axis in enumerate(self.axes[name]):
                held[name] = p = picked(p, ranges, dim) if axis == "columns" else p
        return self.resized(ranges, held)

    def resized(self, ranges: Ranges, parameters: Mapping[str, Tensor]) -> Self:
        """Return a module of this family with the same settings and these parameters, for the columns in the ranges."""
        rows, _, channels = self.size
        size = rows, sum(stop - start for start, stop in ranges), channels
        new = type(self)(SizesAlone(*size), self.spec).take(parameters)
        new.scaling = self.scaling
        return new

    @abstractmethod
    def weight(self, base: Base) -> Tensor:
        """Return Φ_θ(base) as a matrix, from the definition of Φ_θ."""

    @abstractmethod
    def forward(self, x: Tensor, base: Base) -> Tensor:
        """Return X Φ_θ(base) + bias, without computing Φ_θ(base) if the factors suffice."""

    def promote(self, w: Tensor) -> Tensor:
        """Return W in the wider of its dtype and the adapter's dtype, so that merging rounds only once."""
        held = getattr(self, "_former_parameters", self._parameters)  # nn.DataParallel's replica
        return w.to(torch.promote_types(w.dtype, next(p.dtype for p in held.values() if p is not None)))

    def left(self, w: Tensor, base: Base) -> Tensor:
        """Return Φ_θ(base) W for an identity as base; some families compute it from their factors."""
        return self.weight(base).to(w) @ w

    def right(self, w: Tensor, base: Base) -> Tensor:
        """Return W Φ_θ(base) for an identity as base."""
        return self(w, base)


class Additive(Family):
    """Base class of the families with Φ_θ(W) = W + s Δ_θ, where s is the scaling: all families but DoRA."""

    @abstractmethod
    def delta(self, base: Base) -> Tensor:
        """Return Δ_θ as a matrix."""

    def weight(self, base: Base) -> Tensor:
        return torch.add(base.dense(), self.delta(base), alpha=self.scaling)

    def forward(self, x: Tensor, base: Base) -> Tensor:
        y, dropped, delta = base(x), self.dropout(x), self.delta(base)
        if base.pointwise:
            return plus(y, dropped.to(delta.dtype), delta, self.scaling, base.axis).to(y.dtype)
        return (y + base.product(dropped, self.scaling * delta)).to(y.dtype)


def picked(m: Tensor, ranges: Ranges, dim: int = -1) -> Tensor:
    """Return the entries of a tensor in the ranges [start, stop) along one axis, concatenated."""
    return torch.cat([m.narrow(dim, start, stop - start) for start, stop in ranges], dim)


def parameter(base: Base, spec: Spec, *shape: int) -> nn.Parameter:
    """Return an uninitialised parameter on the base's device; by default, of the base's dtype, but at least float32."""
    like = getattr(base, "like", None)
    default = torch.get_default_dtype() if like is None else like.dtype
    if default in {torch.float16, torch.bfloat16}:
        default = torch.float32
    device = None if like is None else like.device
    return nn.Parameter(torch.empty(shape, dtype=spec.dtype or default, device=device))


def fill(p: nn.Parameter, std: float) -> None:
    if p.is_meta:
        return
    if std:
        nn.init.normal_(p, std=std)
    else:
        nn.init.zeros_(p)
