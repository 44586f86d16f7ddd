"""Copies of models with reparametrised heads or residual stream, or with another change of their weights."""

import copy
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

READS: Final = ("q", "k", "v", "up_proj")
WRITES: Final = ("o", "down_proj")


def each(model: Any, change: Callable[[Tensor], Tensor]) -> Any:
    other = copy.deepcopy(model)
    with torch.no_grad():
        for w in other.blocks.parameters():
            w.copy_(change(w))
    return other


def heads(model: Any, seed: int, count: int) -> Any:
    """Return a copy with the same function and random bases of the heads: W_q R, W_k R⁻ᵀ, W_v S and S⁻¹W_o per head."""
    other = copy.deepcopy(model)
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for block in other.blocks:
            width = block.q.out_features // count
            for head in range(count):
                rows = slice(head * width, (head + 1) * width)
                r, s = (_invertible(width, drawn).to(block.q.weight) for _ in range(2))
                for layer, turn in ((block.q, r.mT), (block.k, torch.linalg.inv(r)), (block.v, s.mT)):
                    for table in layer.parameters():  # including a bias
                        table[rows] = turn @ table[rows]
                block.o.weight[:, rows] = block.o.weight[:, rows] @ torch.linalg.inv(s).mT
    return other


def stream(model: Any, seed: int) -> Any:
    """Return a copy with the same function and a rotated basis of the residual stream."""
    other = copy.deepcopy(model)
    n = model.head.in_features
    drawn = torch.Generator().manual_seed(seed)
    q = torch.linalg.qr(torch.randn(n, n, generator=drawn, dtype=torch.float64)).Q.to(model.head.weight)
    with torch.no_grad():
        for table in (other.embedding, other.position, other.head.weight):
            table.copy_(table @ q)
        for block in other.blocks:
            for name, layer in block.named_children():
                if name in WRITES:
                    layer.weight.copy_(q.mT @ layer.weight)
                elif name in READS and layer.in_features == n:  # keys and values of cross-attention read words
                    layer.weight.copy_(layer.weight @ q)
    return other


def _invertible(n: int, drawn: torch.Generator) -> Tensor:
    """Return a random n x n matrix with singular values from about 1/2 to 2."""
    u, v = (torch.linalg.qr(torch.randn(n, n, generator=drawn, dtype=torch.float64)).Q for _ in range(2))
    return u @ torch.diag(torch.logspace(-0.3, 0.3, n, dtype=torch.float64)) @ v
