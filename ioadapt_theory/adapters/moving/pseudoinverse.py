"""The pseudo-inverse of a weight and its tamer stand-ins, for Eq. 5."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Inverse:
    """W⁺ or a tamer stand-in, as V diag(f) Uᵀ in float64: W = U diag(s) Vᵀ, f a filter on 1/s.

    Attributes:
        u, f, vh: the factors.
        s: the singular values of W, decreasing.
        rank: how many of them are above rounding.
    """

    u: Tensor
    f: Tensor
    vh: Tensor
    s: Tensor
    rank: int

    @classmethod
    def of(cls, w: Tensor, *, ridge: float = 0.0, cutoff: float = 0.0) -> "Inverse":
        """Return the pseudo-inverse, which multiplies by up to 1/s_min, or one that ``ridge`` and ``cutoff`` bound.

        Args:
            w: W, c x d.
            ridge: λ/s_max of Wᵀ(WWᵀ + λ²I)⁻¹, so f = s/(s² + λ²) ≤ 1/(2λ).
            cutoff: singular values below cutoff · s_max count as zero, so f ≤ 1/(cutoff · s_max).

        Raises:
            InvalidValueError: ridge or cutoff outside [0, 1), or W is not finite.
        """
        for what, value in (("ridge", ridge), ("cutoff", cutoff)):
            if not 0 <= value < 1:
                msg = f"{what} is {value}; it is a fraction of the largest singular value, in [0, 1)."
                raise InvalidValueError(msg)
        if not w.isfinite().all():
            msg = "The base weight is not finite, so it has no inverse to convert with."
            raise InvalidValueError(msg)
        u, s, vh = torch.linalg.svd(w.detach().double(), full_matrices=False)
        top = s[:1].sum()
        rounding = max(w.shape) * torch.finfo(torch.promote_types(w.dtype, torch.float32)).eps * top
        rank = int((s > rounding).sum())
        counts = s > torch.maximum(rounding, cutoff * top)
        f = torch.where(counts, s / (s.square() + (ridge * top).square()).clamp_min(torch.finfo(s.dtype).tiny), 0)
        return cls(u, f, vh, s, rank)

    def before(self, m: Tensor) -> Tensor:
        """Return W⁺M, for M of c rows."""
        return self.vh.mT @ (self.f[:, None] * (self.u.mT @ m.double()))

    def after(self, m: Tensor) -> Tensor:
        """Return MW⁺, for M of d columns."""
        return ((m.double() @ self.vh.mT) * self.f) @ self.u.mT
