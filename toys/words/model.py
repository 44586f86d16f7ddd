"""A small transformer over bytes, without gains or biases, so that its residual stream can be rotated."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, scaled_dot_product_attention

from toys.words.text import LENGTH

WIDTH, HEADS, DEPTH, BYTES = 64, 4, 2, 128
FLOAT: Final = torch.float32
"""The dtype of all parameters, so that a seed gives the same results with every default dtype."""
LAYERS: Final = tuple(f"blocks.{i}.{m}" for i in range(DEPTH) for m in ("q", "k", "v", "o", "up_proj", "down_proj"))


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False, dtype=FLOAT)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (_linear(WIDTH, WIDTH) for _ in range(4))
        self.up_proj, self.down_proj = _linear(WIDTH, 4 * WIDTH), _linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x``, (batch, length, width), to the same shape."""
        h = normed(x)
        q, k, v = (m(h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.q, self.k, self.v))
        x = x + self.o(scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2))
        return x + self.down_proj(relu(self.up_proj(normed(x))))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(BYTES, WIDTH, dtype=FLOAT) * 0.1)
        self.position = nn.Parameter(torch.randn(LENGTH, WIDTH, dtype=FLOAT) * 0.1)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.head = _linear(WIDTH, BYTES)

    def forward(self, text: Tensor) -> Tensor:
        """Map bytes, (batch, length), to logits, (batch, length, BYTES)."""
        x = self.embedding[text] + self.position[: text.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(normed(x))


def normed(x: Tensor) -> Tensor:
    """Return ``x`` scaled to unit mean square, without a learned gain, so that the residual stream can be rotated."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
