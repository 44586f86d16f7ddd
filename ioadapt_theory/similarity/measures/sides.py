"""The two sides of a stored tensor as matrices, read in pieces: which axis is the input, which the output.

Torch stores Wᵀ for a linear layer, (out, in, ...) for a convolution, and an embedding as W itself. Transposed and
grouped convolutions cannot be told from names and shapes; they are read as plain ones.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ioadapt_theory.similarity.matching import Layer
from ioadapt_theory.similarity.measures.space import Span
from ioadapt_theory.similarity.streaming.reader import Reader

WHOLE = 1024 * 1024
"""Elements of a layer, over all models, that are kept at once; larger ones are read again for every tile."""


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
        rows = box.view(len(box), -1)
        ahead = [(o - outs[0]) * width for o in range(*outs)]
        self.reader.filler(self.layer, [model] * len(rows), rows, ahead)(outs[0] * width + ins[0] * self.taps)
        return box

    def spans(self, *, rows: bool, length: int) -> list[Span]:
        """Cut the rows, or the columns with their taps, into pieces of about ``length`` elements and equal size."""
        n = self.lengths[self.axis] if rows else self.lengths[1 - self.axis]
        step = max(1, length if rows else length // self.taps)
        count = -(-n // step)
        cuts = [n * k // count for k in range(count + 1)]
        return list(itertools.pairwise(cuts))
