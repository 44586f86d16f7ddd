"""Small linear algebra shared by claims and figures; matrices are as in the paper, samples are rows."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ROUNDING = 4096
"""Machine epsilons of ‖K‖_F² below which what is left of a Gram K is rounding: K is a multiple of the identity."""


def cosine(u: Float[Tensor, "*batch d"], v: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """Return s(u, v) = uᵀv / (‖u‖‖v‖) of Lemma 1, along the last axis."""
    return (u * v).sum(-1) / (u.norm(dim=-1) * v.norm(dim=-1))


def without_identity(
    products: Float[np.ndarray, "n n"], traces: Float[np.ndarray, " n"], f: int, rounding: float
) -> Float[np.ndarray, "n n"]:
    """Return ⟨K°_a, K°_b⟩ = ⟨K_a, K_b⟩ - tr K_a tr K_b / f for K° = K - (tr K / f) I, all K being f x f."""
    # Any wide random matrix has K near a multiple of I, which says nothing. Where that is all, nothing is left: 0.
    with np.errstate(invalid="ignore", over="ignore"):
        centred = products - np.outer(traces, traces) / f
    trivial = np.diagonal(centred) <= rounding * np.diagonal(products)
    centred[trivial, :] = centred[:, trivial] = 0.0
    return centred


def orthogonal(n: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Float[Tensor, "n n"]:
    """Return a Haar-distributed orthogonal matrix."""
    q, r = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=dtype, device=generator.device))
    return q * r.diagonal().sign()


def with_singular_values(s: Float[Tensor, " k"], c: int, d: int, *, generator: torch.Generator) -> Float[Tensor, "c d"]:
    """Return a random c x d matrix whose k <= min(c, d) non-zero singular values are s."""
    u = orthogonal(c, generator=generator, dtype=s.dtype)[:, : s.numel()]
    v = orthogonal(d, generator=generator, dtype=s.dtype)[: s.numel()]
    return (u * s) @ v
