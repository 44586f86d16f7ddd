"""Comparison of two weights W and W': equality, rounding, pruning, and similarity beyond that of permuted channels."""

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
PIECE, ROWS, PIECES = 16, 256, 4096
"""Number of adjacent values in a piece, which usually share a quantisation scale; maximum rows and pieces to sample."""
EXPECTED: Final = 20
"""Minimum number of inversions of order expected by chance; below it, a lack of inversions does not show rounding."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Similarity of the target's weight W' to the source's weight W.

    Attributes:
        equal: whether W and W' are equal in the coarser of their precisions.
        z: ⟨W, W'⟩ in standard deviations above its mean over permutations of the inputs or of the outputs, whichever
            is smaller; None if the weights are equal, have different shapes or have too few channels.
        most: the z of W with itself; infinity for equal weights, 0 for different shapes or too few channels.
        copy: "rounded", "zeroed" or "narrowed" (rows or columns removed) if only this was done to one of the weights;
            "perhaps" if one may be rounded, but has too few values to show it; else "".
        copied: which one is the copy, "source" or "target"; "" if unknown.
    """

    equal: bool
    z: float | None
    most: float
    copy: str = ""
    copied: str = ""


def likeness(one: Float[Tensor, "d c"], two: Float[Tensor, "e f"]) -> Likeness:
    """Compare two weight matrices in torch's layout, out x in."""
    one, two = one.detach(), two.detach()
    if one.shape != two.shape:
        return Likeness(False, None, 0.0, *_narrowed(one, two))
    if same(one, two):
        return Likeness(equal=True, z=None, most=math.inf)
    copy, copied = _zeroed(one, two) or max(_rounded(one, two), _rounded(one.mT, two.mT))
    few, few2 = (_drawn(_drawn(m, 0), 1).double() for m in (one, two))
    return Likeness(False, _z(few, few2), _z(few, few) or 0.0, copy, copied)


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


def _zeroed(one: Tensor, two: Tensor) -> tuple[str, str] | None:
    """Return ("zeroed", x) if the matrix x, "source" or "target", equals the other except for zeros, else None."""
    zeros = one == 0, two == 0
    which = int(zeros[1].count_nonzero() > zeros[0].count_nonzero())
    if torch.equal(*zeros) or bool((zeros[1 - which] & ~zeros[which]).any()):
        return None
    left = ~zeros[which]
    return ("zeroed", ("source", "target")[which]) if same(one[left], two[left]) else None


def _rounded(one: Tensor, two: Tensor) -> tuple[str, str]:
    """Return ("rounded", x) if the matrix x ("source", "target" or "" if unknown) is the other one, rounded.

    With too few values to tell, return ("perhaps", ""); else ("", ""). Rounding preserves the order of values that
    share a scale.
    """
    w, w2 = (_pieces(m) for m in (one, two))
    change = w2 - w
    if not change.any() or not w.any():
        return "", ""
    shuffled = change.flatten()[torch.randperm(change.numel(), generator=torch.Generator().manual_seed(0))].view_as(w)
    expected = max(_inversions(w, w + shuffled), _inversions(w2, w2 - shuffled))  # one may have many equal values
    along = torch.cosine_similarity(change, w).abs()[change.any(1)].mean()
    if _inversions(w, w2) > expected / 50 or along > 0.5:  # rescaled channels preserve the order too
        return "", ""
    if expected < EXPECTED:
        return "perhaps", ""
    rows = [m[:: len(m) // PIECE + 1] for m in (one, two)]
    distinct = [sum(len(torch.unique(row)) for row in some) for some in rows]
    return "rounded", "" if distinct[0] == distinct[1] else ("source", "target")[distinct[1] < distinct[0]]


def _pieces(m: Tensor) -> Float[Tensor, "n p"]:
    """Return pieces of at most PIECE adjacent values, one in each row of the result, from all parts of the matrix."""
    size = min(PIECE, m.shape[1])
    rows = m[:: len(m) // ROWS + 1, : m.shape[1] // size * size].reshape(-1, size)
    return rows[:: len(rows) // PIECES + 1].double()


def _inversions(w: Float[Tensor, "n p"], w2: Float[Tensor, "n p"]) -> int:
    order = w.argsort(1)
    rising, then = (m.gather(1, order).diff(dim=1) for m in (w, w2))
    return int(((rising > 0) & (then < 0)).sum())


def _narrowed(one: Tensor, two: Tensor) -> tuple[str, str]:
    """Return ("narrowed", x) if matrix x, "source" or "target", is made of the other's rows or columns, or ("", "")."""
    which = int(two.numel() < one.numel())
    wide, narrow = (one, two)[1 - which], (one, two)[which]
    if wide.shape[0] == narrow.shape[0]:
        wide, narrow = wide.mT, narrow.mT
    if wide.shape[1] != narrow.shape[1]:
        return "", ""
    whole = {row.tobytes() for row in wide.double().cpu().numpy()}
    inside = all(row.tobytes() in whole for row in narrow.double().cpu().numpy())
    return ("narrowed", ("source", "target")[which]) if inside else ("", "")
