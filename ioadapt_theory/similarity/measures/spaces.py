"""How alike the spaces are that an adapter lives in: cosines of Gram matrices, the trivial part removed.

W is c x d, Y = XW. An input adapter T meets W only as TW, so what it meets is the Gram K = WWᵀ (c x c): ‖xTW‖² =
xTKTᵀxᵀ, and K = K' exactly if W' = WQ with an orthogonal Q. An output adapter meets WᵀW (d x d) in the same way. A
convolution is mixed over channels, so its kernel counts as the matrix of one channel axis against everything else.
The formula of the cosine and what it is by chance stand in `ioadapt_theory.grams`; here are its sums over large layers:

    tr K = ‖W‖_F²,    ⟨WWᵀ, W'W'ᵀ⟩ = ‖WᵀW'‖_F²,

of which the last lets the smaller of the two sides do the work.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.grams import sums, without_identity
from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.overflow import in_range, may_leave, rescaled
from ioadapt_theory.similarity.measures.sides import Sides, Space, Span, sides
from ioadapt_theory.similarity.streaming.inner_products import Moments, sq_distances
from ioadapt_theory.similarity.streaming.reader import Reader

TILES = 2 * 1024 * 1024
"""Elements of all products that are summed at once."""
PIECE = 512 * 1024
"""Elements of one piece of a matrix."""

__all__ = ["Space", "gram_moments"]


@dataclass(frozen=True, slots=True)
class Sums:
    """⟨K_a, K_b⟩ of all models; and of each, the trace, the diagonal and the sums of the rows of K."""

    products: Float[np.ndarray, "n n"]
    traces: Float[np.ndarray, " n"]
    diagonals: Float[np.ndarray, "n f"]
    rows: Float[np.ndarray, "n f"]


def gram_moments(layer: Layer, reader: Reader, count: int, space: Space) -> Moments:
    """Inner products ⟨K°_a, K°_b⟩ of the centred Grams of all models that have the layer, and what their null needs."""
    models = [i for i in layer.models if i != reader.parent]
    found = _sums(layer, reader, models, space)
    exponents = None
    if not in_range(np.diagonal(found.products), reader) and may_leave(layer, reader):
        reader, scales = rescaled(layer, reader, models)
        found = _sums(layer, reader, models, space)
        exponents = np.zeros(count, dtype=np.int64)
        exponents[models] = 2 * scales  # K is quadratic in W
    f = sides(layer, space)[1]
    inner, null_sums = np.full((count, count), np.nan), np.full((count, 5), np.nan)
    eps = torch.finfo(reader.dtype).eps
    inner[np.ix_(models, models)] = without_identity(found.products, found.traces, f, eps)
    for k, model in enumerate(models):
        null_sums[model] = sums(found.diagonals[k], found.rows[k], float(found.products[k, k]))
    return Moments(inner, sq_distances(inner), exponents=exponents, null_sums=null_sums)


def _sums(layer: Layer, reader: Reader, models: Sequence[int], space: Space) -> Sums:
    """From whichever side is less work."""
    axis, f, m = sides(layer, space)
    matrices = Sides(layer, reader, models, axis)
    return (_from_grams if f * 2 <= m * (len(models) + 1) else _from_crosses)(matrices, models)


def _from_grams(matrices: Sides, models: Sequence[int]) -> Sums:
    """Tile by tile of K = WWᵀ; tiles below the diagonal are those above it."""
    n, f = len(models), matrices.lengths[matrices.axis]
    products, traces = np.zeros((n, n)), np.zeros(n)
    diagonals, rows = np.zeros((n, f)), np.zeros((n, f))
    tiles = matrices.spans(rows=True, length=math.isqrt(TILES // n))
    depth = matrices.spans(rows=False, length=PIECE // (tiles[0][1] or 1))
    for upper, lower in itertools.combinations_with_replacement(tiles, 2):
        grams = [_tile(matrices, model, upper, lower, depth) for model in models]
        for a, b in _upper(n):
            products[a, b] += (1 + (upper != lower)) * torch.dot(grams[a].view(-1), grams[b].view(-1)).item()
        for k, gram in enumerate(grams):
            rows[k, slice(*upper)] += gram.sum(1).numpy()
            if upper == lower:
                traces[k] += gram.trace().item()
                diagonals[k, slice(*upper)] = gram.diagonal().numpy()
            else:
                rows[k, slice(*lower)] += gram.sum(0).numpy()
    return Sums(_mirrored(products), traces, diagonals, rows)


def _tile(matrices: Sides, model: int, upper: Span, lower: Span, depth: Sequence[Span]) -> Tensor:
    tile = torch.zeros(upper[1] - upper[0], lower[1] - lower[0], dtype=matrices.reader.dtype)
    for span in depth:
        left = matrices.piece(model, upper, span)
        right = left if lower == upper else matrices.piece(model, lower, span)
        tile.addmm_(left, right.T)
    return tile


def _from_crosses(matrices: Sides, models: Sequence[int]) -> Sums:
    """The same from ‖WᵀW'‖_F², when that side is smaller."""
    n = len(models)
    products, traces = np.zeros((n, n)), np.zeros(n)
    pairs = list(_upper(n))
    tiles = matrices.spans(rows=False, length=math.isqrt(TILES // len(pairs)))
    depth = matrices.spans(rows=True, length=PIECE // (tiles[0][1] * matrices.taps))
    for left, right in itertools.product(tiles, tiles):
        crosses = {pair: torch.tensor(0.0, dtype=matrices.reader.dtype) for pair in pairs}
        for span in depth:
            ones = [matrices.piece(model, span, left) for model in models]
            twos = ones if left == right else [matrices.piece(model, span, right) for model in models]
            crosses = {(a, b): cross + ones[a].T @ twos[b] for (a, b), cross in crosses.items()}
        for (a, b), cross in crosses.items():
            products[a, b] += cross.square().sum().item()
            if a == b and left == right:
                traces[a] += cross.trace().item()
    lines = [_lines(matrices, model) for model in models]
    diagonals, rows = (np.array(each) for each in zip(*lines, strict=True))
    return Sums(_mirrored(products), traces, diagonals, rows)


def _lines(matrices: Sides, model: int) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """The diagonal of K, which are the squared norms of the rows of W, and the sums of its rows, W (Wᵀ1)."""
    f, others = matrices.lengths[matrices.axis], (0, matrices.lengths[1 - matrices.axis])
    spans = matrices.spans(rows=True, length=max(1, PIECE // (others[1] * matrices.taps)))
    columns = torch.zeros(others[1] * matrices.taps, dtype=matrices.reader.dtype)
    for span in spans:
        columns += matrices.piece(model, span, others).sum(0)
    diagonal, rows = np.zeros(f), np.zeros(f)
    for span in spans:
        piece = matrices.piece(model, span, others)
        diagonal[slice(*span)] = piece.square().sum(1).numpy()
        rows[slice(*span)] = (piece @ columns).numpy()
    return diagonal, rows


def _upper(n: int) -> Iterator[tuple[int, int]]:
    return itertools.combinations_with_replacement(range(n), 2)


def _mirrored(upper: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    return np.triu(upper) + np.triu(upper, 1).T
