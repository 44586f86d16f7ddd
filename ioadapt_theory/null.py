"""What two unrelated layers share: the cosine of their Grams when the channels of one are permuted, in closed form.

Grams of unrelated networks are not unrelated matrices: activations that are never negative give their entries a common
mean, and channels differ in size in every network. What two networks trained apart do not share is the order of their
channels. So the null of ⟨K, K'⟩ is ⟨K, PK'Pᵀ⟩ with a random permutation P, the statistic of Mantel (Cancer Res. 27,
1967, 209-220). Where a side is a concatenation (a skip connection, fused q, k, v), the order of the parts is shared by
construction, and P permutes inside each part. No sampling is needed: a symmetric matrix falls into pieces that P maps
to themselves, with μ a mean, d and u summing to zero over i, e to zero over either index,

    K_ii = δ_p + d_i,    K_ij = μ_pp + u_i + u_j + e_ij  (i ≠ j in part p),
    K_ij = μ_pq + u_i^q + u_j^p + e_ij  (i in part p, j in part q ≠ p),

and by Schur's lemma unlike pieces are uncorrelated, E⟨a, Pb⟩ = 0 and E⟨a, Pa'⟩⟨b, Pb'⟩ = ⟨a, b⟩⟨a', b'⟩ / dim, where
dim is n - 1 for d and u, n (n - 3) / 2 for e inside a part of n channels, (n - 1)(n' - 1) for e between two parts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class Profile:
    """What the null needs of one Gram; k parts of the channels.

    Attributes:
        sizes: (k,) channels of each part.
        diagonal: (k,) means δ.
        means: (k, k) means μ.
        effects: (k, k + 1, k + 1) for each part the inner products of its d and its k vectors u, each times how often
            it is met: 1 for d, 2 (n - 2) inside the part, 2 n' towards a part of n' channels, under the root.
        rest: (k, k) sums of e².
    """

    sizes: tuple[int, ...]
    diagonal: Float[np.ndarray, " k"]
    means: Float[np.ndarray, "k k"]
    effects: Float[np.ndarray, "k v v"]
    rest: Float[np.ndarray, "k k"]


def profile(
    diagonal: Float[np.ndarray, " f"],
    rows: Float[np.ndarray, "f k"],
    squares: Float[np.ndarray, "k k"],
    cuts: Sequence[int],
) -> Profile:
    """Sum a symmetric matrix K up.

    Args:
        diagonal: of K.
        rows: row sums of K, over the columns of each part.
        squares: sums of squares of K over the rows of one part and the columns of another.
        cuts: where the parts begin and end: 0, ..., f.
    """
    parts = [slice(*ends) for ends in pairwise(cuts)]
    sizes = np.array([part.stop - part.start for part in parts])
    k = len(parts)
    delta, means, rest = np.zeros(k), np.zeros((k, k)), np.zeros((k, k))
    effects = np.zeros((k, k + 1, k + 1))
    for p, part in enumerate(parts):
        n = int(sizes[p])
        d, r, norms = diagonal[part], rows[part].copy(), squares[p].copy()
        r[:, p] -= d
        norms[p] -= d @ d
        delta[p] = d.mean()
        met = np.where(np.arange(k) == p, n - 1, sizes)  # elements in a row
        means[p] = r.sum(0) / np.maximum(n * met, 1)
        spread = np.where(np.arange(k) == p, n - 2, sizes)  # each u_j is met once in row i as well
        u = (r - met * means[p]) / np.maximum(spread, 1) * (spread > 0)
        weighted = np.column_stack([d - delta[p], u * np.sqrt(2 * np.maximum(spread, 0))])
        effects[p] = weighted.T @ weighted
        rest[p] = norms - n * met * means[p] ** 2
    explained = np.array([np.diagonal(e)[1:] for e in effects])
    rest -= (explained + explained.T) / 2  # by the effects of the rows and, alike, of the columns
    return Profile(tuple(map(int, sizes)), delta, means, effects, np.maximum(rest, 0.0))


def of_matrix(k: Float[np.ndarray, "f f"], cuts: Sequence[int] | None = None) -> Profile:
    """The profile of a matrix that is at hand, one part unless ``cuts`` says otherwise."""
    cuts = (0, len(k)) if cuts is None else cuts
    starts = list(cuts[:-1])
    rows = np.add.reduceat(k, starts, axis=1)
    squares = np.add.reduceat(np.add.reduceat(k * k, starts, axis=1), starts, axis=0)
    return profile(np.diagonal(k).copy(), rows, squares, cuts)


def moments(one: Profile, two: Profile) -> tuple[float, float]:
    """Mean and standard deviation of ⟨K, PK'Pᵀ⟩ over all permutations P inside the parts, which both have alike."""
    n = np.array(one.sizes, dtype=float)
    pairs = np.outer(n, n) - np.diag(n)
    mean = float((n * one.diagonal * two.diagonal).sum() + (pairs * one.means * two.means).sum())
    variance = float(((one.effects * two.effects).sum((1, 2)) / np.maximum(n - 1, 1)).sum())
    inside = np.maximum(n * (n - 3) / 2, 1)
    between = np.outer(n - 1, n - 1)
    dims = np.where(np.eye(len(n), dtype=bool), inside, np.maximum(between, 1) / 2)  # S has both triangles
    variance += float((one.rest * two.rest / dims).sum())
    return mean, math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class Null:
    """A cosine beside what unrelated channels would give.

    Attributes:
        cosine: of the two Grams, without their multiples of I.
        mean: of the same under permuted channels.
        sd: its standard deviation.
    """

    cosine: float
    mean: float
    sd: float

    @property
    def z(self) -> float | None:
        """Standard deviations above the null; None where all permutations give the same."""
        return (self.cosine - self.mean) / self.sd if self.sd > 0 else None

    @property
    def excess(self) -> float | None:
        """(c - μ) / (1 - μ): 0 for unrelated, 1 for equal spaces; None where unrelated ones are equal too."""
        return (self.cosine - self.mean) / (1 - self.mean) if self.mean < 1 - 1e-9 else None

    @property
    def most(self) -> float:
        """The z of equal spaces; where that is small, channels are too few or too alike to tell anything."""
        return (1 - self.mean) / self.sd if self.sd > 0 else 0.0


def parts(channels: int, widths: Sequence[int], least: int = 16) -> tuple[int, ...]:
    """Where a side may be a concatenation: cuts at multiples of the widest side of the network that divides it.

    Cuts that are not needed cost next to nothing, since channels are as good as unordered inside a part.

    Args:
        channels: of the side.
        widths: of all sides of the network.
        least: channels of a part; narrower ones leave nothing to permute.
    """
    width = max((w for w in set(widths) if least <= w < channels and channels % w == 0), default=channels)
    return tuple(range(0, channels + 1, width))
