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
import torch

from ioadapt_theory.linalg import ROUNDING, without_identity
from ioadapt_theory.null import Profile, parts, profile
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.gram_sums import Sums, gram_sums
from ioadapt_theory.similarity.measures.overflow import in_range, may_leave, rescaled
from ioadapt_theory.similarity.measures.space import Space, sides
from ioadapt_theory.similarity.streaming.moments import Moments, sq_distances
from ioadapt_theory.similarity.streaming.reader import Reader, stored

MOST_PARTS = 16
"""Parts of a side for which the null is told apart; with more, as of a vocabulary, the side counts as one."""

LARGE = 1 << 20
"""Elements of a layer from which half precision is multiplied in float32."""
SMALLEST = 1e-24
"""Mean square of weights from which, and to the inverse of which, nothing of their products leaves float32."""

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
        found = _in_single(layer, reader, models, space, cuts) or gram_sums(layer, reader, models, space, cuts)
    exponents = None
    if not in_range(np.diagonal(found.products), reader) and may_leave(layer, reader):
        reader, scales = rescaled(layer, reader, models)
        found = gram_sums(layer, reader, models, space, cuts)
        exponents = np.zeros(count, dtype=np.int64)
        exponents[models] = 2 * scales  # K is quadratic in W
    inner, profiles = np.full((count, count), np.nan), dict[int, Profile]()
    inner[np.ix_(models, models)] = without_identity(
        found.products, found.traces, f, ROUNDING * torch.finfo(reader.dtype).eps
    )
    for k, model in enumerate(models):
        if np.isfinite(inner[model, model]):
            profiles[model] = _profile(found, k, cuts)
    return Moments(inner, sq_distances(inner), exponents=exponents, profiles=tuple(map(profiles.get, range(count))))


def _in_single(layer: Layer, reader: Reader, models: Sequence[int], space: Space, cuts: Sequence[int]) -> Sums | None:
    """The sums of a large layer of half precision from products in float32, which take half the time.

    An element of K is off by about √m 2^-24 of its rows' norms, which the 11 bits that such weights have do not notice;
    all that is summed over elements is so in float64. None for other layers, and where float32 could overflow.
    """
    halves = all(reader.checkpoints[i].tensors[stored(layer, i)].dtype in ("F16", "BF16") for i in models)
    if reader.dtype is not torch.float64 or layer.numel < LARGE or not halves or reader.parent is not None:
        return None
    single = Reader(reader.checkpoints, parent=None, fast=True)
    found = gram_sums(layer, single, models, space, cuts)
    means = found.traces / layer.numel
    return found if bool(((means > SMALLEST) & (means < 1 / SMALLEST)).all()) else None


def _profile(found: Sums, k: int, cuts: Sequence[int]) -> Profile:
    """What the null needs of K° = K - tI of model k."""
    t = found.traces[k] / cuts[-1]
    diagonal, rows, squares = found.diagonals[k], found.rows[k].copy(), found.squares[k].copy()
    for p, (i, j) in enumerate(itertools.pairwise(cuts)):
        rows[i:j, p] -= t
        squares[p, p] += (j - i) * t * t - 2 * t * diagonal[i:j].sum()
    return profile(diagonal - t, rows, squares, cuts)
