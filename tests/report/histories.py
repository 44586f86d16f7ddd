"""Small random networks, functions that derive one network from another, and the correct relation of both."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import TensorWeights
from ioadapt_theory.reporting.kin.kinship import Relation

Tensors = dict[str, Tensor]
WIDTH, HEAD, NEURONS, BLOCKS, TOKENS, CLASSES = 64, 16, 96, 4, 120, 12
READS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj")
WRITES = ("self_attn.o_proj", "mlp.down_proj")


def network(g: torch.Generator, *, width: int = WIDTH) -> Tensors:
    """Return the tensors of a transformer; in all networks, token embeddings decrease in size in the same way."""

    def draw(out: int, into: int) -> Tensor:
        w = torch.randn(out, into, generator=g) / math.sqrt(into)
        return w + 0.2 / math.sqrt(into)

    sizes = 1 / (1 + torch.arange(TOKENS) / 10)
    tensors = {"model.embed_tokens.weight": draw(TOKENS, width) * sizes[:, None]}
    for k in range(BLOCKS):
        block = f"model.layers.{k}"
        for name in READS:
            tensors[f"{block}.{name}.weight"] = draw(size := NEURONS if "mlp" in name else width, width)
            if name == "mlp.up_proj":
                tensors[f"{block}.{name}.bias"] = torch.randn(size, generator=g)
        tensors[f"{block}.self_attn.o_proj.weight"] = draw(width, width)
        tensors[f"{block}.mlp.down_proj.weight"] = draw(width, NEURONS)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{block}.{norm}.weight"] = 1 + 0.1 * torch.randn(width, generator=g)
    return tensors | {"score.weight": draw(CLASSES, width)}


def weights(tensors: Tensors) -> TensorWeights:
    return TensorWeights({n: tuple(t.shape) for n, t in tensors.items()}, tensors.__getitem__)


def each(t: Tensors, change: Callable[[str, Tensor], Tensor]) -> Tensors:
    return {n: change(n, w).contiguous() if w.ndim > 1 else w for n, w in t.items()}


def tuned(t: Tensors, g: torch.Generator, size: float = 0.3) -> Tensors:
    """Add noise to every matrix: ``size`` times the standard deviation of its entries."""
    return each(t, lambda _, w: w + size * w.std() * torch.randn(w.shape, generator=g))


def reordered(t: Tensors, g: torch.Generator, *, neurons: bool, heads: bool) -> Tensors:
    """Permute the neurons, the heads, or both in every block."""
    new = dict(t)
    for k in range(BLOCKS):
        order = torch.randperm(NEURONS, generator=g)
        blocks = (torch.randperm(WIDTH // HEAD, generator=g)[:, None] * HEAD + torch.arange(HEAD)).flatten()
        for name in (*READS, *WRITES):
            mlp, key = "mlp" in name, f"model.layers.{k}.{name}.weight"
            if neurons if mlp else heads:
                new[key] = t[key].index_select(0 if name in READS else 1, order if mlp else blocks)
        if neurons:
            bias = f"model.layers.{k}.mlp.up_proj.bias"
            new[bias] = t[bias][order]
    return new


def swapped(t: Tensors) -> Tensors:
    order = torch.tensor([1, 0, *range(2, NEURONS)])
    outputs = ("gate_proj.weight", "up_proj.weight", "up_proj.bias")
    return {n: w[order] if n.endswith(outputs) else w[:, order] if "down_proj" in n else w for n, w in t.items()}


def turned(t: Tensors, g: torch.Generator) -> Tensors:
    """Rotate the residual stream; gains of norms stay unchanged, so the function changes."""
    q = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=g)).Q
    return each(t, lambda n, w: q @ w if n.removesuffix(".weight").endswith(WRITES) else w @ q.mT)


def scaled(t: Tensors, g: torch.Generator) -> Tensors:
    """Multiply the outputs of up_proj by random numbers, and divide the inputs of down_proj by them."""
    s, up, down = 2 * torch.rand(NEURONS, generator=g) + 0.3, "mlp.up_proj.weight", "mlp.down_proj.weight"
    return each(t, lambda n, w: w * s[:, None] if n.endswith(up) else w / s if n.endswith(down) else w)


def rounded(t: Tensors, bits: int, group: int) -> Tensors:
    """Round matrices to integers of ``bits`` bits, with a scale for each group of weights in a row."""

    def change(_: str, w: Tensor) -> Tensor:
        if w.shape[1] % group:
            return w
        parts = w.reshape(-1, group)
        step = parts.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
        return ((parts / step).round() * step).view_as(w)

    return each(t, change)


def zeroed(t: Tensors) -> Tensors:
    return each(t, lambda _, w: w * (w.abs() > w.abs().median()))


def blocks_kept(t: Tensors, kept: list[int]) -> Tensors:
    """Return the tensors with only the given blocks, renumbered; a block may occur twice."""
    rest = {n: w for n, w in t.items() if ".layers." not in n}
    return rest | {
        n.replace(f"layers.{old}.", f"layers.{new}."): w
        for new, old in enumerate(kept)
        for n, w in t.items()
        if f"layers.{old}." in n
    }


def fewer_neurons(t: Tensors, g: torch.Generator) -> Tensors:
    new = dict(t)
    for k in range(BLOCKS):
        kept = torch.randperm(NEURONS, generator=g)[:72].sort().values
        for name in (*READS[3:], "mlp.down_proj"):
            key = f"model.layers.{k}.{name}.weight"
            new[key] = t[key].index_select(int(name in WRITES), kept)
        bias = f"model.layers.{k}.mlp.up_proj.bias"
        new[bias] = t[bias][kept]
    return new


def longer(t: Tensors, name: str, g: torch.Generator) -> Tensors:
    return t | {name: torch.cat([t[name], torch.randn(8, WIDTH, generator=g)])}


SAME, RELATED, UNRELATED, DIFFERENT = Relation.SAME, Relation.RELATED, Relation.UNRELATED, Relation.DIFFERENT
HISTORIES: dict[str, tuple[Relation, Callable[[Tensors, torch.Generator], Tensors]]] = {
    "itself": (SAME, lambda t, g: dict(t)),
    "bfloat16": (SAME, lambda t, g: {n: w.bfloat16() for n, w in t.items()}),
    "neurons in another order": (SAME, lambda t, g: reordered(t, g, neurons=True, heads=False)),
    "two neurons swapped": (SAME, lambda t, g: swapped(t)),
    "heads in another order": (SAME, lambda t, g: reordered(t, g, neurons=False, heads=True)),
    "int8 per row": (RELATED, lambda t, g: rounded(t, 8, WIDTH)),
    "zeros": (RELATED, lambda t, g: zeroed(t)),
    "fewer blocks": (RELATED, lambda t, g: blocks_kept(t, [0, 1, 3])),
    "fewer neurons": (RELATED, fewer_neurons),
    "tuned": (RELATED, tuned),
    "another order, tuned": (RELATED, lambda t, g: tuned(reordered(t, g, neurons=True, heads=False), g, 0.1)),
    "stream turned": (RELATED, turned),
    "channels scaled": (RELATED, scaled),
    "more tokens": (RELATED, lambda t, g: longer(t, "model.embed_tokens.weight", g)),
    "blocks doubled": (RELATED, lambda t, g: blocks_kept(t, [0, 1, 1, 2, 2, 3])),
    "a stranger": (UNRELATED, lambda t, g: network(g)),
    "other width": (DIFFERENT, lambda t, g: network(g, width=48)),
}
"""History -> the correct relation, and the function that changes a network."""
