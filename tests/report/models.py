import copy
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn


def network(seed: int, depth: int = 4) -> nn.Sequential:
    """Return linear layers of unequal sizes, named 0, 2, 4, ..., with tanh between them."""
    generator = torch.Generator().manual_seed(seed)
    parts: list[nn.Module] = []
    for c, d in pairwise([20, *(48 + 4 * k for k in range(depth - 1)), 12]):
        layer = nn.Linear(c, d)
        layer.weight.data = torch.randn(d, c, generator=generator) / c**0.5
        layer.bias.data = torch.randn(d, generator=generator) / 4
        parts += [layer, nn.Tanh()]
    return nn.Sequential(*parts[:-1])


def changed(model: nn.Sequential, change: Callable[[int, Tensor], Tensor]) -> nn.Sequential:
    """Return a copy in which each stored weight W of the k-th module is replaced by change(k, W)."""
    other = copy.deepcopy(model)
    for k, part in enumerate(other):
        if isinstance(part, nn.Linear):
            part.weight.data = change(k, part.weight.data).contiguous()
    return other


def tuned(model: nn.Sequential, size: float, seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    return changed(model, lambda _, w: w + size * w.std() * torch.randn(w.shape, generator=generator))
