"""Small networks with a known kinship."""

import copy
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTH, DEPTH, INPUTS, OUTPUTS = 48, 4, 20, 12


def network(seed: int, depth: int = DEPTH) -> nn.Sequential:
    """Layers 0, 2, 4, ... of unequal sizes, with biases."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [INPUTS, *(WIDTH + 4 * k for k in range(depth - 1)), OUTPUTS]
    parts: list[nn.Module] = []
    for c, d in pairwise(sizes):
        layer = nn.Linear(c, d)
        layer.weight.data = torch.randn(d, c, generator=generator) / c**0.5
        layer.bias.data = torch.randn(d, generator=generator) / 4
        parts += [layer, nn.Tanh()]
    return nn.Sequential(*parts[:-1])


def changed(model: nn.Sequential, change: Callable[[int, Tensor], Tensor]) -> nn.Sequential:
    """A copy with every weight W as stored replaced by change(position, W)."""
    other = copy.deepcopy(model)
    for k, part in enumerate(other):
        if isinstance(part, nn.Linear):
            part.weight.data = change(k, part.weight.data).contiguous()
    return other


def noise(w: Tensor, size: float, generator: torch.Generator) -> Tensor:
    """Independent numbers of ``size`` times the weight's own spread."""
    return size * w.std() * torch.randn(w.shape, generator=generator)


def tuned(model: nn.Sequential, size: float, seed: int) -> nn.Sequential:
    """As fine-tuning does, at right angles to the weights."""
    generator = torch.Generator().manual_seed(seed)
    return changed(model, lambda _, w: w + noise(w, size, generator))


def merged(model: nn.Sequential, rank: int, seed: int) -> nn.Sequential:
    """A LoRA written into the weights."""
    generator = torch.Generator().manual_seed(seed)

    def change(_: int, w: Tensor) -> Tensor:
        a, b = (torch.randn(n, rank, generator=generator) for n in w.shape)
        return w + 0.3 * w.norm() * (a @ b.T) / (a @ b.T).norm()

    return changed(model, change)
