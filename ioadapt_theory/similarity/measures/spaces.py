"""How alike the spaces are that an adapter lives in: cosines of Gram matrices, the trivial part removed.

W is c x d, Y = XW. An input adapter T meets W only as TW, so what it meets is the Gram K = WWᵀ (c x c): ‖xTW‖² =
xTKTᵀxᵀ, and K = K' exactly if W' = WQ with an orthogonal Q. An output adapter meets WᵀW (d x d) in the same way. A
convolution is mixed over channels, so its kernel counts as the matrix of one channel axis against everything else.

Any wide random matrix has K near a multiple of I, which says nothing, so that part is projected out: with f the size of
the axis and K° = K - (tr K / f) I,

    ⟨K°, K'°⟩ = ⟨K, K'⟩ - tr K tr K' / f,    tr K = ‖W‖_F²,    ⟨WWᵀ, W'W'ᵀ⟩ = ‖WᵀW'‖_F²,

and the last identity lets the smaller of the two sides do the work. If W' is turned by a random rotation of the axis,
the cosine has mean 0 and standard deviation 1 / √(f (f + 1) / 2 - 1) whatever the spectra: traceless symmetric matrices
are an irreducible representation of O(f), so E⟨A, QBQᵀ⟩² = ‖A‖²‖B‖² / dim.

Torch stores Wᵀ for a linear layer, (out, in, ...) for a convolution, and an embedding as W itself. Transposed and
grouped convolutions cannot be told from names and shapes; they are read as plain ones.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.scaling import in_range, may_leave, rescaled
from ioadapt_theory.similarity.streaming.products import Moments, sq_distances
from ioadapt_theory.similarity.streaming.reader import Reader

TILES = 2 * 1024 * 1024
"""Elements of all products that are summed at once."""
PIECE = 512 * 1024
"""Elements of one piece of a matrix."""
WHOLE = 1024 * 1024
"""Elements of a layer, over all models, that are kept at once; larger ones are read again for every tile."""
ROUNDING = 4096
"""Machine epsilons of ‖K‖_F² below which what is left of K is rounding: K is a multiple of the identity."""

Span = tuple[int, int]


class Space(StrEnum):
    """What is compared: the weights, or the spaces on either side of them."""

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


def sides(layer: Layer, space: Space) -> tuple[int, int, int]:
    """Return (axis of the stored tensor, f, m): f channels on the asked side, m elements for each of them."""
    axis = int((space is Space.INPUT) != (layer.kind == "embed"))
    f = layer.shape[axis]
    return axis, f, layer.numel // f


def baseline_sd(f: int) -> float:
    """Standard deviation of the cosine under a random rotation of an axis of size f >= 2."""
    return 1 / math.sqrt(f * (f + 1) / 2 - 1)


class Sides:
    """A layer's tensors as matrices with the asked axis as rows, read in pieces."""

    def __init__(self, layer: Layer, reader: Reader, models: Sequence[int], axis: int) -> None:
        self.layer, self.reader, self.axis = layer, reader, axis
        self.lengths = layer.shape[:2]
        self.taps = layer.numel // math.prod(self.lengths)
        self._whole: dict[int, Tensor] = {}
        if layer.numel * len(models) <= WHOLE:
            for model in models:
                flat = torch.empty(layer.numel, dtype=reader.dtype)
                reader.read(layer, model, 0, flat)
                self._whole[model] = flat.view(*self.lengths, self.taps)

    def piece(self, model: int, rows: Span, columns: Span) -> Tensor:
        """Rows along the asked axis; columns along the other axis, each with all its taps."""
        (o0, o1), (i0, i1) = (rows, columns) if self.axis == 0 else (columns, rows)
        box = self._whole[model][o0:o1, i0:i1] if model in self._whole else self._read(model, (o0, o1), (i0, i1))
        box = box if self.axis == 0 else box.transpose(0, 1)
        return box.reshape(rows[1] - rows[0], -1)

    def _read(self, model: int, outs: Span, ins: Span) -> Tensor:
        width = self.lengths[1] * self.taps
        box = torch.empty(outs[1] - outs[0], ins[1] - ins[0], self.taps, dtype=self.reader.dtype)
        if ins == (0, self.lengths[1]):
            self.reader.read(self.layer, model, outs[0] * width, box.view(-1))
            return box
        for k, o in enumerate(range(*outs)):
            self.reader.read(self.layer, model, o * width + ins[0] * self.taps, box[k].view(-1))
        return box

    def spans(self, *, rows: bool, length: int) -> list[Span]:
        """Cut the rows, or the columns with their taps, into pieces of about ``length`` elements and equal size."""
        n = self.lengths[self.axis] if rows else self.lengths[1 - self.axis]
        step = max(1, length if rows else length // self.taps)
        count = -(-n // step)
        cuts = [n * k // count for k in range(count + 1)]
        return list(itertools.pairwise(cuts))


def gram_moments(layer: Layer, reader: Reader, count: int, space: Space) -> Moments:
    """Inner products ⟨K°_a, K°_b⟩ of the centred Grams of all models that have the layer."""
    models = [i for i in layer.models if i != reader.parent]
    products, traces = _products(layer, reader, models, space)
    exponents = None
    if not in_range(np.diagonal(products), reader) and may_leave(layer, reader):
        reader, scales = rescaled(layer, reader, models)
        products, traces = _products(layer, reader, models, space)
        exponents = np.zeros(count, dtype=np.int64)
        exponents[models] = 2 * scales  # K is quadratic in W
    with np.errstate(invalid="ignore", over="ignore"):
        centred = products - np.outer(traces, traces) / sides(layer, space)[1]
    trivial = np.diagonal(centred) <= ROUNDING * torch.finfo(reader.dtype).eps * np.diagonal(products)
    centred[trivial, :] = centred[:, trivial] = 0.0
    inner = np.full((count, count), np.nan)
    inner[np.ix_(models, models)] = centred
    return Moments(inner, sq_distances(inner), None, exponents)


def _products(layer: Layer, reader: Reader, models: Sequence[int], space: Space) -> "Sums":
    """⟨K_a, K_b⟩ and tr K_a, from whichever side is less work."""
    axis, f, m = sides(layer, space)
    matrices = Sides(layer, reader, models, axis)
    return (_from_grams if f * 2 <= m * (len(models) + 1) else _from_crosses)(matrices, models)


Sums = tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]


def _from_grams(matrices: Sides, models: Sequence[int]) -> Sums:
    """⟨K_a, K_b⟩ and tr K_a, tile by tile of K = WWᵀ; tiles below the diagonal are those above it."""
    products, traces = np.zeros((len(models), len(models))), np.zeros(len(models))
    tiles = matrices.spans(rows=True, length=math.isqrt(TILES // len(models)))
    depth = matrices.spans(rows=False, length=PIECE // (tiles[0][1] or 1))
    for upper, lower in itertools.combinations_with_replacement(tiles, 2):
        grams = [_tile(matrices, model, upper, lower, depth) for model in models]
        for a, b in _upper(len(models)):
            products[a, b] += (1 + (upper != lower)) * torch.dot(grams[a].view(-1), grams[b].view(-1)).item()
        if upper == lower:
            traces += [gram.trace().item() for gram in grams]
    return _mirrored(products), traces


def _tile(matrices: Sides, model: int, upper: Span, lower: Span, depth: Sequence[Span]) -> Tensor:
    tile = torch.zeros(upper[1] - upper[0], lower[1] - lower[0], dtype=matrices.reader.dtype)
    for span in depth:
        left = matrices.piece(model, upper, span)
        right = left if lower == upper else matrices.piece(model, lower, span)
        tile.addmm_(left, right.T)
    return tile


def _from_crosses(matrices: Sides, models: Sequence[int]) -> Sums:
    """The same from ‖WᵀW'‖_F², when that side is smaller."""
    products, traces = np.zeros((len(models), len(models))), np.zeros(len(models))
    pairs = list(_upper(len(models)))
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
    return _mirrored(products), traces


def _upper(n: int) -> Iterator[tuple[int, int]]:
    return itertools.combinations_with_replacement(range(n), 2)


def _mirrored(upper: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    return np.triu(upper) + np.triu(upper, 1).T
