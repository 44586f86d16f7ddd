"""Small linear algebra shared by claims and figures; matrices are as in the paper, samples are rows."""

import torch
from jaxtyping import Float
from torch import Tensor


def cosine(u: Float[Tensor, "*batch d"], v: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """s(u, v) = uᵀv / (‖u‖‖v‖) of Lemma 1, along the last axis."""
    return (u * v).sum(-1) / (u.norm(dim=-1) * v.norm(dim=-1))


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
