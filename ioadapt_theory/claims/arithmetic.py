"""One formula, two arithmetics: batched float64 tensors for searches, 50-digit mpmath (object arrays) for an instance.

A statement is written once, from these few operations; what it gives in float64 is thereby comparable with 50 digits.
Matrices are the last two axes, vectors the last one; leading axes are a batch (tensors only).
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.claims import ranks
from ioadapt_theory.errors import InvalidValueError

DIGITS = 50
REACHED = 1e-12
LARGE = 64
"""Above this size singular values are float64 ones, accurate to about 1e-16 of the largest: 50 digits take minutes."""
Array = Any
"""A tensor, or a numpy object array of mpmath numbers; a scalar is a tensor or an mpmath number."""

mp = mpmath.mp.clone()
mp.dps = DIGITS


def _elementwise(name: str) -> Callable[[Array], Array]:
    torch_function, mp_function = (
        getattr(torch, name),
        getattr(mp, {"arcsin": "asin"}.get(name, name)),
    )

    def function(x: Array) -> Array:
        return torch_function(x) if isinstance(x, Tensor) else mp_function(x)

    function.__doc__ = f"{name} of a scalar."
    return function


sqrt = _elementwise("sqrt")
log = _elementwise("log")
cos = _elementwise("cos")
arcsin = _elementwise("arcsin")
atanh = _elementwise("atanh")


def number(x: float | int, like: Array) -> Array:
    """The number x in the arithmetic of ``like``."""
    return torch.full_like(like, x) if isinstance(like, Tensor) else mp.mpf(x)


def positive_part(x: Array) -> Array:
    """max(x, 0)."""
    return (x + abs(x)) / 2


def excess(value: Array, limit: Array) -> Array:
    """By how much value exceeds limit, relative to limit; 0 if it does not."""
    if isinstance(value, Tensor):
        return torch.where(value <= limit, 0.0, (value - limit) / limit)
    return 0 * value if value <= limit else (value - limit) / limit if limit else mp.inf


def reached(value: Array, limit: Array) -> Array:
    """0 where value < limit, else the excess and a little more: equality is not strict."""
    if isinstance(value, Tensor):
        return torch.where(value < limit, 0.0, excess(value, limit) + REACHED)
    return 0 if value < limit else excess(value, limit) + Fraction(REACHED)


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


def sine(u: Array, v: Array) -> Array:
    """√(1 − s²) as ‖v̂ − s û‖, accurate also where u and v are nearly parallel."""
    a, b = unit(u), unit(v)
    return norm(b - scaled(dot(a, b), a))


def angle(u: Array, v: Array) -> Array:
    """The angle arccos s(u, v), accurate at every angle."""
    y, x = sine(u, v), cosine(u, v)
    return torch.atan2(y, x) if isinstance(u, Tensor) else mp.atan2(y, x)


def scaled(a: Array, v: Array) -> Array:
    """The vector a·v for a scalar a."""
    return a[..., None] * v if isinstance(v, Tensor) else a * v


def unit(u: Array) -> Array:
    """û = u/‖u‖."""
    return scaled(1 / norm(u), u)


def outer(u: Array, v: Array) -> Array:
    """uᵀv for row vectors."""
    return u[..., :, None] * v[..., None, :]


def apply(x: Array, w: Array) -> Array:
    """The row vector xW."""
    return (x.unsqueeze(-2) @ w).squeeze(-2) if isinstance(w, Tensor) else x @ w


def identity(n: int, like: Array) -> Array:
    """I_n in the arithmetic of ``like``."""
    if isinstance(like, Tensor):
        return torch.eye(n, dtype=like.dtype, device=like.device)
    one = Fraction(1) if isinstance(like.flat[0], Fraction) else mp.mpf(1)
    return np.array([[one * (i == j) for j in range(n)] for i in range(n)], dtype=object)


def plus_identity(m: Array) -> Array:
    """I + M."""
    return identity(m.shape[-1], m) + m


def block(a: Array, b: Array, c: Array, d: Array) -> Array:
    """[[A, B], [C, D]]."""
    if isinstance(a, Tensor):
        return torch.cat((torch.cat((a, b), -1), torch.cat((c, d), -1)), -2)
    return np.block([[a, b], [c, d]])


def frobenius_sq(m: Array) -> Array:
    """‖M‖_F²."""
    return (m * m).sum((-2, -1))


def singular_values(m: Array) -> Array:
    """Singular values, largest first, on the last axis."""
    if isinstance(m, Tensor):
        return torch.linalg.svdvals(m)
    if not m.any():
        return np.array([mp.mpf(0)] * min(m.shape), dtype=object)
    if max(m.shape) > LARGE:
        return np.array([mp.mpf(s) for s in np.linalg.svd(m.astype(float), compute_uv=False)], dtype=object)
    return np.array(list(mp.svd_r(mp.matrix(m.tolist()), compute_uv=False)), dtype=object)


def operator_norm(m: Array) -> Array:
    """‖M‖₂."""
    return singular_values(m)[..., 0]


def condition_number(m: Array) -> Array:
    """σ_max / σ_min over the min(c, d) singular values."""
    s = singular_values(m)
    if not isinstance(m, Tensor) and max(m.shape) > LARGE and s[-1] < 1e-6 * s[0]:
        msg = f"cond(M) of a matrix above {LARGE} x {LARGE} is computed in double precision, and this one exceeds 1e6."
        raise InvalidValueError(msg)
    return s[..., 0] / s[..., -1]


def largest(u: Array) -> Array:
    """‖u‖_∞, which no square can underflow."""
    return abs(u).amax(-1) if isinstance(u, Tensor) else max(abs(u))


def inverse(m: Array) -> Array:
    """M⁻¹."""
    if isinstance(m, Tensor):
        return torch.linalg.inv(m)
    return np.array(mp.inverse(mp.matrix(m.tolist())).tolist(), dtype=object)


def rank(m: Array) -> Array:
    """The rank: of Fractions exactly, in a search the number of singular values that are not rounding."""
    if isinstance(m, Tensor):
        s = singular_values(m)
        return (s > 1e-12 * s[..., :1]).sum(-1)
    return ranks.rank(m)


def parallel(u: Array, v: Array) -> Array:
    """1.0 where u and v are parallel, 0.0 where they are not; Fractions are compared exactly."""
    if isinstance(u, Tensor):
        return 1.0 * (sine(u, v) < 1e-12)
    return 1.0 * (ranks.rank(np.stack((u, v))) < 2)
