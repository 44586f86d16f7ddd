"""Ways to carry a change D = AB of W to another base W', each a few lines with one interface, in the paper's layout.

Every function takes (delta, w, w_target), all c x d matrices of any floating dtype, and returns D', what is added to
W', in that of delta; it computes in the widest of them, float32 at least. Input and output adapters themselves are no
baselines: they are (AB)W' and W'(AB), see ``adapters``.
"""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.moving.convert import inverse
from ioadapt_theory.errors import InvalidValueError, ShapeError


def copy(delta: Tensor, w: Tensor, w_target: Tensor) -> Tensor:
    """D' = D: what everybody does with a LoRA; task arithmetic, PortLLM."""
    _same_size(delta, w, w_target)
    return delta.clone()


def scaled_copy(delta: Tensor, w: Tensor, w_target: Tensor, *, factor: float = 0.75) -> Tensor:
    """D' = a D: the strength that users turn down on distilled models."""
    return factor * copy(delta, w, w_target)


def lora_x(delta: Tensor, w: Tensor, w_target: Tensor, *, k: int | None = None) -> Tensor:
    """D' = U'ₖU'ₖᵀ D V'ₖV'ₖᵀ, with the first k singular vectors of W' (LoRA-X, Farhadzadeh et al. 2025)."""
    # Cross-LoRA (2508.05232) is the same: its map P = argmin ‖P Uₖ - U'ₖ‖ has P Uₖ = U'ₖ, as Uₖ is orthonormal. At
    # full rank of a square W' both are a direct copy. The default k is half of min(c, d).
    _same_size(delta, w, w_target)
    d, target = _wide(delta, w_target)
    u, vh = _singular_vectors(target, k)
    return (u @ (u.mT @ d @ vh.mT) @ vh).to(delta.dtype)


cross_lora = lora_x
"""An alias: with equal sizes the two agree to rounding."""


def prolora(delta: Tensor, w: Tensor, w_target: Tensor, *, k: int | None = None) -> Tensor:
    """D' = P'(PDQ)Q' + P'_⊥(P_⊥DQ_⊥)Q'_⊥ (ProLoRA, Farhadzadeh et al. 2025)."""
    # P = UₖUₖᵀ and Q = VₖVₖᵀ of W, primes of W', ⊥ the complements.
    _same_size(delta, w, w_target)
    d, w, w_target = _wide(delta, w, w_target)
    (u, vh), (u2, vh2) = _singular_vectors(w, k), _singular_vectors(w_target, k)
    inside = u @ (u.mT @ d @ vh.mT) @ vh
    left = d - u @ (u.mT @ d)
    outside = left - left @ vh.mT @ vh
    left = outside - u2 @ (u2.mT @ outside)
    return (u2 @ (u2.mT @ inside @ vh2.mT) @ vh2 + left - left @ vh2.mT @ vh2).to(delta.dtype)


def eq_5_output(delta: Tensor, w: Tensor, w_target: Tensor, *, ridge: float = 0.0) -> Tensor:
    """D' = W'W⁺D: converted to an output adapter by Eq. 5, then put on W'; LoRASuite's rule for down projections."""
    _same_size(delta, w)
    _equal(w.shape[1], w_target.shape[1], "outputs of W and W'")
    return (w_target.double() @ (inverse(w, ridge)[0] @ delta.double())).to(delta.dtype)


def eq_5_input(delta: Tensor, w: Tensor, w_target: Tensor, *, ridge: float = 0.0) -> Tensor:
    """D' = DW⁺W': converted to an input adapter by Eq. 5, then put on W'; LoRASuite's rule for up projections."""
    _same_size(delta, w)
    _equal(w.shape[0], w_target.shape[0], "inputs of W and W'")
    return (delta.double() @ inverse(w, ridge)[0] @ w_target.double()).to(delta.dtype)


def transpose(delta: Tensor, w: Tensor, w_target: Tensor, *, side: Placement | str = "input") -> Tensor:
    """D' = DWᵀW' (input) or W'WᵀD (output): LoRASuite's rules for q, k, v and for o, the transpose for the inverse."""
    # It agrees with Eq. 5 for orthogonal W; otherwise each singular direction of W is weighted by s² instead of 1.
    _same_size(delta, w)
    d, w, w_target = _wide(delta, w, w_target)
    moved = w_target @ (w.mT @ d) if Placement(side) is Placement.OUTPUT else (d @ w.mT) @ w_target
    return moved.to(delta.dtype)


def procrustes(delta: Tensor, w: Tensor, w_target: Tensor) -> Tensor:
    """D' = P D Q with orthogonal P, Q that turn W into W': P = U'Uᵀ, Q = VV'ᵀ minimise ‖PWQ - W'‖_F (Schönemann)."""
    # The signs of the singular vectors are free; they are chosen so that P and Q are nearest to the identity.
    _same_size(delta, w, w_target)
    d, *both = _wide(delta, w, w_target)
    (u, vh), (u2, vh2) = (_singular_vectors(m, min(m.shape)) for m in both)
    sign = torch.where((u * u2).sum(0) + (vh * vh2).sum(1) < 0, -1.0, 1.0).to(d)
    return ((u2 * sign) @ (u.mT @ d @ vh.mT) @ (vh2 * sign[:, None])).to(delta.dtype)


def oracle(delta: Tensor, w: Tensor, w_target: Tensor, *, train: Callable[[Tensor], Tensor]) -> Tensor:
    """D' = ``train(w_target)``, what training on the target itself gives: the ceiling of every comparison."""
    _same_size(delta, w)
    result = train(w_target)
    _same_size(result, w_target)
    return result


BASELINES: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {
        "copy": copy,
        "scaled-copy": scaled_copy,
        "lora-x": lora_x,
        "prolora": prolora,
        "eq-5-output": eq_5_output,
        "eq-5-input": eq_5_input,
        "transpose": transpose,
        "procrustes": procrustes,
    }
)
"""Those that need nothing but weights, by name."""


def _wide(*matrices: Tensor) -> list[Tensor]:
    dtype = functools.reduce(torch.promote_types, (m.dtype for m in matrices), torch.float32)
    return [m.to(dtype) for m in matrices]


def _singular_vectors(w: Tensor, k: int | None) -> tuple[Tensor, Tensor]:
    """The first k left and right singular vectors: c x k, k x d."""
    limit = min(w.shape)
    k = max(1, limit // 2) if k is None else k
    if not 1 <= k <= limit:
        msg = f"k is {k}; a {w.shape[0]} x {w.shape[1]} weight has 1 to {limit} singular vectors."
        raise InvalidValueError(msg)
    u, _, vh = torch.linalg.svd(w, full_matrices=False)
    return u[:, :k], vh[:k]


def _same_size(*matrices: Tensor) -> None:
    sizes = [f"{m.shape[0]} x {m.shape[1]}" for m in matrices]
    if len(set(sizes)) > 1:
        msg = f"The change and the weights have to be of one size, found {', '.join(sizes)}."
        raise ShapeError(msg)


def _equal(a: int, b: int, what: str) -> None:
    if a != b:
        msg = f"The {what} have to be as many, found {a} and {b}."
        raise ShapeError(msg)
