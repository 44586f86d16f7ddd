"""Similarity of the spaces that adapters live in: cosines of Gram matrices without their trivial part.

W is c x d, Y = XW. An input adapter T meets W only as TW, so what it meets is the Gram K = WWᵀ (c x c): ‖xTW‖² =
xTKTᵀxᵀ, and K = K' exactly if W' = WQ with an orthogonal Q. An output adapter meets WᵀW (d x d) in the same way. A
convolution is mixed over channels, so its kernel counts as the matrix of one channel axis against everything else.
Any wide matrix has K near a multiple of I, which says nothing, so that part is projected out (`linalg`), and what
unrelated layers have in common is the null (`null`).
"""

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from ioadapt_theory.linalg import ROUNDING, without_identity
from ioadapt_theory.null import Profile, parts, profile
from ioadapt_theory.similarity.matching import Layer, Space
from ioadapt_theory.similarity.measures.cosine import Moments, in_range, sq_distances
from ioadapt_theory.similarity.measures.grams import Sides, Sums, gram_sums
from ioadapt_theory.similarity.measures.reader import Reader

MOST_PARTS = 16
"""Largest number of parts in the null; a side with more, such as a vocabulary, counts as one part."""


def gram_moments(layer: Layer, reader: Reader, space: Space, widths: Sequence[int] = ()) -> Moments:
    """Return inner products ⟨K°_a, K°_b⟩ of the centred Grams of all models that have the layer, and their profiles.

    Args:
        layer: With two axes or more, and two channels or more on the asked side.
        reader: Of the models.
        space: Which side.
        widths: The sides of all layers of the network; see `null.parts`.
    """
    models, count = reader.members(layer), len(reader.checkpoints)
    matrices = Sides(layer, reader, models, space)
    f = matrices.channels
    cuts = parts(f, widths)
    cuts = cuts if len(cuts) <= MOST_PARTS + 1 else (0, f)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = gram_sums(matrices, models, cuts)
    traces = sums.diagonals.sum(1)
    inner, errors = np.full((count, count), np.nan), np.full((count, count), np.nan)
    inner[np.ix_(models, models)] = without_identity(sums.products, traces, f, ROUNDING * np.finfo(np.float64).eps)
    errors[np.ix_(models, models)] = _rounding(sums, traces)
    profiles: dict[int, Profile] = {}
    for k, model in enumerate(models):
        square = float(sums.products[k, k])  # of fourth powers, which vanish before the weights do
        if not in_range(square) or (square == 0 and any(piece.any() for _, piece in matrices.blocks(model))):
            inner[model, model] = np.nan
        elif inner[model, model] > 0:
            profiles[model] = _profile(sums, k, cuts, matrices, model)
    null = tuple(map(profiles.get, range(count)))
    return Moments(inner, sq_distances(inner), profiles=null, errors=errors)


def _rounding(sums: Sums, traces: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """Return a bound on the rounding error of ⟨K°_a, K°_b⟩ for any order of summation.

    A sum of k products is off by at most γ_k = k u / (1 - k u) of the products' sizes, u = 2^-53 (Higham, Accuracy and
    Stability of Numerical Algorithms, Sec. 3.1). So K is off by γ_m tr K, for ∑ ‖w_i‖²‖w_j‖² = (tr K)², and WᵀW' by
    γ_f (tr K tr K')^½; their products and those of the traces add what they round themselves.
    """
    each, whole = (_gamma(k) for k in sums.terms)
    norms, f = np.sqrt(np.diagonal(sums.products)), sums.diagonals.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):
        grams = each * (np.outer(traces, norms) + np.outer(norms, traces)) + whole * np.outer(norms, norms)
        # a part in a hundred more covers products of errors, and that traces and norms are themselves those with errors
        return 1.01 * (grams + 2 * _gamma(sum(sums.terms)) * np.outer(traces, traces) / f)


def _gamma(terms: int) -> float:
    """Return γ_k for sums in float64, with room for a few further roundings."""
    return (terms + 4) * 2.0**-53 / (1 - (terms + 4) * 2.0**-53)


def _profile(sums: Sums, k: int, cuts: Sequence[int], matrices: Sides, model: int) -> Profile:
    """Return the statistics of model k's K° = K - tI that the null needs."""
    diagonal, rows, squares = sums.diagonals[k], sums.rows[k].copy(), sums.squares[k].copy()
    t = diagonal.sum() / cuts[-1]
    for p, (i, j) in enumerate(itertools.pairwise(cuts)):
        rows[i:j, p] -= t
        squares[p, p] += (j - i) * t * t - 2 * t * diagonal[i:j].sum()
    multiply = partial(matrices.times_gram, model)
    return profile(diagonal - t, rows, squares, cuts, lambda x: multiply(x) - t * x)
