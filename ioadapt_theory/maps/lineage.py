"""What the weights of two layers say about the target: same basis as the source, or a damaged copy of it."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.matrices import is_supported, operator

ALIKE = 0.9
"""Cosine of two weights from which they are taken to have the same bases; it is near 0 for models trained apart."""
ZEROED, COARSE = 0.05, 0.8
"""Share of the weights that are 0 only in a pruned copy, and ratio of distinct values below which one is rounded."""
ROWS = 64
"""Number of columns of a weight whose values are counted."""


def _weights(source: nn.Module, target: nn.Module) -> tuple[Tensor, Tensor] | None:
    if not (is_supported(source) and is_supported(target)):
        return None
    w, w2 = (operator(m).dense().detach().float() for m in (source, target))
    return (w, w2.to(w.device)) if w.shape == w2.shape else None


def related(source: nn.Module, target: nn.Module) -> bool:
    """Return whether the weights of two layers are so similar that their inputs and outputs have the same bases."""
    both = _weights(source, target)
    return both is not None and bool(torch.cosine_similarity(both[0].flatten(), both[1].flatten(), 0) > ALIKE)


def damaged(pairs: Iterable[tuple[nn.Module, nn.Module]]) -> bool:
    """Return whether most of the layers of the target are pruned or rounded copies of the source's."""
    found = [_is_damaged(*both) for one, two in pairs if (both := _weights(one, two)) is not None]
    return sum(found) > len(found) / 2


def _is_damaged(w: Tensor, w2: Tensor) -> bool:
    if not torch.cosine_similarity(w.flatten(), w2.flatten(), 0) > ALIKE or torch.equal(w, w2):
        return False
    if float(((w2 == 0) & (w != 0)).float().mean()) > ZEROED:
        return True
    distinct = [sum(len(column.unique()) for column in m.mT[:ROWS]) for m in (w, w2)]
    return distinct[1] < COARSE * distinct[0]
