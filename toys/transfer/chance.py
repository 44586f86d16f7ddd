"""The chance level of the cosine of two layers: its distribution for unrelated channels, without sampling.

Gram matrices of unrelated networks are still correlated: non-negative activations give their entries a common mean, and
the channels of each network differ in size. But independently trained networks do not share the order of channels.
So the null distribution of ⟨K, K'⟩, for Gram matrices K and K', is that of ⟨K, PK'Pᵀ⟩ with a random permutation P, the
statistic of Mantel (Cancer Res. 27, 1967, 209-220). If the channels are a concatenation (a skip connection, fused q, k,
v), the order of the parts is shared by construction, and P permutes inside each part. No sampling is needed, since a
symmetric matrix K is a sum of components, each in a space that P maps to itself. With means δ and μ, d and u that sum
to zero over i, and e that sums to zero over either index,

    K_ii = δ_p + d_i,    K_ij = μ_pp + u_i + u_j + e_ij  (i ≠ j in part p),
    K_ij = μ_pq + u_i^q + u_j^p + e_ij  (i in part p, j in part q ≠ p),

and by Schur's lemma E⟨a, Pa'⟩ = 0 for a component a of K, other than a mean, and the same a' of K'. Further,
E⟨a, Pa'⟩⟨b, Pb'⟩ = ⟨a, b⟩⟨a', b'⟩ / dim if b = a, or if both are d or u, as vectors, over the same part, and 0
otherwise; dim is n - 1 for d and u, n (n - 3) / 2 for e inside a part of n channels, and (n - 1)(n' - 1) for e between
two parts.

The null distribution is skewed, since a few large channels or eigenvalues may coincide by chance. The third moment is
exact for d and u, which give a sum of x_iy_P(i) with E(∑ x_iy_P(i))³ = n ∑x³ ∑y³ / ((n - 1)(n - 2)). For e, the third
moment under random rotations is used, 8 tr e³ tr e'³ / n³, computed from the largest eigenvalues of e. A gamma
distribution with these moments gives z.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

Times = Callable[[Float[np.ndarray, "f r"]], Float[np.ndarray, "f r"]]
"""A function that multiplies a matrix K by a matrix with a few columns."""

ROUNDING = 4096
"""Multiple of the machine epsilon; if ‖K - (tr K / f) I‖² / ‖K‖² is smaller, the f x f matrix K counts as a multiple
of I."""
STANDS_OUT = 3.0
"""Minimum z (a standard normal deviate) of the cosine of two layers that count as more similar than by chance."""
NARROWEST = 16
"""Minimum number of channels in a part, so that there are enough channels to permute."""
MOST_PARTS = 16
"""Largest number of parts into which channels are divided; see ``parts``."""
EIGENVALUES = 6
"""Number of eigenvalues of e, see ``Profile``, that are computed; the cubes of the others are negligible."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Sums over one Gram matrix K / unit, whose channels form k parts, from which the null distribution is computed.

    For channels i of part p and j ≠ i of part q, K_ii = δ_p + d_i and K_ij = μ_pq + u_i^q + u_j^p + e_ij.

    Attributes:
        sizes: (k,) number of channels in each part.
        diagonal: (k,) mean δ of the diagonal entries of each part.
        means: (k, k) mean μ of the off-diagonal entries for each pair of parts.
        effects: (k, k + 1, k + 1) for each part, inner products of the vector d and the k vectors u. Each vector is
            multiplied by the square root of a number: 1 for d; 2 (n - 2) for the u inside the part, of n channels; 2 n'
            for the u towards a part of n' channels.
        rest: (k, k) sum of e² for each pair of parts.
        cubes: (k, k + 1, k + 1, k + 1) for each part, the sums of products of three of these vectors.
        triangles: (k, k, k) sums of e_ij e_jl e_li over i, j, l in three parts.
        unit: the power of two nearest to ‖K‖, by which K is divided, since sums of cubes would leave float64's range.
    """

    sizes: tuple[int, ...]
    diagonal: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k k"]
    effects: Float[np.ndarray, "k v v"]
    rest: Float[np.ndarray, "k k"]
    cubes: Float[np.ndarray, "k v v v"]
    triangles: Float[np.ndarray, "k k k"]
    unit: float


def profile(
    diagonal: Float[np.ndarray, " f"],
    rows: Float[np.ndarray, "f k"],
    squares: Float[np.ndarray, "k k"],
    cuts: Sequence[int],
    times: Times,
) -> Profile:
    """Return the sums over a symmetric matrix K that ``Profile`` describes.

    Args:
        diagonal: Diagonal of K.
        rows: Row sums of K, over the columns of each part.
        squares: Sums of the squared entries of K, for the rows of each part and the columns of each part.
        cuts: Boundaries 0, ..., f of the parts into which the channels are divided.
        times: Function that multiplies K by a matrix with a few columns, to find the largest eigenvalues.
    """
    unit = 2.0 ** round(math.log2(squares.sum()) / 2) if squares.any() else 1.0
    diagonal, rows, squares = diagonal / unit, rows / unit, squares / unit / unit
    parts = [slice(*ends) for ends in pairwise(cuts)]
    sizes = np.array([part.stop - part.start for part in parts])
    k = len(parts)
    delta, means, rest = np.zeros(k), np.zeros((k, k)), np.zeros((k, k))
    effects, cubes = np.zeros((k, k + 1, k + 1)), np.zeros((k, k + 1, k + 1, k + 1))
    u = np.zeros(rows.shape)
    for p, part in enumerate(parts):
        n = int(sizes[p])
        d, r, norms = diagonal[part], rows[part].copy(), squares[p].copy()
        r[:, p] -= d
        norms[p] -= d @ d
        delta[p] = d.mean()
        met = np.where(np.arange(k) == p, n - 1, sizes)  # number of entries in a row
        means[p] = r.sum(0) / np.maximum(n * met, 1)
        spread = np.where(np.arange(k) == p, n - 2, sizes)  # the u_j in row i of this part sum to -u_i
        u[part] = (r - met * means[p]) / np.maximum(spread, 1) * (spread > 0)
        weighted = np.column_stack([d - delta[p], u[part] * np.sqrt(2 * np.maximum(spread, 0))])
        effects[p] = weighted.T @ weighted
        cubes[p] = np.einsum("iu,iv,iw->uvw", weighted, weighted, weighted, optimize=True)
        rest[p] = norms - n * met * means[p] ** 2
    explained = np.array([np.diagonal(e)[1:] for e in effects])
    rest -= (explained + explained.T) / 2  # minus the effects of the rows and of the columns
    triangles = _triangles(lambda x: times(x) / unit, diagonal, means, u, cuts)
    return Profile(tuple(map(int, sizes)), delta, means, effects, np.maximum(rest, 0.0), cubes, triangles, unit)


def _triangles(
    times: Times,
    diagonal: Float[np.ndarray, " f"],
    means: Float[np.ndarray, "k k"],
    u: Float[np.ndarray, "f k"],
    cuts: Sequence[int],
) -> Float[np.ndarray, "k k k"]:
    """Return ``Profile.triangles``, estimated from the leading eigenvectors of the matrix e."""
    own = np.repeat(np.arange(len(means)), np.diff(cuts))  # the part of each channel
    mean, itself = means[own], np.arange(len(own))
    alone = (diagonal + mean[itself, own] + 2 * u[itself, own])[:, None]

    def times_e(x: Float[np.ndarray, "f r"]) -> Float[np.ndarray, "f r"]:
        sums = np.add.reduceat(x, cuts[:-1], axis=0)
        return times(x) - (mean + u) @ sums - (u.T @ x)[own] + (alone - 2 * diagonal[:, None]) * x

    start = np.random.default_rng(0).standard_normal((len(own), min(EIGENVALUES, len(own))))
    q = np.linalg.qr(times_e(start))[0]
    core = q.T @ times_e(q)
    each = [q[i:j].T @ q[i:j] @ core for i, j in pairwise(cuts)]
    return np.array([[[np.trace(a @ b @ c) for c in each] for b in each] for a in each])


def of_matrix(k: Float[np.ndarray, "f f"], cuts: Sequence[int] | None = None) -> Profile:
    """Return the ``Profile`` of the symmetric matrix ``k``; by default, all its channels are one part."""
    cuts = (0, len(k)) if cuts is None else cuts
    starts = list(cuts[:-1])
    rows = np.add.reduceat(k, starts, axis=1)
    squares = np.add.reduceat(np.add.reduceat(k * k, starts, axis=1), starts, axis=0)
    return profile(np.diagonal(k).copy(), rows, squares, cuts, k.__matmul__)


def moments(one: Profile, two: Profile) -> tuple[float, float]:
    """Return mean and standard deviation of ⟨K, PK'Pᵀ⟩ over permutations P within parts, in units of both profiles."""
    n = np.array(one.sizes, dtype=float)
    pairs = np.outer(n, n) - np.diag(n)
    mean = float((n * one.diagonal * two.diagonal).sum() + (pairs * one.means * two.means).sum())
    variance = float(((one.effects * two.effects).sum((1, 2)) / np.maximum(n - 1, 1)).sum())
    inside = np.maximum(n * (n - 3) / 2, 1)
    between = np.outer(n - 1, n - 1)
    dims = np.where(np.eye(len(n), dtype=bool), inside, np.maximum(between, 1) / 2)  # blocks between parts occur twice
    variance += float((one.rest * two.rest / dims).sum())
    return mean, math.sqrt(variance)


