"""The architecture of both sentence encoders (BERT, post-norm), and a permutation of their channels."""

import copy
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, scaled_dot_product_attention

WIDTH, HEADS, INNER, EPSILON = 384, 12, 1536, 1e-12
FLOAT: Final = torch.float32
"""The dtype of all parameters, so that a seed gives the same results with every default dtype."""
KINDS: Final = ("q", "k", "v", "o")
"""The adapted layers of a block."""


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH, dtype=FLOAT) for _ in range(4))
        self.up_proj, self.down_proj = nn.Linear(WIDTH, INNER, dtype=FLOAT), nn.Linear(INNER, WIDTH, dtype=FLOAT)
        self.after_attention, self.after_mlp = (nn.LayerNorm(WIDTH, EPSILON, dtype=FLOAT) for _ in range(2))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Map ``x``, (tokens, width), to the same shape; ``seen``, (tokens, tokens), is the attention mask."""
        q, k, v = (m(x).unflatten(-1, (HEADS, -1)).transpose(0, 1) for m in (self.q, self.k, self.v))
        heads = scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(0, 1).flatten(-2)
        x = self.after_attention(x + self.o(heads))
        return self.after_mlp(x + self.down_proj(gelu(self.up_proj(x))))


class Encoder(nn.Module):
    """A network from tokens to an embedding of each sentence; ``names`` are the names of its blocks, in order.

    Adapters move between layers with the same name.
    """

    def __init__(self, names: Iterable[str], words: int, places: int) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.zeros(words, WIDTH, dtype=FLOAT))
        self.places = nn.Parameter(torch.zeros(places, WIDTH, dtype=FLOAT))
        self.before = nn.LayerNorm(WIDTH, EPSILON, dtype=FLOAT)
        self.blocks = nn.Sequential(OrderedDict((name, Block()) for name in names))

    def forward(self, sentences: Sequence[Sequence[int]]) -> Tensor:
        """Map token ids to embeddings of norm 1, (sentences, width), without padding, which would double the cost."""
        lengths = torch.tensor([len(one) for one in sentences])
        pieces = torch.tensor([piece for one in sentences for piece in one])
        place = torch.cat([torch.arange(n) for n in lengths.tolist()])
        sentence = torch.arange(len(sentences)).repeat_interleave(lengths)
        x = self.before(self.words[pieces] + self.places[place])
        for block in self.blocks:
            x = block(x, sentence[:, None] == sentence)
        total = torch.zeros(len(sentences), WIDTH, dtype=x.dtype).index_add(0, sentence, x)
        return normalize(total, dim=1)  # the sum has the direction of the mean


def channels(model: Encoder, seed: int) -> Encoder:
    """Return a copy with permuted channels of the residual stream, which permutes the entries of the embeddings.

    The stream cannot be rotated instead, because a LayerNorm with gains does not commute with rotations.
    """
    other = copy.deepcopy(model)
    order = torch.randperm(WIDTH, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for table in (other.words, other.places):
            table.copy_(table[:, order])
        norms = [other.before]
        blocks: Any = other.blocks
        for block in blocks:
            norms += [block.after_attention, block.after_mlp]
            for reads in (block.q, block.k, block.v, block.up_proj):
                reads.weight.copy_(reads.weight[:, order])
            for writes in (block.o, block.down_proj):
                writes.weight.copy_(writes.weight[order])
                writes.bias.copy_(writes.bias[order])
        for norm in norms:
            norm.weight.copy_(norm.weight[order])
            norm.bias.copy_(norm.bias[order])
    return other
