"""One formula, two arithmetics: batched float64 tensors for searches, 50-digit mpmath (object arrays) for an instance.

A statement is written once, from these few operations; what it gives in float64 is thereby comparable with 50 digits.
Matrices are the last two axes, vectors the last one; leading axes are a batch (tensors only).
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

DIGITS = 50
Array = Any
"""A tensor, or a numpy object array of mpmath numbers; a scalar is a tensor or an mpmath number."""

mp = mpmath.mp.clone()
mp.dps = DIGITS


def _elementwise(name: str) -> Callable[[Array], Array]:
    torch_function, mp_function = (
        getattr(torch, name),
        getattr(mp, {"arcsin": "asin", "arccos": "acos"}.get(name, name)),
    )

    def function(x: Array) -> Array:
        return torch_function(x) if isinstance(x, Tensor) else mp_function(x)

    function.__doc__ = f"{name} of a scalar."
    return function


sqrt = _elementwise("sqrt")
log = _elementwise("log")
sin = _elementwise("sin")
cos = _elementwise("cos")
arcsin = _elementwise("arcsin")
arccos = _elementwise("arccos")
atanh = _elementwise("atanh")


def number(x: float, like: Array) -> Array:
    """The number x in the arithmetic of ``like``."""
    return torch.full_like(like, x) if isinstance(like, Tensor) else mp.mpf(x)


def maximum(a: Array, b: Array) -> Array:
    """The larger of two scalars."""
    return torch.maximum(a, b) if isinstance(a, Tensor) else max(a, b)


def minimum(a: Array, b: Array) -> Array:
    """The smaller of two scalars."""
    return torch.minimum(a, b) if isinstance(a, Tensor) else min(a, b)


def dot(u: Array, v: Array) -> Array:
    """uᵀv."""
    return (u * v).sum(-1)


def norm(u: Array) -> Array:
    """‖u‖."""
    return sqrt(dot(u, u))


def cosine(u: Array, v: Array) -> Array:
    """s(u, v) = uᵀv / (‖u‖‖v‖) of Lemma 1."""
    return dot(u, v) / (norm(u) * norm(v))


def apply(x: Array, w: Array) -> Array:
    """The row vector xW."""
    return (x.unsqueeze(-2) @ w).squeeze(-2) if isinstance(w, Tensor) else x @ w


def identity(n: int, like: Array) -> Array:
    """I_n in the arithmetic of ``like``."""
    if isinstance(like, Tensor):
        return torch.eye(n, dtype=like.dtype, device=like.device)
    return np.array([[mp.mpf(i == j) for j in range(n)] for i in range(n)], dtype=object)


def plus_identity(m: Array) -> Array:
    """I + M."""
    return identity(m.shape[-1], m) + m


def frobenius_sq(m: Array) -> Array:
    """‖M‖_F²."""
    return (m * m).sum((-2, -1))


def singular_values(m: Array) -> Array:
    """Singular values, largest first, on the last axis."""
    if isinstance(m, Tensor):
        return torch.linalg.svdvals(m)
    if not m.any():
        return np.array([mp.mpf(0)] * min(m.shape), dtype=object)
    return np.array(list(mp.svd_r(mp.matrix(m.tolist()), compute_uv=False)), dtype=object)


def operator_norm(m: Array) -> Array:
    """‖M‖₂."""
    return singular_values(m)[..., 0]


def condition_number(m: Array) -> Array:
    """σ_max / σ_min over the min(c, d) singular values."""
    s = singular_values(m)
    return s[..., 0] / s[..., -1]
