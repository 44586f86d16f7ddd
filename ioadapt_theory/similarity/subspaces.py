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
from ioadapt_theory.similarity.reader import Reader
from ioadapt_theory.similarity.spaces import PIECE, Sides, Space, Span, sides


def overlaps(layer: Layer, reader: Reader, count: int, space: Space, rank: int) -> Float[np.ndarray, "n n"]:
    """φ between all models that have the layer, NaN elsewhere; the rank is cut to that of the matrix' smaller side."""
    models = [i for i in layer.models if i != reader.parent]
    axis, f, m = sides(layer, space)
    r = min(rank, f, m)
    found = {model: _leading(Sides(layer, reader, [model], axis), model, f <= m, r) for model in models}
    result = np.full((count, count), np.nan)
    for i, u in found.items():
        for j, v in found.items():
            if u is not None and v is not None:
                result[i, j] = 1.0 if i == j else float(np.clip(np.square(u.T @ v).sum() / r, 0.0, 1.0))
    return result


def _leading(matrix: Sides, model: int, short: bool, r: int) -> Float[np.ndarray, "f r"] | None:
    """The r leading directions along the rows; None if the weights are not finite."""
    n, m = matrix.lengths[matrix.axis], matrix.lengths[1 - matrix.axis] * matrix.taps
    size = min(n, m)
    cuts = matrix.spans(rows=not short, length=PIECE // size)
    gram = torch.zeros(size, size, dtype=matrix.reader.dtype)
    for span in cuts:
        piece = _piece(matrix, model, span, short)
        gram.addmm_(piece, piece.T)
    if not torch.isfinite(gram).all():
        return None
    vectors = eigh(gram.double().numpy(), subset_by_index=(size - r, size - 1))[1]
    if short:
        return vectors
    across = torch.from_numpy(vectors).to(gram.dtype)
    u = torch.cat([_piece(matrix, model, span, short).T @ across for span in cuts])
    return np.linalg.qr(u.double().numpy())[0]


def _piece(matrix: Sides, model: int, span: Span, short: bool) -> Tensor:
    """The smaller side as rows, a span of the larger one as columns."""
    if short:
        return matrix.piece(model, (0, matrix.lengths[matrix.axis]), span)
    return matrix.piece(model, span, (0, matrix.lengths[1 - matrix.axis])).T
