"""How much of what an adapter does is lost on a model that computes the same with other weights."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import parameters
from toys.transfer.protocol import Method
from toys.transfer.rows import adapted, moved, randomised


def lost(
    source: nn.Module, there: nn.Module, method: Method, layers: tuple[str, ...], outputs: Callable[[nn.Module], Tensor]
) -> float:
    """Of an adapter with random factors: largest change of its outputs by the move, over that of the source's by it."""
    one = adapted(source, method, layers, 0)
    with torch.no_grad():
        for _, p in parameters(one):
            p.normal_(0, 0.2, generator=torch.Generator().manual_seed(p.numel()))
    one = randomised(one, 5)
    with torch.no_grad():
        here = outputs(one)
        return float((outputs(moved(one, there)) - here).abs().max() / (here - outputs(source)).abs().max())
