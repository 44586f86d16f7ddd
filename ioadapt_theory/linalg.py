"""Small linear algebra shared by claims and figures; matrices are as in the paper, samples are rows."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ROUNDING = 4096
"""Machine epsilons of ‖K‖_F² below which what is left of a Gram K is rounding: K is a multiple of the identity."""


def cosine(u: Float[Tensor, "*batch d"], v: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """s(u, v) = uᵀv / (‖u‖‖v‖) of Lemma 1, along the last axis."""
    return (u * v).sum(-1) / (u.norm(dim=-1) * v.norm(dim=-1))


def without_identity(
    products: Float[np.ndarray, "n n"], traces: Float[np.ndarray, " n"], f: int, rounding: float
) -> Float[np.ndarray, "n n"]:
    """⟨K°_a, K°_b⟩ = ⟨K_a, K_b⟩ - tr K_a tr K_b / f for K° = K - (tr K / f) I, all K being f x f.

    Any wide random matrix has K near a multiple of I, which says nothing. Where that is all, ‖K°‖² at most `rounding`
    times ‖K‖², nothing is left: 0.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        centred = products - np.outer(traces, traces) / f
    trivial = np.diagonal(centred) <= rounding * np.diagonal(products)
    centred[trivial, :] = centred[:, trivial] = 0.0
    return centred


def operator_norm(m: Float[Tensor, "*batch c d"]) -> Float[Tensor, "*batch"]:
    """‖M‖₂, the largest singular value."""
    return torch.linalg.matrix_norm(m, ord=2)


def frobenius_sq(m: Float[Tensor, "*batch c d"]) -> Float[Tensor, "*batch"]:
    """‖M‖_F²."""
    return m.square().sum((-2, -1))


def condition_number(m: Float[Tensor, "*batch c d"]) -> Float[Tensor, "*batch"]:
    """σ_max / σ_min over the min(c, d) singular values."""
    s = torch.linalg.svdvals(m)
    return s[..., 0] / s[..., -1]


def orthogonal(n: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Float[Tensor, "n n"]:
    """A Haar-distributed orthogonal matrix."""
    q, r = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=dtype, device=generator.device))
    return q * r.diagonal().sign()


def with_singular_values(s: Float[Tensor, " k"], c: int, d: int, *, generator: torch.Generator) -> Float[Tensor, "c d"]:
    """A random c x d matrix whose k <= min(c, d) non-zero singular values are s."""
    u = orthogonal(c, generator=generator, dtype=s.dtype)[:, : s.numel()]
    v = orthogonal(d, generator=generator, dtype=s.dtype)[: s.numel()]
    return (u * s) @ v
