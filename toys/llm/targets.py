"""Models that are derived from SmolLM2: the same function, fewer bits, weights or blocks, or trained further."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.results import fingerprint
from toys.llm.network import smollm2
from toys.llm.text import LENGTH, rows
from toys.llm.training import BATCH, train
from toys.transfer.cache import tensors

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


def narrowed(share: float, model: Any, seed: int) -> Any:
    """Remove this share of each MLP's neurons, those with the smallest weights."""
    del seed
    for block in model.model.layers:
        mlp = block.mlp
        sizes = mlp.up_proj.weight.norm(dim=1) * mlp.down_proj.weight.norm(dim=0)
        kept = sizes.topk(round((1 - share) * len(sizes))).indices.sort().values
        for layer, w in (
            (mlp.gate_proj, mlp.gate_proj.weight[kept]),
            (mlp.up_proj, mlp.up_proj.weight[kept]),
            (mlp.down_proj, mlp.down_proj.weight[:, kept]),
        ):
            layer.weight = nn.Parameter(w.clone(), requires_grad=False)
            layer.out_features, layer.in_features = w.shape
    return model


def linear(model: Any) -> Iterator[nn.Linear]:
    return (m for m in model.model.modules() if isinstance(m, nn.Linear))


@dataclass(frozen=True, slots=True)
class Target:
    """How a target is made.

    Attributes:
        change: function of a float32 copy of SmolLM2 and a seed, which changes and returns the copy.
        steps: number of steps in which all weights are then trained on Python code.
        weight: weight of the trained model in its mean with the model before training.
        rate: learning rate of all weights.
        mixed: whether outputs are computed in bfloat16 while weights are trained, in less than half the time.
    """

    change: Callable[[Any, int], Any] = lambda model, _: model
    steps: int = 0
    weight: float = 1.0
    rate: float = 6e-4
    mixed: bool = False


def _tokens(steps: int) -> str:
    return f"{steps * BATCH * LENGTH:,} tokens"


TARGETS: Final[Mapping[str, Target]] = {
    "same function": Target(same_function),
    "8 bits": Target(partial(rounded, 8)),
    "4 bits": Target(partial(rounded, 4)),
    "3 bits": Target(partial(rounded, 3)),
    "30 % pruned": Target(partial(pruned, 0.3)),
    "50 % pruned": Target(partial(pruned, 0.5)),
    "narrower MLPs, healed": Target(partial(narrowed, 0.25), steps=20),
    "2 blocks removed": Target(partial(shortened, (12, 20))),
    "4 blocks removed": Target(partial(shortened, (8, 12, 16, 20))),
    f"tuned, {_tokens(20)}": Target(steps=20),
    f"tuned, {_tokens(200)}": Target(steps=200),
    f"tuned, {_tokens(2000)}": Target(steps=2000, mixed=True),
    **{f"tuned slowly, {_tokens(n)}": Target(steps=n, rate=6e-5, mixed=True) for n in (200, 2000)},
    "merged with a tuned one": Target(steps=20, weight=0.5),
}


def target(name: str, seed: int, cache: Path) -> nn.Module:
    """Return a target in bfloat16; trained weights are stored in the cache."""
    how = TARGETS[name]
    made = how.change(copy.deepcopy(smollm2()).float(), seed)
    if how.steps:
        own = {"steps": how.steps, "rate": how.rate, "weight": how.weight}
        key = {"toy": "smollm", "target": name, "seed": seed, **own}
        store = cache / f"{fingerprint(key)}.training"
        made.load_state_dict(tensors(cache, key, lambda: _trained(made, how, seed, store)))
    return made.to(torch.bfloat16).eval()


def _trained(model: Any, how: Target, seed: int, store: Path) -> dict[str, Tensor]:
    before, code = {name: p.clone() for name, p in model.state_dict().items()}, rows("python", "", 20_000, seed)
    weights = model.requires_grad_().parameters()
    train(model, weights, code, how.steps, how.rate, seed, mixed=how.mixed, store=store)
    model.requires_grad_(requires_grad=False)
    return {name: torch.lerp(before[name], p, how.weight).bfloat16() for name, p in model.state_dict().items()}


def weight_cosine(model: Any) -> float | None:
    """Return the mean cosine between weights of linear layers of SmolLM2 and of a target; None if one is cut."""
    ours, theirs = [*linear(smollm2())], [*linear(model)]
    if [layer.weight.shape for layer in ours] != [layer.weight.shape for layer in theirs]:
        return None
    pairs = [(a.weight.flatten().double(), b.weight.flatten().double()) for a, b in zip(ours, theirs, strict=True)]
    return float(torch.stack([torch.cosine_similarity(a, b, 0) for a, b in pairs]).mean())
