"""Baselines that map a change D = AB of a weight W to a change D' of another weight W', in the layout of Y = XW.

Every function takes D, W and W' as (delta, w, w_target), matrices of any floating dtype, and returns D' in the dtype of
``delta``; it computes in a dtype at least as wide as theirs and as float32. Input and output adapters, (AB)W' and
W'(AB), are not baselines; see ``ioadapt_theory.adapters``.
"""

import functools

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError, ShapeError
from ioadapt_theory.moving.convert import inverse


def copy(delta: Tensor, w: Tensor, w_target: Tensor) -> Tensor:
    _same_size(delta, w, w_target)
    return delta.clone()


def lora_x(delta: Tensor, w: Tensor, w_target: Tensor, *, k: int | None = None) -> Tensor:
    """Return U'ₖU'ₖᵀ D V'ₖV'ₖᵀ for the change D = ``delta`` (LoRA-X, Farhadzadeh et al. 2025).

    U'ₖ and V'ₖ are the first k singular vectors of ``w_target``; k is half of its smaller dimension by default.
    """
    # Cross-LoRA (2508.05232) is the same: its map P = argmin ‖P Uₖ - U'ₖ‖ has P Uₖ = U'ₖ, because Uₖ is orthonormal. If
    # W' is square and k is its size, both methods copy D.
    _same_size(delta, w, w_target)
    d, target = _wide(delta, w_target)
    u, vh = _singular_vectors(target, k)
    return (u @ (u.mT @ d @ vh.mT) @ vh).to(delta.dtype)


def prolora(delta: Tensor, w: Tensor, w_target: Tensor, *, k: int | None = None) -> Tensor:
    """Return P'(PDQ)Q' + P'_⊥(P_⊥DQ_⊥)Q'_⊥ for the change D = ``delta`` (ProLoRA, Farhadzadeh et al. 2025).

    P and Q project onto the first k left and right singular vectors of ``w``, P' and Q' onto those of ``w_target``;
    P_⊥ is I - P, and likewise for the others. By default, k is half of the smaller dimension.
    """
    _same_size(delta, w, w_target)
    d, w, w_target = _wide(delta, w, w_target)
    (u, vh), (u2, vh2) = _singular_vectors(w, k), _singular_vectors(w_target, k)
    inside = u @ (u.mT @ d @ vh.mT) @ vh
    left = d - u @ (u.mT @ d)
    outside = left - left @ vh.mT @ vh
    left = outside - u2 @ (u2.mT @ outside)
    return (u2 @ (u2.mT @ inside @ vh2.mT) @ vh2 + left - left @ vh2.mT @ vh2).to(delta.dtype)


def eq_5_output(delta: Tensor, w: Tensor, w_target: Tensor, *, ridge: float = 0.0) -> Tensor:
    """Return W'W⁺D: Eq. 5 converts a change D of W to an output adapter, which is put on the target's weight W'.

    LoRASuite does so for down projections. With a ridge, W⁺ is a regularised inverse; see ``inverse``.
    """
    _same_size(delta, w)
    _equal(w.shape[1], w_target.shape[1], "outputs of W and W'")
    return (w_target.double() @ (inverse(w, ridge)[0] @ delta.double())).to(delta.dtype)


def eq_5_input(delta: Tensor, w: Tensor, w_target: Tensor, *, ridge: float = 0.0) -> Tensor:
    """Return DW⁺W': Eq. 5 converts a change D of W to an input adapter, which is put on the target's weight W'.

    LoRASuite does so for up projections. With a ridge, W⁺ is a regularised inverse; see ``inverse``.
    """
    _same_size(delta, w)
    _equal(w.shape[0], w_target.shape[0], "inputs of W and W'")
    return (delta.double() @ inverse(w, ridge)[0] @ w_target.double()).to(delta.dtype)


def procrustes(delta: Tensor, w: Tensor, w_target: Tensor) -> Tensor:
    """Return PDQ with P = U'Uᵀ and Q = VV'ᵀ for the change D = ``delta`` of W.

    U, V and U', V' are the singular vectors of W and of the target's weight W'. If W is square, no orthogonal P and Q
    make ‖PWQ - W'‖_F smaller.
    """
    # The signs of the singular vectors are arbitrary; they are chosen so that P and Q are nearest to the identity.
    _same_size(delta, w, w_target)
    d, *both = _wide(delta, w, w_target)
    (u, vh), (u2, vh2) = (_singular_vectors(m, min(m.shape)) for m in both)
    sign = torch.where((u * u2).sum(0) + (vh * vh2).sum(1) < 0, -1.0, 1.0).to(d)
    return ((u2 * sign) @ (u.mT @ d @ vh.mT) @ (vh2 * sign[:, None])).to(delta.dtype)


def _wide(*matrices: Tensor) -> list[Tensor]:
    dtype = functools.reduce(torch.promote_types, (m.dtype for m in matrices), torch.float32)
    return [m.to(dtype) for m in matrices]


def _singular_vectors(w: Tensor, k: int | None) -> tuple[Tensor, Tensor]:
    limit = min(w.shape)
    k = max(1, limit // 2) if k is None else k
    if not 1 <= k <= limit:
        msg = f"k must be from 1 to {limit} for a weight of size {w.shape[0]} x {w.shape[1]}, not {k}."
        raise InvalidValueError(msg)
    u, _, vh = torch.linalg.svd(w, full_matrices=False)
    return u[:, :k], vh[:k]


def _same_size(*matrices: Tensor) -> None:
    sizes = [f"{m.shape[0]} x {m.shape[1]}" for m in matrices]
    if len(set(sizes)) > 1:
        msg = f"The change and the weights must have the same shape, not {', '.join(sizes)}."
        raise ShapeError(msg)


def _equal(a: int, b: int, what: str) -> None:
    if a != b:
        msg = f"The numbers of {what} must be the same, not {a} and {b}."
        raise ShapeError(msg)
