"""The matrices that carry activations and gradients between two models, from their Gram and cross matrices.

At one place, the source has activations u and gradients k, and the target x and h, for the same cotangents of the
outputs. If the rest of the target sees the source's coordinates through P, then u = xP and h = kPᵀ (the chain rule).
The two-way map solves both, a Sylvester equation. P carries a reader; the same with activations and gradients
exchanged, k = hQ and x = uQᵀ, gives Q, which carries a writer, so that M becomes P M Qᵀ.

Joint Procrustes is the orthogonal matrix that aligns both best. With activations alone it is Theseus (arXiv
2602.12952); BiCo (2605.28444) uses activations for P and gradients for Q. The one-way rule is a ridge regression on the
first equation alone, M* = (C_TT⁺ C_TS) M (K_ST K_TT⁺) (claim `effect-best`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

RARE = 0.01
"""Size, relative to the largest feature, below which a feature is not scaled up in a one-way regression."""
ZERO = 1e-6
"""Singular value, relative to the largest, below which a direction is left out of a polar factor."""
TINY = 1e-30
"""Sum of squares below which rows count as zero, since float32 has no smaller numbers of full precision."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The kind of a map, and the settings of its equation.

    Attributes:
        kind: "two-way", "procrustes" or "one-way".
        penalty: weight of the deviation from the orthogonal map (two-way), or the ridge (one-way), relative to the
            matrices.
    """

    kind: str
    penalty: float = 0.001


TWO_WAY, PROCRUSTES, ONE_WAY = Rule("two-way"), Rule("procrustes", 0.0), Rule("one-way", 0.01)
RULES: Final = {rule.kind: rule for rule in (TWO_WAY, PROCRUSTES, ONE_WAY)}


class Relation(NamedTuple):
    """One equation between rows of both models: the Gram matrix of known rows, the cross matrix, and ‖wanted rows‖²."""

    gram: Tensor
    cross: Tensor
    total: float


def solve(
    forward: Relation,
    backward: Relation | None,
    rule: Rule,
    *,
    isometry: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return P, target features x source features, for which xP ≈ u (``forward``) and kPᵀ ≈ h (``backward``).

    Args:
        forward: xᵀx, xᵀu and ‖u‖².
        backward: kᵀk, hᵀk and ‖h‖²; None if there are no such rows.
        rule: the rule; a one-way rule uses only ``forward`` (or only ``backward``, if the other rows are 0).
        isometry: ``polar``, or a function that remembers its result, which P, Q and two of the rules share.
    """
    rows, columns = forward.cross.shape
    there = [x for x in (forward, backward) if x and x.total > TINY and x.gram.trace() > TINY]
    if not there:  # neither equation says anything
        return torch.zeros_like(forward.cross)
    first = there[0]
    given = float(first.gram.trace()) / len(first.gram)
    wanted = first.total / (columns if first is forward else rows)
    size = (wanted / given) ** 0.5  # rms of the wanted rows over that of the known rows
    if rule.kind == "one-way" and first is forward:
        return _one_way(first.gram, first.cross, rule.penalty)
    if rule.kind == "one-way":
        return _one_way(first.gram, first.cross.mT, rule.penalty).mT
    joint = sum(x.cross / (float(x.gram.trace()) * x.total) ** 0.5 for x in there)
    anchor = (isometry or polar)(joint)
    if rule.kind == "procrustes":
        return size * anchor
    zeros = first.cross.new_zeros
    a, b, cross = zeros(rows, rows), zeros(columns, columns), zeros(rows, columns)
    for x in there:
        gram = a if x is forward else b
        gram += x.gram * (size**2 / x.total)
        cross += x.cross * (size / x.total)
    return size * sylvester(a, b, cross, rule.penalty * float(a.trace() / rows + b.trace() / columns), anchor)


def sylvester(a: Tensor, b: Tensor, c: Tensor, ridge: float, anchor: Tensor) -> Tensor:
    """Return P with AP + PB + ridge (P - anchor) = C, for positive semidefinite A and B, through their eigenbases."""
    (alpha, u), (beta, v) = eigen(a), eigen(b)
    inside = u.mT @ (c + ridge * anchor) @ v
    return u @ (inside / (alpha[:, None] + beta + max(ridge, TINY))) @ v.mT


def eigen(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues, at least 0, and eigenvectors of a Gram matrix; raise InvalidValueError if not finite."""
    if not gram.isfinite().all():
        msg = "The models' features or gradients are too large or not finite on these inputs; rescale them."
        raise InvalidValueError(msg)
    values, vectors = torch.linalg.eigh(gram.double())  # float32 may give NaN
    return values.clamp_min(0).to(gram), vectors.to(gram)


def polar(c: Tensor) -> Tensor:
    """Return the partial isometry nearest to C; directions that C does not contain are mapped to 0."""
    wide = c.double() if c.shape[1] <= c.shape[0] else c.mT.double()
    values, vectors = eigen(wide.mT @ wide)  # several times as fast as an SVD
    inverse = torch.where(values > ZERO**2 * values[-1:], values.clamp_min(TINY).rsqrt(), 0.0)
    u = (wide @ (vectors * inverse)) @ vectors.mT
    return (u if wide.shape == c.shape and c.shape[1] <= c.shape[0] else u.mT).to(c)


def _one_way(gram: Tensor, cross: Tensor, ridge: float) -> Tensor:
    size = gram.diagonal().clamp_min(0).sqrt()
    scale = torch.where(size > 0, 1 / size.clamp_min(max(RARE * float(size.max()), TINY)), 0.0).double()
    scaled = scale[:, None] * gram.double() * scale
    scaled.diagonal().add_(ridge)
    return (scale[:, None] * torch.linalg.solve(scaled, scale[:, None] * cross.double())).to(cross)


def explained(relation: Relation, matrix: Tensor) -> float:
    """Return the share of the wanted rows' squared norm that a matrix explains; 0 if they are 0."""
    gram, cross, total = relation
    return float((2 * (matrix * cross).sum() - ((gram @ matrix) * matrix).sum()) / total) if total > 0 else 0.0


def truncated(
    m: Tensor, gram: Tensor, writing: Tensor, *, rank: int | None = None, share: float | None = None
) -> tuple[Tensor, Tensor, float]:
    """Return the factors of a low-rank matrix near M, and the share of M's squared effect that it keeps.

    With the Gram matrices C of the rows r that M multiplies (``gram``) and K of the gradients of rM (``writing``), this
    effect is ‖C^½ M K^½‖². ``share`` is the least share to keep, and ``rank`` the largest rank, which takes precedence.
    """
    (c_values, u), (k_values, v) = eigen(gram), eigen(writing)
    rows, columns = (x.sqrt() + 1e-4 * x.mean().sqrt() + 1e-20 for x in (c_values, k_values))
    left, s, right = torch.linalg.svd(rows[:, None] * (u.mT @ m @ v) * columns, full_matrices=False)
    a, b = u @ (left * s.sqrt() / rows[:, None]), (s.sqrt()[:, None] * right / columns) @ v.mT
    energy = s.double().square()
    reached = energy.cumsum(0) / energy.sum().clamp_min(1e-300)
    least = len(energy) if share is None else int((reached < share).sum()) + 1
    r = max(1, min(least, len(energy) if rank is None else rank, len(energy)))
    return a[:, :r], b[:r], float(reached[r - 1])
