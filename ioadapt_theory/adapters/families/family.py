"""What a family is: a definition (``weight``) and its fast form (calling it), tested against each other."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ioadapt_theory.adapters.bases import Base, add
from ioadapt_theory.adapters.fast.autograd import Plan, fused, is_eager, plan_for
from ioadapt_theory.adapters.matrices import is_watched

MANY = 4
"""Samples for each feature from where on a heavy Δ is faster built, measured on the widths of diffusion models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """How one adapter on one layer is built.

    Attributes:
        rank: r, the inner size of the low-rank factors.
        scaling: factor on the learned change, alpha / rank in the field's convention.
        dropout: probability of dropping an input feature on the way into the learned change.
        init: "default" starts at exactly no change; "gaussian" likewise, with A ~ N(0, 1/r²); "random" fills every
            factor, so that the adapter changes something before it is trained.
        dtype: of the parameters; None is the base's, but float32 under float16 and bfloat16.
        detach_norm: DoRA only: treat ‖V‖ as a constant in the backward pass, as its authors do.
        factor: LoKr only: size of the small Kronecker factor; -1 is the most square split.
    """

    rank: int = 8
    scaling: float = 1.0
    dropout: float = 0.0
    init: str = "default"
    dtype: torch.dtype | None = None
    detach_norm: bool = True
    factor: int = -1


class Family(nn.Module, ABC):
    """Φ_θ, built for one base.

    Attributes:
        scaling: factor on the learned change.
        size: (rows, columns, channels) of the bases it fits.
    """

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.scaling = spec.scaling
        self.size = (base.rows, base.columns, base.channels)
        self.dropout: nn.Module = nn.Dropout(spec.dropout) if spec.dropout else nn.Identity()

    @abstractmethod
    def weight(self, base: Base) -> Tensor:
        """Φ_θ(base) as a matrix, by definition."""

    @abstractmethod
    def forward(self, x: Tensor, base: Base) -> Tensor:
        """X Φ_θ(base) + bias, without building what need not be built."""

    def is_heavy(self, placement: str) -> bool:
        """Whether products of samples with Δ cost more than the gradient of a whole matrix."""
        del placement
        return True

    @property
    def drops(self) -> bool:
        """Whether something is done to the adapter's input now."""
        kind = type(self.dropout)
        return kind is not nn.Identity and (kind is not nn.Dropout or self.dropout.training)

    def at_once(self, x: Tensor, placed: Any) -> Tensor | None:
        """A whole layer with this family in its place (``Placed``) as one product; None where it is better in parts.

        Where samples are many, what a heavy Δ costs is passes over them, and its matrix costs next to nothing.
        """
        f = placed.f
        if not self.is_heavy(placed.placement) or not is_eager(x) or x.element_size() < 4:
            return None
        if x.numel() < MANY * f.channels * max(f.channels, f.columns) or (plan := self.plan_for(x, f)) is None:
            return None
        if plan.dtype != x.dtype or self.drops:
            return None
        return linear(x, placed.dense().mT, placed.bias)

    def plan_for(self, x: Tensor, f: Base) -> Plan | None:
        """As ``fast.autograd.plan_for``, for what is done without calling this module."""
        return None if is_watched(self) else plan_for(self, x, f)

    def promote(self, w: Tensor) -> Tensor:
        """W in the wider of its dtype and the adapter's, so that merging rounds once, at the end."""
        own = getattr(self, "_former_parameters", None) or self._parameters  # a replica of nn.DataParallel's are there
        first: Any = next(iter(own.values()))
        return w.to(torch.promote_types(w.dtype, first.dtype))

    @abstractmethod
    def left(self, w: Tensor, base: Base) -> Tensor:
        """Φ_θ(base) W for a pointwise base, in factored order."""

    def right(self, w: Tensor, base: Base) -> Tensor:
        """W Φ_θ(base) for a pointwise base."""
        return joined((self(rows, base) for rows in parts(w)), w)


class Additive(Family):
    """Φ_θ(W) = W + s Δ_θ: all families but DoRA.

    Attributes:
        kind: how ``fused`` computes with Δ, if it can; None in a subclass that has another one.
    """

    kind: ClassVar[Any] = None

    def pays(self, x: Tensor, base: Base) -> bool:
        """Whether ``fused`` is faster than the plain form for inputs of this size."""
        del x, base
        return True

    def factors(self) -> tuple[Tensor, ...]:
        """What ``kind`` makes Δ from."""
        return ()

    @abstractmethod
    def delta(self, base: Base) -> Tensor:
        """Δ_θ as a matrix."""

    def update(self, x: Tensor, base: Base) -> Tensor:
        """X Δ_θ."""
        return base.product(x, self.delta(base))

    def weight(self, base: Base) -> Tensor:
        """W + s Δ."""
        return torch.add(base.dense(), self.delta(base), alpha=self.scaling)

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """f(x) + s x Δ."""
        if self.kind and (plan := plan_for(self, x, base)) is not None and self.pays(x, base):
            return fused(plan, self, self.kind, x, self.factors())
        if self.builds(base) and not self.drops:
            return base.with_matrix(x, self.weight(base))
        return add(base(x), self.update(self.dropout(x), base), self.scaling)

    def builds(self, base: Base) -> bool:
        """Whether Δ is built for this base in any case, so that Φ(W) costs no more."""
        return base.is_open and not base.pointwise

    def left(self, w: Tensor, base: Base) -> Tensor:
        """W + s ΔW."""
        return torch.add(w, self.delta(base).to(w) @ w, alpha=self.scaling)


def parts(w: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of w; without gradients many, so that what is built for each takes little memory."""
    return w.chunk(1 if torch.is_grad_enabled() else 32, dim)


def joined(pieces: Iterable[Tensor], w: Tensor, dim: int = 0) -> Tensor:
    """One matrix of the pieces, in the memory order of a stored weight, which is that of w's transpose."""
    if torch.is_grad_enabled():
        return torch.cat([*pieces], dim)
    result, start = torch.empty_like(w.mT, memory_format=torch.contiguous_format).mT, 0
    for piece in pieces:
        result.narrow(dim, start, piece.shape[dim]).copy_(piece)
        start += piece.shape[dim]
    return result


def parameter(base: Base, spec: Spec, *shape: int) -> nn.Parameter:
    """An uninitialised parameter on the base's device, in the dtype that ``spec`` asks for."""
    like = getattr(base, "like", None)
    default = torch.get_default_dtype() if like is None else like.dtype
    if default in {torch.float16, torch.bfloat16}:
        default = torch.float32
    device = None if like is None else like.device
    return nn.Parameter(torch.empty(shape, dtype=spec.dtype or default, device=device))


def fill(p: nn.Parameter, std: float) -> None:
    """Normal entries of the given standard deviation; zeros for 0."""
    if std:
        nn.init.normal_(p, std=std)
    else:
        nn.init.zeros_(p)
