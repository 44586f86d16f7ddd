"""Models that are derived from SmolLM2: the same function, fewer bits, weights or blocks, or trained further."""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import torch
from torch import nn

from toys.llm.network import smollm2
from toys.llm.text import rows
from toys.llm.training import BATCH, train

GROUP: Final = 32
"""Number of weights that share a scale."""


def same_function(model: Any, seed: int) -> Any:
    """Permute the neurons and the attention heads, and rotate the values of each group of heads."""
    drawn = torch.Generator().manual_seed(seed)
    kv, size = model.config.num_key_value_heads, model.config.head_dim
    per = model.config.num_attention_heads // kv
    for block in model.model.layers:
        mlp, attention = block.mlp, block.self_attn
        order = torch.randperm(mlp.up_proj.out_features, generator=drawn)
        mlp.gate_proj.weight.data, mlp.up_proj.weight.data = mlp.gate_proj.weight[order], mlp.up_proj.weight[order]
        mlp.down_proj.weight.data = mlp.down_proj.weight[:, order]
        groups = torch.randperm(kv, generator=drawn)
        heads = torch.cat([k * per + torch.randperm(per, generator=drawn) for k in groups])
        for layer, order in ((attention.q_proj, heads), (attention.k_proj, groups)):
            layer.weight.data = layer.weight.unflatten(0, (-1, size))[order].flatten(0, 1)
        turn = torch.linalg.qr(torch.randn(kv, size, size, generator=drawn))[0]
        values = attention.v_proj.weight.unflatten(0, (kv, size))[groups]
        attention.v_proj.weight.data = (turn @ values).flatten(0, 1)
        reads = attention.o_proj.weight.unflatten(1, (-1, size))[:, heads]  # of query head j, from values j // per
        attention.o_proj.weight.data = torch.einsum("chd,hed->che", reads, turn.repeat_interleave(per, 0)).flatten(1)
    return model


def rounded(bits: int, model: Any, seed: int) -> Any:
    """Round weights to 2^bits levels between the smallest and the largest of a group."""
    del seed
    for layer in linear(model):
        w = layer.weight.reshape(layer.out_features, -1, GROUP)
        low, high = w.amin(-1, keepdim=True), w.amax(-1, keepdim=True)
        step = ((high - low) / (2**bits - 1)).clamp_min(1e-9)
        layer.weight.data = (((w - low) / step).round() * step + low).flatten(1)
    return model


def pruned(share: float, model: Any, seed: int) -> Any:
    """Set this share of each layer's weights to zero, the smallest."""
    del seed
    for layer in linear(model):
        size = layer.weight.abs()
        layer.weight.data[size <= size.flatten().kthvalue(int(share * size.numel())).values] = 0
    return model


def shortened(removed: tuple[int, ...], model: Any, seed: int) -> Any:
    """Remove blocks, and number the others anew."""
    del seed
    model.model.layers = nn.ModuleList(b for k, b in enumerate(model.model.layers) if k not in removed)
    model.config.num_hidden_layers = len(model.model.layers)
    for k, block in enumerate(model.model.layers):
        block.self_attn.layer_idx = k
    return model


def tuned(steps: int, rate: float, model: Any, seed: int) -> Any:
    """Train all weights on Python code."""
    train(model, model.requires_grad_().parameters(), rows("python", "", 20_000, seed), steps, rate, seed)
    return model.requires_grad_(requires_grad=False)


def linear(model: Any) -> Iterator[nn.Linear]:
    return (m for m in model.model.modules() if isinstance(m, nn.Linear))


TARGETS: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "same function": same_function,
    "8 bits": partial(rounded, 8),
    "4 bits": partial(rounded, 4),
    "3 bits": partial(rounded, 3),
    "30 % pruned": partial(pruned, 0.3),
    "50 % pruned": partial(pruned, 0.5),
    "2 blocks removed": partial(shortened, (12, 20)),
    "4 blocks removed": partial(shortened, (8, 12, 16, 20)),
    f"tuned, {20 * BATCH * 64:,} tokens": partial(tuned, 20, 6e-4),
    f"tuned, {200 * BATCH * 64:,} tokens": partial(tuned, 200, 6e-4),
}
"""Target -> function of a float32 copy of SmolLM2 and a seed, which changes and returns the copy."""


def target(name: str, seed: int) -> nn.Module:
    """Return a target in bfloat16."""
    made = TARGETS[name](copy.deepcopy(smollm2()).float(), seed)
    return made.to(torch.bfloat16).eval()


def weight_cosine(model: Any) -> float | None:
    """Return the mean cosine between the weights of linear layers of SmolLM2 and of a target; None if blocks miss."""
    ours, theirs = [*linear(smollm2())], [*linear(model)]
    if len(ours) != len(theirs):
        return None
    pairs = [(a.weight.flatten().double(), b.weight.flatten().double()) for a, b in zip(ours, theirs, strict=True)]
    return float(torch.stack([torch.cosine_similarity(a, b, 0) for a, b in pairs]).mean())
