"""Overlap of dominant singular subspaces, the criterion by which LoRA-X (arXiv 2501.16559) decides what it transfers.

    φ(W, W') = ‖UᵀU'‖_F² / r,    U, U' the r leading singular directions on the asked side; in [0, 1], r / f at random.

The normalisation by r is that of the LoRA paper (arXiv 2106.09685, Sec. 7.2).
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import eigh
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.gram_sums import PIECE
from ioadapt_theory.similarity.measures.overflow import in_range, may_leave, rescaled
from ioadapt_theory.similarity.measures.sides import Sides
from ioadapt_theory.similarity.measures.space import Space, Span, sides
from ioadapt_theory.similarity.streaming.reader import Reader


def most(layer: Layer, space: Space) -> int:
    """The largest rank that says something: all f directions span the whole side, whatever the weights."""
    _, f, m = sides(layer, space)
    return min(f - 1, m)


def overlaps(layer: Layer, reader: Reader, count: int, space: Space, rank: int) -> Float[np.ndarray, "n n"]:
    """φ between all models that have the layer; NaN elsewhere, and where one has fewer directions than the rank."""
    models = [i for i in layer.models if i != reader.parent]
    result = np.full((count, count), np.nan)
    if rank > most(layer, space):
        return result
    found = {model: _leading(layer, reader, model, space, rank) for model in models}
    for i, u in found.items():
        for j, v in found.items():
            if u is not None and v is not None:
                result[i, j] = 1.0 if i == j else float(np.clip(np.square(u.T @ v).sum() / rank, 0.0, 1.0))
    return result


def _leading(layer: Layer, reader: Reader, model: int, space: Space, r: int) -> Float[np.ndarray, "f r"] | None:
    """The r leading directions along the rows; None if the weights are not finite or have fewer, up to rounding."""
    axis, f, m = sides(layer, space)
    short, size = f <= m, min(f, m)
    matrix, gram = _gram(layer, reader, model, axis, short)
    if not in_range(gram.trace()[None], reader) and may_leave(layer, reader):
        matrix, gram = _gram(layer, rescaled(layer, reader, [model])[0], model, axis, short)
    if not torch.isfinite(gram).all():
        return None
    values, vectors = eigh(gram.double().numpy(), subset_by_index=(size - r, size - 1))
    if values[0] <= size * torch.finfo(gram.dtype).eps * values[-1]:
        return None
    if short:
        return vectors
    across = torch.from_numpy(vectors).to(gram.dtype)
    u = torch.cat([_piece(matrix, model, span, short).T @ across for span in _cuts(matrix, size, short)])
    return np.linalg.qr(u.double().numpy())[0]


def _gram(layer: Layer, reader: Reader, model: int, axis: int, short: bool) -> tuple[Sides, Float[Tensor, "s s"]]:
    """The model's tensor as a matrix, and the Gram of its smaller side."""
    matrix = Sides(layer, reader, [model], axis)
    n, m = matrix.lengths[axis], matrix.lengths[1 - axis] * matrix.taps
    gram = torch.zeros(min(n, m), min(n, m), dtype=reader.dtype)
    for span in _cuts(matrix, len(gram), short):
        piece = _piece(matrix, model, span, short)
        gram.addmm_(piece, piece.T)
    return matrix, gram


def _cuts(matrix: Sides, size: int, short: bool) -> list[Span]:
    return matrix.spans(rows=not short, length=PIECE // size)


def _piece(matrix: Sides, model: int, span: Span, short: bool) -> Tensor:
    """The smaller side as rows, a span of the larger one as columns."""
    if short:
        return matrix.piece(model, (0, matrix.lengths[matrix.axis]), span)
    return matrix.piece(model, span, (0, matrix.lengths[1 - matrix.axis])).T
