"""Sums over the Grams of a layer that may be too large to hold: products, diagonals, rows, a tile or piece at a time.

    tr K = ‖W‖_F²,    ⟨WWᵀ, W'W'ᵀ⟩ = ‖WᵀW'‖_F²,    WWᵀ1 = W (Wᵀ1),

of which the second lets the smaller of the two sides do the work. Torch stores Wᵀ for a linear layer, (out, in, ...)
for a convolution, and an embedding as W itself. Transposed and grouped convolutions cannot be told from names and
shapes; they are read as plain ones.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer, Space
from ioadapt_theory.similarity.measures.reader import Reader

WHOLE = 1024 * 1024
"""Elements of a layer, over all models, that are kept at once; larger ones are read again for every tile."""
TILES = 4 * 1024 * 1024
"""Elements of all products that are summed at once; for two models, of sides of up to 1448 channels."""
PIECE = 1024 * 1024
"""Elements of one piece of a matrix."""
STRIP = 128
"""Rows of a diagonal tile that are multiplied at once, with themselves and later rows; the rest is symmetric."""

Span = tuple[int, int]


class Sides:
    """A layer's tensors as matrices with the channels of the asked side as rows, read in pieces.

    Attributes:
        channels: f, the rows.
        width: m, the elements of a row.
        grams: K of the models, where it is small enough to be held.
    """

    def __init__(self, layer: Layer, reader: Reader, models: Sequence[int], space: Space) -> None:
        self.axis, self.channels = layer.side(space)
        self.layer, self.reader = layer, reader
        self.lengths = layer.shape[:2]
        self.taps = layer.numel // math.prod(self.lengths)
        self.width = layer.numel // self.channels
        self.grams: dict[int, Tensor] = {}
        self._whole: dict[int, Tensor] = {}
        if layer.numel * len(models) <= WHOLE:
            for model in models:
                flat = torch.empty(layer.numel, dtype=reader.dtype)
                reader.read(layer, model, 0, flat)
                self._whole[model] = flat.view(*self.lengths, self.taps)

    def piece(self, model: int, rows: Span, columns: Span) -> Tensor:
        """Return rows along the asked axis; columns along the other axis, each with all its taps."""
        (o0, o1), (i0, i1) = (rows, columns) if self.axis == 0 else (columns, rows)
        box = self._whole[model][o0:o1, i0:i1] if model in self._whole else self._read(model, (o0, o1), (i0, i1))
        box = box if self.axis == 0 else box.transpose(0, 1)
        return box.reshape(rows[1] - rows[0], -1)

    def blocks(self, model: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield ranges of rows and W there, about PIECE elements at a time, from some rows or all."""
        for span in self.spans(rows=self.axis == 0, length=PIECE // (self.width if self.axis == 0 else self.channels)):
            if self.axis == 0:
                yield slice(*span), self.piece(model, span, (0, self.lengths[1]))
            else:
                yield slice(None), self.piece(model, (0, self.channels), span)

    def _read(self, model: int, outs: Span, ins: Span) -> Tensor:
        width = self.lengths[1] * self.taps
        box = torch.empty(outs[1] - outs[0], ins[1] - ins[0], self.taps, dtype=self.reader.dtype)
        if ins == (0, self.lengths[1]):
            self.reader.read(self.layer, model, outs[0] * width, box.view(-1))
            return box
        rows = box.view(len(box), -1)
        ahead = [(o - outs[0]) * width for o in range(*outs)]
        self.reader.filler(self.layer, [model] * len(rows), rows, ahead)(outs[0] * width + ins[0] * self.taps)
        return box

    def spans(self, *, rows: bool, length: int) -> list[Span]:
        """Cut the rows, or the columns with their taps, into pieces of about ``length`` elements and equal size."""
        n = self.channels if rows else self.lengths[1 - self.axis]
        step = max(1, length if rows else length // self.taps)
        count = -(-n // step)
        return list(itertools.pairwise(n * k // count for k in range(count + 1)))

    def times_gram(self, model: int, columns: Float[np.ndarray, "f r"]) -> Float[np.ndarray, "f r"]:
        """Return K X = W (Wᵀ X) of a model's W: in one pass over its columns, in two over its rows."""
        x = torch.from_numpy(columns)
        if model in self.grams:
            return (self.grams[model] @ x).numpy()
        out = torch.zeros(x.shape, dtype=self.reader.dtype)
        if self.axis == 1:
            for _, piece in self.blocks(model):
                out.addmm_(piece, piece.T @ x)
            return out.numpy()
        across = torch.zeros(self.width, x.shape[1], dtype=self.reader.dtype)
        for rows, piece in self.blocks(model):
            across.addmm_(piece.T, x[rows])
        for rows, piece in self.blocks(model):
            out[rows] = piece @ across
        return out.numpy()

    def diagonal(self, model: int) -> Float[np.ndarray, " f"]:
        """Return the diagonal of K of a model."""
        if model in self.grams:
            return self.grams[model].diagonal().numpy()
        out = torch.zeros(self.channels, dtype=self.reader.dtype)
        for rows, piece in self.blocks(model):
            out[rows] += piece.square().sum(1)
        return out.numpy()


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums that the cosines of n models' Grams and their nulls need; k parts of the f channels.

    Attributes:
        products: ⟨K_a, K_b⟩.
        squares: Sums of squares of each K over the rows of one part and the columns of another.
        diagonals: Of each K.
        rows: Sums of the rows of each K over the columns of each part.
        terms: How many numbers one element of a product of matrices sums, and how many of these a product of Grams.
    """

    products: Float[np.ndarray, "n n"]
    squares: Float[np.ndarray, "n k k"]
    diagonals: Float[np.ndarray, "n f"]
    rows: Float[np.ndarray, "n f k"]
    terms: tuple[int, int]


def gram_sums(matrices: Sides, models: Sequence[int], cuts: Sequence[int]) -> Sums:
    """Sum the Grams of one side, with parts divided at ``cuts``, from whichever side is less work."""
    f, m = matrices.channels, matrices.width
    by_grams = f * 2 <= m * (len(models) + 1)
    products, squares = (_from_grams if by_grams else _from_crosses)(matrices, models, cuts)
    products = np.triu(products) + np.triu(products, 1).T
    if len(cuts) == 2:
        squares[:, 0, 0] = np.diagonal(products)
    diagonals = np.array([matrices.diagonal(model) for model in models])
    own = np.repeat(np.eye(len(cuts) - 1), np.diff(cuts), axis=0)
    rows = np.array([matrices.times_gram(model, own) for model in models])
    return Sums(products, squares, diagonals, rows, (m, f * f) if by_grams else (f, m * m))


def _from_grams(
    matrices: Sides, models: Sequence[int], cuts: Sequence[int]
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n k k"]]:
    """Sum products and squares tile by tile of K = WWᵀ, which is symmetric."""
    n, k = len(models), len(cuts) - 1
    products, squares = np.zeros((n, n)), np.zeros((n, k, k))
    tiles = matrices.spans(rows=True, length=math.isqrt(TILES // n))
    depth = matrices.spans(rows=False, length=PIECE // (tiles[0][1] or 1))
    for upper, lower in itertools.combinations_with_replacement(tiles, 2):
        grams = [_tile(matrices, model, upper, lower, depth) for model in models]
        if len(tiles) == 1:
            matrices.grams = dict(zip(models, grams, strict=True))
        for a, b in _upper(n):
            products[a, b] += (1 + (upper != lower)) * torch.dot(grams[a].view(-1), grams[b].view(-1)).item()
        if k > 1:
            for a, gram in enumerate(grams):
                for (p, above), (q, beside) in itertools.product(_met(upper, cuts), _met(lower, cuts)):
                    square = torch.linalg.vector_norm(gram[above, beside]).item() ** 2
                    squares[a, p, q] += square
                    squares[a, q, p] += square * (upper != lower)
    return products, squares


def _met(span: Span, cuts: Sequence[int]) -> list[tuple[int, slice]]:
    """Return the parts that overlap a span of channels, and the position of each within the span."""
    return [
        (p, slice(max(i - span[0], 0), min(j, span[1]) - span[0]))
        for p, (i, j) in enumerate(itertools.pairwise(cuts))
        if i < span[1] and j > span[0]
    ]


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


def _from_crosses(
    matrices: Sides, models: Sequence[int], cuts: Sequence[int]
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n k k"]]:
    """Sum the same from ‖WᵀW'‖_F² if that side is smaller; WᵀW part by part."""
    n, k = len(models), len(cuts) - 1
    products, squares = np.zeros((n, n)), np.zeros((n, k, k))
    pairs = list(_upper(n))
    tiles = matrices.spans(rows=False, length=math.isqrt(TILES // (len(pairs) + n * (k - 1))))
    step = max(1, PIECE // (tiles[0][1] * matrices.taps))
    parts = enumerate(itertools.pairwise(cuts))
    depth = [(p, span) for p, (i, j) in parts for span in itertools.pairwise([*range(i, j, step), j])]
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
            if a == b and k > 1:
                squares[a] += [[torch.tensordot(one, two).item() for two in each] for one in each]
    return products, squares


def _upper(n: int) -> Iterator[tuple[int, int]]:
    return itertools.combinations_with_replacement(range(n), 2)
