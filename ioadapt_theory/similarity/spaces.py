"""Similarity of the input and output spaces of layers: cosines of Gram matrices minus multiples of I.

W is c x d, Y = XW. The effect of an input adapter T has the squared norm ‖xTW‖² = xTKTᵀxᵀ, which depends on W only
through its Gram matrix K = WWᵀ (c x c), and K = K' exactly if W' = WQ with an orthogonal Q. For an output adapter, the
same holds for WᵀW (d x d). An adapter mixes the channels of a convolution, so the kernel is read as a matrix of one
channel axis by all other axes. For a wide random matrix, K is close to a multiple of I, so K° = K - (tr K / f) I is
compared, where K is f x f. Torch stores a linear layer as Wᵀ, a convolution as (out, in, ...), and an embedding as W
itself. Transposed and grouped convolutions cannot be recognised from names and shapes; they are read as plain ones.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.similarity.matching import Layer, Space
from ioadapt_theory.similarity.weights import Moments, in_range, whole

ROUNDING = 4096
"""Multiple of the machine epsilon; if ‖K°‖² / ‖K‖² is smaller, K counts as a multiple of I."""
STRIP = 256
"""Number of rows of a Gram matrix that are computed at once, from the diagonal on; the rest follows by symmetry."""


class Gram:
    """K° = WWᵀ - tI of one matrix W, f x m, with t = ‖W‖² / f; stored as a matrix if that is cheaper than using W.

    Attributes:
        trace: tr WWᵀ = ‖W‖².
        norm_sq: ‖K°‖².
    """

    def __init__(self, w: Float64[Tensor, "f m"]) -> None:
        self.trace = float(w.square().sum())
        self.t = self.trace / len(w)
        self.w, self.held = w, 2 * len(w) <= 3 * w.shape[1]
        if self.held:
            self.w = torch.empty(len(w), len(w), dtype=w.dtype)
            for i in range(0, len(w), STRIP):
                self.w[i : i + STRIP, i:] = w[i : i + STRIP] @ w[i:].T
            self.w = self.w.triu_().add_(self.w.triu(1).T)
            self.w.diagonal().sub_(self.t)
        self.norm_sq = self.dot(self)

    def dot(self, other: "Gram") -> float:
        """Return ⟨K°, K°'⟩ for K°' of ``other``, as ‖WᵀW'‖² - t ‖W'‖² if K° and K°' are not stored."""
        if self.held:
            return torch.dot(self.w.view(-1), other.w.view(-1)).item()
        return (self.w.T @ other.w).square().sum().item() - self.t * other.trace


def moments(layer: Layer, checkpoints: Sequence[Checkpoint], space: Space) -> Moments:
    """Return inner products and squared distances of K° of all models; the layer has two or more channels there."""
    models, count = layer.models, len(checkpoints)
    grams = {i: Gram(_matrix(whole(checkpoints[i], str(layer.tensors[i])), layer, space)) for i in models}
    inner = np.full((count, count), np.nan)
    for i, j in itertools.combinations(models, 2):
        inner[i, j] = inner[j, i] = grams[i].dot(grams[j])
    for i, gram in grams.items():
        size = gram.norm_sq + gram.t * gram.trace  # fourth powers underflow before the weights do
        if not in_range(size) or (size == 0 and gram.trace > 0):
            inner[i, i] = np.nan
        elif gram.norm_sq <= ROUNDING * np.finfo(np.float64).eps * size:  # K is a multiple of I
            inner[i, :] = inner[:, i] = 0.0
        else:
            inner[i, i] = gram.norm_sq
    norms = np.diagonal(inner)
    with np.errstate(invalid="ignore"):
        distances = np.maximum(norms[:, None] + norms - 2 * inner, 0.0)
    return Moments(inner, distances)


def _matrix(elements: Float64[Tensor, " n"], layer: Layer, space: Space) -> Float64[Tensor, "f m"]:
    """Return a layer's elements as a matrix with the channels of the input or output side as rows."""
    axis, channels = layer.side(space)
    return elements.view(layer.shape).transpose(0, axis).reshape(channels, -1)
