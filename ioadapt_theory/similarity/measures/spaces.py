"""How alike the spaces are that an adapter lives in: cosines of Gram matrices, the trivial part removed.

W is c x d, Y = XW. An input adapter T meets W only as TW, so what it meets is the Gram K = WWᵀ (c x c): ‖xTW‖² =
xTKTᵀxᵀ, and K = K' exactly if W' = WQ with an orthogonal Q. An output adapter meets WᵀW (d x d) in the same way. A
convolution is mixed over channels, so its kernel counts as the matrix of one channel axis against everything else.
Any wide matrix has K near a multiple of I, which says nothing, so that part is projected out (`linalg`), and what
unrelated layers have in common is the null (`null`).
"""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ioadapt_theory.linalg import ROUNDING, without_identity
from ioadapt_theory.null import Profile, parts, profile
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.gram_sums import Sums, gram_sums
from ioadapt_theory.similarity.measures.overflow import in_range, may_leave, rescaled
from ioadapt_theory.similarity.measures.space import Space, sides
from ioadapt_theory.similarity.streaming.moments import Moments, sq_distances
from ioadapt_theory.similarity.streaming.reader import Reader

MOST_PARTS = 16
"""Parts of a side for which the null is told apart; with more, as of a vocabulary, the side counts as one."""

__all__ = ["Space", "gram_moments"]


def gram_moments(layer: Layer, reader: Reader, count: int, space: Space, widths: Sequence[int] = ()) -> Moments:
    """Inner products ⟨K°_a, K°_b⟩ of the centred Grams of all models that have the layer, and what their null needs.

    Args:
        layer: With two axes or more, and two channels or more on the asked side.
        reader: Of the models.
        count: How many models there are.
        space: Which side.
        widths: The sides of all layers of the network; see `null.parts`.
    """
    models = [i for i in layer.models if i != reader.parent]
    f = sides(layer, space)[1]
    cuts = parts(f, widths)
    cuts = cuts if len(cuts) <= MOST_PARTS + 1 else (0, f)
    with np.errstate(invalid="ignore", over="ignore"):
        found = gram_sums(layer, reader, models, space, cuts)
    exponents = None
    if not in_range(np.diagonal(found.products), reader) and may_leave(layer, reader):
        reader, scales = rescaled(layer, reader, models)
        found = gram_sums(layer, reader, models, space, cuts)
        exponents = np.zeros(count, dtype=np.int64)
        exponents[models] = 2 * scales  # K is quadratic in W
    inner, profiles = np.full((count, count), np.nan), dict[int, Profile]()
    inner[np.ix_(models, models)] = without_identity(
        found.products, found.traces, f, ROUNDING * np.finfo(np.float64).eps
    )
    for k, model in enumerate(models):
        if np.isfinite(inner[model, model]):
            profiles[model] = _profile(found, k, cuts)
    errors = np.full((count, count), np.nan)
    errors[np.ix_(models, models)] = _rounding(found, f)
    null = tuple(map(profiles.get, range(count)))
    return Moments(inner, sq_distances(inner), exponents=exponents, profiles=null, errors=errors)


def _rounding(found: Sums, f: int) -> Float[np.ndarray, "n n"]:
    """What rounding changes of ⟨K°_a, K°_b⟩ at most, whatever the order of the sums.

    A sum of k products is off by at most γ_k = k u / (1 - k u) of the products' sizes, u = 2^-53 (Higham, Accuracy and
    Stability of Numerical Algorithms, Sec. 3.1). So K is off by γ_m tr K, for ∑ ‖w_i‖²‖w_j‖² = (tr K)², and WᵀW' by
    γ_f (tr K tr K')^½; their products and those of the traces add what they round themselves.
    """
    each, whole = (_gamma(k) for k in found.terms)
    traces, norms = found.traces, np.sqrt(np.diagonal(found.products))
    grams = each * (np.outer(traces, norms) + np.outer(norms, traces)) + whole * np.outer(norms, norms)
    # a part in a hundred more covers products of errors, and that traces and norms are themselves those with errors
    return 1.01 * (grams + 2 * _gamma(sum(found.terms)) * np.outer(traces, traces) / f)


def _gamma(terms: int) -> float:
    """γ_k of sums of float64, with room for the few roundings beside."""
    return (terms + 4) * 2.0**-53 / (1 - (terms + 4) * 2.0**-53)


def _profile(found: Sums, k: int, cuts: Sequence[int]) -> Profile:
    """What the null needs of K° = K - tI of model k."""
    t = found.traces[k] / cuts[-1]
    diagonal, rows, squares = found.diagonals[k], found.rows[k].copy(), found.squares[k].copy()
    for p, (i, j) in enumerate(itertools.pairwise(cuts)):
        rows[i:j, p] -= t
        squares[p, p] += (j - i) * t * t - 2 * t * diagonal[i:j].sum()
    return profile(diagonal - t, rows, squares, cuts)
