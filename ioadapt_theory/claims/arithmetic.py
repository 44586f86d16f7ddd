"""Arithmetic on float64 tensors (batches), and on numpy object arrays of mpmath numbers (≥ 50 digits) or exact ones.

All formulas are built from these operations, so their values in different arithmetics can be compared. A matrix
occupies the last two axes of an array, a vector the last one. Only tensors may have leading axes, which are a batch.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

DIGITS = 50
LARGE = 64
"""Singular values of matrices with more rows or columns are computed in float64, not at 50 digits."""
Array = Any
"""A tensor, or a numpy object array of mpmath or sympy numbers or Fractions; a scalar is a tensor or such a number."""

mp = mpmath.mp.clone()
mp.dps = DIGITS


def exact(x: Array) -> bool:
    """Return whether ``x`` is a sympy number or an array of sympy numbers, without importing sympy."""
    first = x.flat[0] if isinstance(x, np.ndarray) else x
    return type(first).__module__.startswith("sympy.")


def _sympy() -> Any:
    import sympy  # called only for sympy numbers, so sympy is already imported

    return sympy


def _elementwise(name: str) -> Callable[[Array], Array]:
    other = {"arcsin": "asin"}.get(name, name)

    def function(x: Array) -> Array:
        return getattr(torch, name)(x) if isinstance(x, Tensor) else getattr(_sympy() if exact(x) else mp, other)(x)

    return function


sqrt = _elementwise("sqrt")
log = _elementwise("log")
cos = _elementwise("cos")
arcsin = _elementwise("arcsin")
atanh = _elementwise("atanh")


def number(x: int | Fraction | str, like: Array) -> Array:
    """Return a number, or the constant "pi" or "inf", in the arithmetic of ``like`` and, for a tensor, in its shape."""
    if isinstance(x, str):
        if isinstance(like, Tensor):
            return torch.full_like(like, getattr(math, x))
        return getattr(_sympy(), {"inf": "oo"}.get(x, x)) if exact(like) else +getattr(mp, x)
    if isinstance(like, Tensor):
        return torch.full_like(like, float(x))
    if exact(like):
        return _sympy().Rational(x)
    if isinstance(like, Fraction):
        return Fraction(x)
    return mp.mpf(x.numerator) / x.denominator


def excess(value: Array, limit: Array) -> Array:
    """Return (value − limit)/|limit|, or 0 if ``value`` is at most ``limit``; infinite if a limit of 0 is exceeded."""
    if isinstance(value, Tensor) or isinstance(limit, Tensor):
        return torch.where(value <= limit, 0.0, (value - limit) / abs(limit))
    return 0 * value if value <= limit else (value - limit) / abs(limit) if limit else math.inf


def maximum(a: Array, b: Array) -> Array:
    return torch.maximum(a, b) if isinstance(a, Tensor) else max(a, b)


def minimum(a: Array, b: Array) -> Array:
    return torch.minimum(a, b) if isinstance(a, Tensor) else min(a, b)


def where_larger(a: Array, b: Array, x: Array, y: Array) -> Array:
    return torch.where(a > b, x, y) if isinstance(a, Tensor) else x if a > b else y


def dot(u: Array, v: Array) -> Array:
    return (u * v).sum(-1)


def norm(u: Array) -> Array:
    return sqrt(dot(u, u))


def cosine(u: Array, v: Array) -> Array:
    return dot(u, v) / (norm(u) * norm(v))


def sine(u: Array, v: Array) -> Array:
    """Return √(1 − s²), where s is the cosine of u and v, as ‖v/‖v‖ − s u/‖u‖‖, accurate even near s = ±1."""
    a, b = unit(u), unit(v)
    return norm(b - scaled(dot(a, b), a))


def angle(u: Array, v: Array) -> Array:
    """Return the angle between two vectors in radians, accurate even near 0 and π."""
    y, x = sine(u, v), cosine(u, v)
    if exact(x):
        return _sympy().acos(x)
    return torch.atan2(y, x) if isinstance(x, Tensor) else mp.atan2(y, x)


def scaled(a: Array, m: Array, axes: int = 1) -> Array:
    """Return a·m for a scalar a and a vector m or, if ``axes`` is 2, a matrix m."""
    return a[(..., *[None] * axes)] * m if isinstance(a, Tensor) else a * m


def unit(u: Array) -> Array:
    return scaled(1 / norm(u), u)


def outer(u: Array, v: Array) -> Array:
    return u[..., :, None] * v[..., None, :]


def apply(x: Array, w: Array) -> Array:
    return (x.unsqueeze(-2) @ w).squeeze(-2) if isinstance(w, Tensor) else x @ w


def identity(like: Array) -> Array:
    if isinstance(like, Tensor):
        return torch.eye(like.shape[-1], dtype=like.dtype)
    return np.eye(like.shape[-1], dtype=np.int64) * number(1, like.flat[0])


def frobenius_sq(m: Array) -> Array:
    return (m * m).sum((-2, -1))


def singular_values(m: Array) -> Array:
    """Return the singular values, largest first; for mpmath matrices larger than ``LARGE``, computed in float64."""
    if isinstance(m, Tensor):
        return torch.linalg.svdvals(m)
    if not m.any():
        return np.array([number(0, m)] * min(m.shape), dtype=object)
    if exact(m):
        return np.array(_exact_singular_values(m), dtype=object)
    if max(m.shape) > LARGE:
        return np.array([mp.mpf(s) for s in np.linalg.svd(m.astype(float), compute_uv=False)], dtype=object)
    return np.array(list(mp.svd_r(mp.matrix(m.tolist()), compute_uv=False)), dtype=object)


def _exact_singular_values(m: Array) -> list[Any]:
    sp = _sympy()
    gram = sp.Matrix(min(m, m.T, key=len).tolist())
    squares = [x for x, times_ in (gram * gram.T).eigenvals().items() for _ in range(times_)]
    return [sp.sqrt(sp.simplify(x)) for x in sorted(squares, reverse=True)]


def operator_norm(m: Array) -> Array:
    return singular_values(m)[..., 0]


def condition_number(m: Array) -> Array:
    """Return the ratio of the largest to the smallest of the min(c, d) singular values of a c x d matrix.

    Raises:
        InvalidValueError: the ratio is above 1e6, and the matrix is larger than ``LARGE`` and not a tensor.
    """
    s = singular_values(m)
    if not isinstance(m, Tensor) and max(m.shape) > LARGE and s[-1] < 1e-6 * s[0]:
        what = f"The condition number of a matrix with more than {LARGE} rows or columns is computed only up to 1e6"
        msg = f"{what}; use a smaller or better-conditioned matrix."
        raise InvalidValueError(msg)
    return s[..., 0] / s[..., -1]


def inverse(m: Array) -> Array:
    if isinstance(m, Tensor):
        return torch.linalg.inv(m)
    if exact(m):
        return np.array(_sympy().Matrix(m.tolist()).inv().tolist(), dtype=object)
    return np.array(mp.inverse(mp.matrix(m.tolist())).tolist(), dtype=object)


def pseudo_inverse(m: Array) -> Array:
    """Return the pseudoinverse; unless numbers are exact, singular values at the level of rounding count as zero."""
    if isinstance(m, Tensor):
        return torch.linalg.pinv(m)
    if exact(m):
        return np.array(_sympy().Matrix(m.tolist()).pinv().tolist(), dtype=object)
    u, s, v = mp.svd_r(mp.matrix(m.tolist()))
    least = max(s) * mp.mpf(10) ** (-mp.dps + 10)
    scaled_ = mp.diag([1 / x if x > least else mp.mpf(0) for x in s])
    return np.array((v.T * scaled_ * u.T).tolist(), dtype=object)


def rank(m: Array) -> Array:
    """Return the rank: exact for sympy numbers and Fractions, else the number of singular values above rounding."""
    if exact(m):
        return _sympy().Matrix(m.tolist()).rank()
    if not isinstance(m, Tensor) and isinstance(m.flat[0], Fraction):
        return _rank_of_fractions(m)
    s = singular_values(m)
    if isinstance(m, Tensor):
        return (s > 1e-12 * s[..., :1]).sum(-1)
    return sum(x > s[0] * mp.mpf(10) ** (-mp.dps + 10) for x in s)


def _rank_of_fractions(m: Array) -> int:
    """Return the rank, computed with flint if that is installed (a thousand times faster), or else by elimination."""
    try:
        from flint import fmpq, fmpq_mat
    except ImportError:
        pivots = 0
        for j in range(m.shape[1]):
            if m[:, j].any():
                pivot = m[m[:, j].nonzero()[0][0]]
                m = m - outer(m[:, j] / pivot[j], pivot)  # leaves zeros in the pivot's row and column
                pivots += 1
        return pivots
    return fmpq_mat([[fmpq(x.numerator, x.denominator) for x in row] for row in m.tolist()]).rank()


def outside(u: Array) -> Array:
    """Return how many entries of a row are below all others, or above all others."""
    below, n = u[..., :, None] < u[..., None, :], u.shape[-1]
    if isinstance(u, Tensor):
        same = torch.eye(n, dtype=torch.bool)
        return ((below | same).all(-1) | (below.mT | same).all(-1)).sum(-1).to(u.dtype)
    extreme = [(m.astype(bool) | np.eye(n, dtype=bool)).all(-1) for m in (below, below.T)]
    return number(int((extreme[0] | extreme[1]).sum()), u[0])


def hessian(u: Array, v: Array) -> Array:
    """Return the 2d x 2d Hessian H(u, v) of the cosine s of two vectors with d entries.

    H_uu = −(ûᵀa + aᵀû + s(I − ûᵀû))/‖u‖², H_vv likewise, H_uv = (I − v̂ᵀv̂ − ûᵀb)/(‖u‖‖v‖), with û = u/‖u‖,
    v̂ = v/‖v‖, a = v̂ − sû and b = û − sv̂.
    """
    s, nu, nv = cosine(u, v), norm(u), norm(v)
    u, v = unit(u), unit(v)
    vv = outer(v, v)
    eye = identity(vv)

    def diagonal(x: Array, a: Array, length: Array) -> Array:
        return -scaled(1 / length**2, outer(x, a) + outer(a, x) + scaled(s, eye - outer(x, x), 2), 2)

    huu, hvv = diagonal(u, v - scaled(s, u), nu), diagonal(v, u - scaled(s, v), nv)
    huv = scaled(1 / (nu * nv), eye - vv - outer(u, u - scaled(s, v)), 2)
    if isinstance(huv, Tensor):
        return torch.cat((torch.cat((huu, huv), -1), torch.cat((huv.mT, hvv), -1)), -2)
    return np.block([[huu, huv], [huv.T, hvv]])


def segment_distance_sq(w: Array, dw: Array) -> Array:
    """Return the smallest ‖w + tΔw‖² over t in [0, 1]."""
    size = abs(dw).amax(-1) if isinstance(dw, Tensor) else max(abs(dw))  # not a sum of squares, which may underflow
    direction = scaled(1 / (size + (size == 0) * number(1, size)), dw)  # of norm at least 1, unless Δw = 0
    t = -dot(w, direction) / maximum(dot(direction, direction), number(1, size))
    nearest = w + scaled(minimum(maximum(t, number(0, t)), size), direction)
    return dot(nearest, nearest)


def sup_hessian_norm(u: Array, v: Array, du: Array, dv: Array) -> Array:
    """Return the largest ‖``hessian(u + tΔu, v + tΔv)``‖₂ on a grid of t in [0, 1], a lower bound on its supremum."""
    sup = operator_norm(hessian(u, v))
    points = 9 if isinstance(sup, Tensor) else 33
    for k in range(1, points):
        t = number(Fraction(k, points - 1), sup)
        sup = maximum(sup, operator_norm(hessian(u + scaled(t, du), v + scaled(t, dv))))
    return sup