def skewness(one: Profile, two: Profile) -> float:
    """Return the skewness of ⟨K, PK'Pᵀ⟩ over permutations P within parts; 0 if the standard deviation is 0."""
    n = np.array(one.sizes, dtype=float)
    third = float((n * (one.cubes * two.cubes).sum((1, 2, 3)) / np.maximum((n - 1) * (n - 2), 1)).sum())
    third += 8 * float((one.triangles * two.triangles / np.einsum("p,q,r->pqr", n, n, n)).sum())
    sd = moments(one, two)[1]
    return third / sd**3 if sd > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Null:
    """A cosine with its null distribution over random permutations of channels or, for weights, of entries.

    Attributes:
        cosine: The cosine of two weights, or of two trace-free Gram matrices; or a mean of such cosines.
        mean: The mean of the cosine over all permutations.
        sd: The standard deviation of the cosine over all permutations.
        skew: The skewness of the cosine over all permutations.
    """

    cosine: float
    mean: float
    sd: float
    skew: float = 0.0

    @property
    def z(self) -> float | None:
        """The normal deviate of the cosine; None if all permutations give the same cosine."""
        return self._z(self.cosine)

    @property
    def excess(self) -> float | None:
        """(c - μ) / (1 - μ) for the cosine c and its null mean μ: 0 at chance level, 1 if identical; None if μ is 1."""
        return (self.cosine - self.mean) / (1 - self.mean) if self.mean < 1 - 1e-9 else None

    @property
    def too_small(self) -> bool:
        """Whether the layers are so small that a weight cosine of 1/2 would often look like chance.

        A weight cosine of 1/2 gives an excess of about 1/4; layers are too small if z is then below ``STANDS_OUT`` + 1.
        """
        return (self._z(self.mean + (1 - self.mean) / 4) or 0.0) < STANDS_OUT + 1

    def _z(self, cosine: float) -> float | None:
        """Return z of a gamma-distributed cosine, after Wilson and Hilferty (PNAS 17, 1931); None if ``sd`` is 0."""
        if self.sd <= 0:
            return None
        z, g = (cosine - self.mean) / self.sd, self.skew
        return z if abs(g) < 1e-3 else 6 / g * (math.cbrt(1 + g * z / 2) - 1) + g / 6


def beside(inner: float, norms: float, one: Profile, two: Profile) -> Null:
    """Return the cosine of two Gram matrices, inner / norms = ⟨K, K'⟩ / ‖K‖‖K'‖, with its null distribution."""
    mean, sd = (x / (norms / one.unit / two.unit) for x in moments(one, two))
    return Null(max(-1.0, min(1.0, inner / norms)), mean, sd, skewness(one, two))


def parts(channels: int, widths: Sequence[int]) -> tuple[int, ...]:
    """Return boundaries 0, ..., channels that divide a layer's channels, which may be a concatenation of q, k, v.

    ``widths`` are the numbers of channels of all layers. All parts have the same size, the largest of ``widths`` that
    is at least NARROWEST and a proper divisor of ``channels``. Without such a width, or with more than MOST_PARTS
    parts, as for a vocabulary, all channels are a single part. Unnecessary boundaries are harmless, since the order of
    channels inside a part is arbitrary.
    """
    width = max((w for w in set(widths) if NARROWEST <= w < channels and channels % w == 0), default=channels)
    return tuple(range(0, channels + 1, width)) if channels <= MOST_PARTS * width else (0, channels)
