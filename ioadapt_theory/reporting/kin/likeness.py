"""Comparison of two weights W and W': equality, and similarity beyond that of permuted channels."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

DRAWN: Final = 512
"""Maximum number of rows, and of columns, to compare; if there are more, this many are sampled."""
FEWEST: Final = 6
"""Minimum number of channels for a permutation test."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Similarity of the target's weight W' to the source's weight W.

    Attributes:
        equal: whether W and W' are equal in the coarser of their precisions.
        z: ⟨W, W'⟩ in standard deviations above its mean over permutations of the inputs or of the outputs, whichever
            is smaller; None if the weights are equal, have different shapes or have too few channels.
        most: the z of W with itself; infinity for equal weights, 0 for different shapes or too few channels.
    """

    equal: bool
    z: float | None
    most: float


def likeness(one: Float[Tensor, "d c"], two: Float[Tensor, "e f"]) -> Likeness:
    """Compare two weight matrices in torch's layout, out x in."""
    one, two = one.detach(), two.detach()
    if one.shape != two.shape:
        return Likeness(equal=False, z=None, most=0.0)
    if same(one, two):
        return Likeness(equal=True, z=None, most=math.inf)
    few, few2 = (_drawn(_drawn(m, 0), 1).double() for m in (one, two))
    return Likeness(equal=False, z=_z(few, few2), most=_z(few, few) or 0.0)


def finite(tensor: Tensor, name: str, model: str) -> Tensor:
    if not bool(tensor.detach().isfinite().all()):
        msg = f"{name} of the {model} contains NaN or infinity; give a model with finite weights."
        raise InvalidValueError(msg)
    return tensor


def same(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors are equal in the coarser of their precisions."""
    if a.shape != b.shape:
        return False
    coarse = max((a.dtype, b.dtype), key=lambda dtype: torch.finfo(dtype).eps if dtype.is_floating_point else 0.0)
    return torch.equal(a.detach().to(coarse), b.detach().to(a.device, coarse))


def _z(one: Tensor, two: Tensor) -> float | None:
    """Return z of ⟨one, two⟩ for permuted inputs or outputs, whichever is smaller; None if both have too few channels.

    z counts standard deviations above the mean over permutations. The smaller z is used, since models may share the
    order of the inputs, or of the outputs, by design.
    """
    zs = [_permuted(a.mT @ b) for a, b in ((one, two), (one.mT, two.mT)) if a.shape[1] >= FEWEST]
    return min(zs) if zs else None


def _drawn(m: Tensor, axis: int) -> Tensor:
    if m.shape[axis] <= DRAWN:
        return m
    drawn = torch.randperm(m.shape[axis], generator=torch.Generator().manual_seed(axis))[:DRAWN]
    return m.index_select(axis, drawn.to(m.device))


def _permuted(a: Float[Tensor, "d d"]) -> float:
    """Return the z-score of Σ a_jj among Σ a_jπ(j) for all permutations π, whose variance is ‖centred a‖² / (d - 1)."""
    d = len(a)
    centred = a - a.mean(0) - a.mean(1, keepdim=True) + a.mean()
    sd = float(centred.norm()) / math.sqrt(d - 1)
    return float(centred.trace()) / sd if sd > 0 else 0.0
