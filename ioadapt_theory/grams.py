"""Grams of one side of a layer: their cosine without the identity, and what it is when channels are paired at random.

K = WWᵀ is what an input adapter meets of W (and WᵀW what an output adapter meets). Any wide matrix has K near a
multiple of I, which says nothing, so that part is projected out: with f the size of the side, K° = K - (tr K / f) I,

    ⟨K°, K'°⟩ = ⟨K, K'⟩ - tr K tr K' / f.

Real Grams also share a mean and unequal diagonals, so unrelated ones do not read 0. The null is that of channels
paired at random, ⟨K°, P K'° Pᵀ⟩ over all permutations P: Mantel's statistic, whose mean and variance have a closed form
in five sums over each Gram (Mantel, Cancer Research 27, 1967).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ROUNDING = 4096
"""Machine epsilons of ‖K‖_F² below which what is left of K is rounding: K is a multiple of the identity."""


@dataclass(frozen=True, slots=True)
class Null:
    """Mean and standard deviation of a Gram cosine over all ways to pair the channels."""

    mean: float
    sd: float

    def z(self, cosine: float) -> float | None:
        """How many standard deviations a cosine lies above the mean; None where all pairings give the same."""
        return (cosine - self.mean) / self.sd if self.sd > 1e-12 else None

    def excess(self, cosine: float) -> float | None:
        """What a cosine has beyond the mean, as a share of what it could have: (c - μ) / (1 - μ); None if μ = 1."""
        return (cosine - self.mean) / (1 - self.mean) if self.mean < 1 - 1e-12 else None


def without_identity(
    products: Float[np.ndarray, "n n"], traces: Float[np.ndarray, " n"], f: int, eps: float
) -> Float[np.ndarray, "n n"]:
    """⟨K°_a, K°_b⟩ from ⟨K_a, K_b⟩ and tr K_a for sides of size f; 0 where up to rounding K is a multiple of I."""
    with np.errstate(invalid="ignore", over="ignore"):
        centred = products - np.outer(traces, traces) / f
    trivial = np.diagonal(centred) <= ROUNDING * eps * np.diagonal(products)
    centred[trivial, :] = centred[:, trivial] = 0.0
    return centred


def sums(diagonal: Float[np.ndarray, " f"], rows: Float[np.ndarray, " f"], square: float) -> Float[np.ndarray, " 5"]:
    """The five sums over K° that its null depends on, from the diagonal, the row sums and the squared norm of K.

    With a the diagonal of K° and r the sums of its rows without the diagonal: Σr, Σ_{i≠j} K_ij², Σr², Σa², Σar.
    """
    a, r = diagonal - diagonal.mean(), rows - diagonal
    with np.errstate(invalid="ignore", over="ignore"):
        return np.array([r.sum(), max(square - (diagonal @ diagonal), 0.0), r @ r, a @ a, a @ r])


def null(one: Float[np.ndarray, " 5"], other: Float[np.ndarray, " 5"], f: int) -> Null | None:
    """The null of the cosine of two Grams of size f >= 2 from their `sums`; None where one is nothing or not finite.

    The diagonal and the rest are permuted together. With the sums T, Q, R, D, X over ‖K°‖ = √(Q + D) or its square, and
    n_k = f (f - 1) ... (f - k + 1),

        μ = T T' / n_2,   σ² = D D' / (f - 1) + 2 Q Q' / n_2 + 4 (R - Q)(R' - Q') / n_3
                               + (T² - 4R + 2Q)(T'² - 4R' + 2Q') / n_4 - μ² + 4 X X' (1 / n_2 + 2 / n_3).
    """
    squares = np.array([one[1] + one[3], other[1] + other[3]])
    if not (np.isfinite(squares).all() and squares.min() > 0):
        return None
    (t, q, r, d, x), (t2, q2, r2, d2, x2) = one / squares[0], other / squares[1]
    t, t2 = t * math.sqrt(squares[0]), t2 * math.sqrt(squares[1])
    over2, over3, over4 = (1 / n if (n := math.perm(f, k)) else 0.0 for k in (2, 3, 4))  # no k of them: no such terms
    mean = t * t2 * over2
    diagonal = d * d2 / (f - 1)
    rest = 2 * q * q2 * over2 + 4 * (r - q) * (r2 - q2) * over3
    rest += (t * t - 4 * r + 2 * q) * (t2 * t2 - 4 * r2 + 2 * q2) * over4 - mean * mean
    both = 4 * x * x2 * (over2 + 2 * over3)
    return Null(float(mean), math.sqrt(max(float(diagonal + rest + both), 0.0)))


def gram_cosine(a: Float[Tensor, "f m"], b: Float[Tensor, "f n"]) -> Float[Tensor, ""]:
    """Cosine of AAᵀ and BBᵀ, each without its multiple of I; 0 where nothing but that is left.

    ⟨AAᵀ, BBᵀ⟩ = ‖AᵀB‖_F², whichever is less work.
    """
    f = a.shape[0]

    def inner(x: Tensor, y: Tensor) -> float:
        narrow = max(x.shape[1], y.shape[1]) <= f
        return float((x.mT @ y).square().sum() if narrow else ((x @ x.mT) * (y @ y.mT)).sum())

    products = np.array([[inner(x, y) for y in (a, b)] for x in (a, b)])
    traces = np.array([float(x.square().sum()) for x in (a, b)])
    k = without_identity(products, traces, f, torch.finfo(a.dtype).eps)
    norms = math.sqrt(k[0, 0]) * math.sqrt(k[1, 1])
    return a.new_tensor(k[0, 1] / norms if norms else 0.0)


def gram_null(a: Float[Tensor, "f m"], b: Float[Tensor, "f n"]) -> Null | None:
    """The null of `gram_cosine(a, b)`."""
    f = a.shape[0]

    def sums_of(x: Tensor) -> Float[np.ndarray, " 5"]:
        rows = x @ (x.mT @ x.new_ones(f))
        square = (x.mT @ x if x.shape[1] < f else x @ x.mT).square().sum()
        return sums(x.square().sum(1).double().cpu().numpy(), rows.double().cpu().numpy(), float(square))

    return null(sums_of(a), sums_of(b), f)
