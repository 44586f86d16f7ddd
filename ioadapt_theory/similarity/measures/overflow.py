"""Weights whose squares leave the range of the numbers they are summed in: each model over a power of two of its own.

The ordinary path only looks at the sums it has. A power of two changes no digit, so cosines stay exact.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.streaming.reader import LONGEST, Reader, stored

ROOM = 2.0**40
"""How far from the smallest and largest numbers a sum of squares lies if none of its terms that count was lost."""
TOGETHER = 200
"""Binary orders of magnitude within which models of a layer share a factor, so that distances keep their digits."""


def may_leave(layer: Layer, reader: Reader) -> bool:
    """Whether squares, or fourth powers, can leave the range at all: those of float32 and less fit into float64."""
    return any(reader.checkpoints[i].tensors[stored(layer, i)].dtype == "F64" for i in layer.models)


def in_range(squares: Tensor | Float[np.ndarray, " n"], reader: Reader) -> bool:
    """Whether sums of squares are so far from zero and infinity that no term that counts was lost; False for NaN."""
    found, limits = np.asarray(squares), torch.finfo(reader.dtype)
    return bool(((found >= limits.tiny * ROOM) & (found <= limits.max / ROOM)).all())


def rescaled(layer: Layer, reader: Reader, models: Sequence[int]) -> tuple[Reader, Int[np.ndarray, " m"]]:
    """A float64 reader that divides model i by 2^e_i, so that its largest element is of order 1; and the e_i."""
    plain = Reader(reader.checkpoints, parent=reader.parent)
    largest = {model: _largest(layer, plain, model) for model in models}
    exponents = {i: int(np.frexp(x)[1]) for i, x in largest.items() if x > 0 and np.isfinite(x)}
    top = None
    for model in sorted(exponents, key=lambda i: -exponents[i]):
        if top is None or exponents[model] < top - TOGETHER:
            top = exponents[model]
        exponents[model] = top
    scaled = Reader(reader.checkpoints, parent=reader.parent, exponents=exponents)
    return scaled, np.array([exponents.get(i, 0) for i in models])


def _largest(layer: Layer, reader: Reader, model: int) -> float:
    """The largest magnitude; NaN if there is one."""
    found = torch.tensor(0.0, dtype=reader.dtype)
    for start in range(0, layer.numel, LONGEST):
        piece = reader.buffer("rows", min(LONGEST, layer.numel - start), reader.dtype)
        reader.read(layer, model, start, piece)
        found = torch.maximum(found, piece.abs().max())
    return float(found)
