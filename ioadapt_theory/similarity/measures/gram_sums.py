"""Sums over the Grams of a layer that may be too large to hold: products, diagonals, rows, a tile or piece at a time.

    tr K = ‖W‖_F²,    ⟨WWᵀ, W'W'ᵀ⟩ = ‖WᵀW'‖_F²,    WWᵀ1 = W (Wᵀ1),

of which the second lets the smaller of the two sides do the work.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.sides import Sides
from ioadapt_theory.similarity.measures.space import Space, Span, sides
from ioadapt_theory.similarity.streaming.reader import Reader

TILES = 2 * 1024 * 1024
"""Elements of all products that are summed at once."""
PIECE = 1024 * 1024
"""Elements of one piece of a matrix."""
STRIP = 128
"""Rows of a tile on the diagonal that are multiplied at once: by themselves and those below, the rest is a mirror."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What the cosines of n models' Grams and their nulls need; k parts of the f channels.

    Attributes:
        products: ⟨K_a, K_b⟩.
        traces: Of each K.
        diagonals: Of each K.
        rows: Sums of the rows of each K over the columns of each part.
        squares: Sums of squares of each K over the rows of one part and the columns of another.
        terms: How many numbers one element of a product of matrices sums, and how many of these a product of Grams.
    """

    products: Float[np.ndarray, "n n"]
    traces: Float[np.ndarray, " n"]
    diagonals: Float[np.ndarray, "n f"]
    rows: Float[np.ndarray, "n f k"]
    squares: Float[np.ndarray, "n k k"]
    terms: tuple[int, int]


def gram_sums(layer: Layer, reader: Reader, models: Sequence[int], space: Space, cuts: Sequence[int]) -> Sums:
    """Sum up the Grams of one side, whose parts begin and end at `cuts`, from whichever side is less work."""
    axis, f, m = sides(layer, space)
    matrices = Sides(layer, reader, models, axis)
    return (_from_grams if f * 2 <= m * (len(models) + 1) else _from_crosses)(matrices, models, cuts)


def _from_grams(matrices: Sides, models: Sequence[int], cuts: Sequence[int]) -> Sums:
    """Tile by tile of K = WWᵀ; tiles below the diagonal are those above it."""
    n, f, k = len(models), matrices.lengths[matrices.axis], len(cuts) - 1
    products, traces, diagonals = np.zeros((n, n)), np.zeros(n), np.zeros((n, f))
    rows, squares = np.zeros((n, f, k)), np.zeros((n, k, k))
    tiles = matrices.spans(rows=True, length=math.isqrt(TILES // n))
    depth = matrices.spans(rows=False, length=PIECE // (tiles[0][1] or 1))
    for upper, lower in itertools.combinations_with_replacement(tiles, 2):
        grams = [_tile(matrices, model, upper, lower, depth) for model in models]
        for a, b in _upper(n):
            products[a, b] += (1 + (upper != lower)) * torch.dot(grams[a].view(-1), grams[b].view(-1)).item()
        for a, gram in enumerate(grams):
            if upper == lower:
                traces[a] += gram.trace().item()
                diagonals[a, slice(*upper)] = gram.diagonal().numpy()
            for q, beside in _met(lower, cuts):
                rows[a, slice(*upper), q] += gram[:, beside].sum(1).numpy()
                if k > 1:
                    for p, above in _met(upper, cuts):
                        square = torch.linalg.vector_norm(gram[above, beside]).item() ** 2
                        squares[a, p, q] += square
                        squares[a, q, p] += square * (upper != lower)
            if upper != lower:
                for p, above in _met(upper, cuts):
                    rows[a, slice(*lower), p] += gram[above].sum(0).numpy()
    if k == 1:
        squares[:, 0, 0] = np.diagonal(products)
    m = matrices.lengths[1 - matrices.axis] * matrices.taps
    return Sums(_mirrored(products), traces, diagonals, rows, squares, (m, f * f))


def _met(span: Span, cuts: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """The parts that a span of channels meets, and where within the span each lies."""
    for p, (i, j) in enumerate(itertools.pairwise(cuts)):
        if i < span[1] and j > span[0]:
            yield p, slice(max(i - span[0], 0), min(j, span[1]) - span[0])


def _tile(matrices: Sides, model: int, upper: Span, lower: Span, depth: Sequence[Span]) -> Tensor:
    tile = torch.zeros(upper[1] - upper[0], lower[1] - lower[0], dtype=matrices.reader.dtype)
    for span in depth:
        left = matrices.piece(model, upper, span)
        if lower != upper:
            tile.addmm_(left, matrices.piece(model, lower, span).T)
            continue
        for begin in range(0, len(left), STRIP):
            tile[begin : begin + STRIP, begin:].addmm_(left[begin : begin + STRIP], left[begin:].T)
    return tile if lower != upper else tile.triu() + tile.triu(1).T


def _from_crosses(matrices: Sides, models: Sequence[int], cuts: Sequence[int]) -> Sums:
    """The same from ‖WᵀW'‖_F², when that side is smaller; WᵀW part by part."""
    n, k = len(models), len(cuts) - 1
    products, traces, squares = np.zeros((n, n)), np.zeros(n), np.zeros((n, k, k))
    pairs = list(_upper(n))
    tiles = matrices.spans(rows=False, length=math.isqrt(TILES // (len(pairs) + n * (k - 1))))
    depth = _pieces(matrices, cuts, tiles[0][1] * matrices.taps)
    for left, right in itertools.product(tiles, tiles):
        crosses = {(a, b, p): torch.tensor(0.0, dtype=matrices.reader.dtype) for a, b in pairs for p in range(k)}
        for p, span in depth:
            ones = [matrices.piece(model, span, left) for model in models]
            twos = ones if left == right else [matrices.piece(model, span, right) for model in models]
            for a, b in pairs:
                at = (a, b, p if a == b else 0)
                crosses[at] = crosses[at] + ones[a].T @ twos[b]
        for a, b in pairs:
            each = [crosses[a, b, p] for p in range(k if a == b else 1)]
            cross = each[0] if len(each) == 1 else torch.stack(each).sum(0)
            products[a, b] += cross.square().sum().item()
            if a == b and left == right:
                traces[a] += cross.trace().item()
            if a == b and k > 1:
                squares[a] += [[torch.tensordot(one, two).item() for two in each] for one in each]
    if k == 1:
        squares[:, 0, 0] = np.diagonal(products)
    diagonals, rows = (np.array(x) for x in zip(*(_lines(matrices, model, cuts) for model in models), strict=True))
    f, m = matrices.lengths[matrices.axis], matrices.lengths[1 - matrices.axis] * matrices.taps
    return Sums(_mirrored(products), traces, diagonals, rows, squares, (f, m * m))


def _pieces(matrices: Sides, cuts: Sequence[int], width: int) -> list[tuple[int, Span]]:
    """The rows cut into pieces of about PIECE elements of so many a row, none across two parts; and their parts."""
    if len(cuts) == 2:
        return [(0, span) for span in matrices.spans(rows=True, length=PIECE // width)]
    step = max(1, PIECE // width)
    parts = enumerate(itertools.pairwise(cuts))
    return [(p, span) for p, (i, j) in parts for span in itertools.pairwise([*range(i, j, step), j])]


def _lines(
    matrices: Sides, model: int, cuts: Sequence[int]
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f k"]]:
    """The diagonal and rows of one model's K: squared norms of the rows of W, and W (W_pᵀ1) for each part p."""
    k, f, others = len(cuts) - 1, matrices.lengths[matrices.axis], (0, matrices.lengths[1 - matrices.axis])
    m = others[1] * matrices.taps
    pieces = _pieces(matrices, cuts, m)
    columns = torch.zeros(k, m, dtype=matrices.reader.dtype)
    for p, span in pieces:
        columns[p] += matrices.piece(model, span, others).sum(0)
    diagonal, rows = np.zeros(f), np.zeros((f, k))
    for _, span in pieces:
        piece = matrices.piece(model, span, others)
        diagonal[slice(*span)] = piece.square().sum(1).numpy()
        rows[slice(*span)] = (piece @ columns.T).numpy()
    return diagonal, rows


def _upper(n: int) -> Iterator[tuple[int, int]]:
    return itertools.combinations_with_replacement(range(n), 2)


def _mirrored(upper: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    return np.triu(upper) + np.triu(upper, 1).T
