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
PIECE = 512 * 1024
"""Elements of one piece of a matrix."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What the cosines of n models' Grams and their nulls need; k parts of the f channels.

    Attributes:
        products: ⟨K_a, K_b⟩.
        traces: Of each K.
        diagonals: Of each K.
        rows: Sums of the rows of each K over the columns of each part.
        squares: Sums of squares of each K over the rows of one part and the columns of another.
    """

    products: Float[np.ndarray, "n n"]
    traces: Float[np.ndarray, " n"]
    diagonals: Float[np.ndarray, "n f"]
    rows: Float[np.ndarray, "n f k"]
    squares: Float[np.ndarray, "n k k"]


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
        grams = [_tile(matrices, model, upper, lower, depth).double() for model in models]
        for a, b in _upper(n):
            products[a, b] += (1 + (upper != lower)) * torch.dot(grams[a].view(-1), grams[b].view(-1)).item()
        (above, above_parts), (beside, beside_parts) = _met(upper, cuts), _met(lower, cuts)
        for a, gram in enumerate(grams):
            tile = gram.numpy()
            rows[a, slice(*upper), beside_parts] += np.add.reduceat(tile, beside, axis=1)
            if k > 1:
                blocks = np.add.reduceat(np.add.reduceat(tile * tile, above, axis=0), beside, axis=1)
                squares[a, above_parts, beside_parts] += blocks
                if upper != lower:
                    squares[a, beside_parts, above_parts] += blocks.T
            if upper == lower:
                traces[a] += gram.trace().item()
                diagonals[a, slice(*upper)] = np.diagonal(tile)
            else:
                rows[a, slice(*lower), above_parts] += np.add.reduceat(tile, above, axis=0).T
    if k == 1:
        squares[:, 0, 0] = np.diagonal(products)
    return Sums(_mirrored(products), traces, diagonals, rows, squares)


def _met(span: Span, cuts: Sequence[int]) -> tuple[list[int], slice]:
    """Where, within a span of channels, the parts begin that it meets; and which parts these are."""
    parts_met = [p for p, (i, j) in enumerate(itertools.pairwise(cuts)) if i < span[1] and j > span[0]]
    return [max(cuts[p] - span[0], 0) for p in parts_met], slice(parts_met[0], parts_met[-1] + 1)


def _tile(matrices: Sides, model: int, upper: Span, lower: Span, depth: Sequence[Span]) -> Tensor:
    tile = torch.zeros(upper[1] - upper[0], lower[1] - lower[0], dtype=matrices.reader.dtype)
    for span in depth:
        left = matrices.piece(model, upper, span)
        right = left if lower == upper else matrices.piece(model, lower, span)
        tile.addmm_(left, right.T)
    return tile


def _from_crosses(matrices: Sides, models: Sequence[int], cuts: Sequence[int]) -> Sums:
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
            products[a, b] += cross.double().square().sum().item()
            if a == b and left == right:
                traces[a] += cross.trace().item()
    lines = [_lines(matrices, model, cuts) for model in models]
    diagonals, rows, squares = (np.array(each) for each in zip(*lines, strict=True))
    if len(cuts) == 2:
        squares[:, 0, 0] = np.diagonal(products)
    return Sums(_mirrored(products), traces, diagonals, rows, squares)


def _lines(
    matrices: Sides, model: int, cuts: Sequence[int]
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f k"], Float[np.ndarray, "k k"]]:
    """The diagonal, rows and squares of one model's K.

    These are the squared norms of the rows of W, W (W_pᵀ1) for each part p, and ⟨W_pᵀW_p, W_qᵀW_q⟩ for each two parts
    (left at zero where there is one part).
    """
    k, f, others = len(cuts) - 1, matrices.lengths[matrices.axis], (0, matrices.lengths[1 - matrices.axis])
    m = others[1] * matrices.taps
    pieces = [
        [(i + a, i + b) for a, b in itertools.pairwise([*range(0, j - i, max(1, PIECE // m)), j - i])]
        for i, j in itertools.pairwise(cuts)
    ]
    columns = torch.zeros(k, m, dtype=matrices.reader.dtype)
    grams = [torch.zeros(m, m, dtype=matrices.reader.dtype) for _ in range(k if k > 1 else 0)]
    for p, spans in enumerate(pieces):
        for span in spans:
            piece = matrices.piece(model, span, others)
            columns[p] += piece.sum(0)
            if grams:
                grams[p].addmm_(piece.T, piece)
    diagonal, rows, squares = np.zeros(f), np.zeros((f, k)), np.zeros((k, k))
    for span in itertools.chain.from_iterable(pieces):
        piece = matrices.piece(model, span, others)
        diagonal[slice(*span)] = piece.square().sum(1).numpy()
        rows[slice(*span)] = (piece @ columns.T).numpy()
    for (p, one), (q, other) in itertools.combinations_with_replacement(enumerate(grams), 2):
        squares[p, q] = squares[q, p] = torch.dot(one.double().view(-1), other.double().view(-1)).item()
    return diagonal, rows, squares


def _upper(n: int) -> Iterator[tuple[int, int]]:
    return itertools.combinations_with_replacement(range(n), 2)


def _mirrored(upper: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    return np.triu(upper) + np.triu(upper, 1).T
