"""Permutations of MLP neurons and attention heads between two models, in layers that are recognised by name.

For a permutation P, σ(XW₁P)PᵀW₂ = σ(XW₁)W₂: the weights change but the function does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Final

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.adapters.residual import READS, WRITES
from ioadapt_theory.checkpoints.names import TABLES

CHANNELS: Final = 256
"""Maximum number of input channels by which neurons are compared."""
ALIKE: Final = 0.5
"""Cosine below which a neuron may be permuted; after reordering, the mean cosine of these neurons must be above it."""
SMALLEST: Final = 8
"""Minimum number of channels of an attention head."""
LARGEST: Final = 4096
"""Maximum number of neurons for an optimal assignment; if there are more, no two may have the same best match."""


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a target layer's channels: output (or input) channel j is channel ``order[j]`` of the source's layer."""

    order: Tensor
    outputs: bool


def neuron_orders(source: Weights, target: Weights, origins: Mapping[str, str]) -> dict[str, Order]:
    """Return the order of the neurons in each layer of the target whose MLP has permuted neurons.

    ``origins`` maps each layer of the target to the source's layer.
    """
    permuted: dict[str, Order] = {}
    for reads, writes in mlps(origins):
        each = (order_of(source.layer(origins[layer]).matrix, target.layer(layer).matrix) for layer in reads)
        order = next((one for one in each if one is not None), None)
        if order is None:
            continue
        permuted |= {layer: Order(order, outputs=True) for layer in reads}
        for layer in writes:  # one layer may compute values and gates as two halves of its outputs
            neurons = target.outline(layer).rows
            permuted[layer] = Order(order[:neurons] % neurons, outputs=False)
    return permuted


def mlps(layers: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield, for each MLP, the layers that read the residual stream and those that write to it."""
    layers = dict.fromkeys(layers)
    groups: dict[tuple[str, str], list[str]] = {}
    for layer in layers:
        for reads, writes in TABLES["mlps"].items():
            if layer == reads or layer.endswith(f".{reads}"):
                groups.setdefault((layer.removesuffix(reads), writes), []).append(layer)
    for (module, writes), reading in groups.items():
        yield reading, [layer] if (layer := f"{module}{writes}") in layers else []


def order_of(ours: Tensor, theirs: Tensor) -> Tensor | None:
    """Return the order in which columns correspond: ``theirs[:, j]`` is similar to ``ours[:, order[j]]``.

    The result is None if the columns are already in order, or if the matrices do not correspond.
    """
    if ours.shape != theirs.shape or ours.is_meta or theirs.is_meta:
        return None
    at = torch.linspace(0, len(ours) - 1, min(len(ours), CHANNELS), dtype=torch.float64).long()
    ours, theirs = (m.detach()[at.to(m.device)].to("cpu", torch.float32) for m in (ours, theirs))
    tiny = torch.finfo(torch.float32).tiny
    moved = (torch.cosine_similarity(ours, theirs, dim=0, eps=tiny) < ALIKE) & (ours != theirs).any(0)
    if not moved.any():
        return None
    ours, theirs = (torch.nn.functional.normalize(m, dim=0, eps=tiny) for m in (ours, theirs))
    order = torch.cat([(part.mT @ ours).argmax(1) for part in torch.split(theirs, 1024, dim=1)])
    if len(set(order.tolist())) < len(order):
        if len(order) > LARGEST:
            return None
        from scipy.optimize import linear_sum_assignment  # rarely needed, and slow to import

        order = torch.from_numpy(linear_sum_assignment((theirs.mT @ ours).numpy(), maximize=True)[1])
    changed = order != torch.arange(len(order))
    alike = float((ours[:, order] * theirs).sum(0)[moved | changed].mean()) > ALIKE
    return order if alike and changed.any() else None


def head_orders(source: Weights, target: Weights, origins: Mapping[str, str]) -> dict[str, Order]:
    """Return the order of the channels in each attention layer of the target whose heads are permuted.

    Heads are blocks of at least SMALLEST channels, in the same order in the outputs of q, k, v and inputs of o. With
    grouped-query attention, the q heads of one k head are permuted together.
    """
    neurons = {layer for reads, writes in mlps(origins) for layer in (*reads, *writes)}
    groups: dict[str, list[str]] = {}
    for name in origins:
        if name not in neurons and (READS.fullmatch(name) or WRITES.fullmatch(name)):
            module = name.rpartition(".")[0].removesuffix(".to_out").removesuffix(".self").removesuffix(".output")
            groups.setdefault(module, []).append(name)
    heads: dict[str, Order] = {}
    for layers in groups.values():
        outputs = [bool(READS.fullmatch(name)) for name in layers]
        if len(layers) != 4 or sum(outputs) != 3:  # q, k, v and o
            continue
        permuted = [_order(source, target, n, origins[n], outputs=out) for n, out in zip(layers, outputs, strict=True)]
        if _whole_heads(permuted):
            heads |= {n: Order(order, out) for n, order, out in zip(layers, permuted, outputs, strict=True)}
    return heads


def _order(source: Weights, target: Weights, layer: str, origin: str, *, outputs: bool) -> Tensor:
    """Return the order of the target's channels, as places in the source; the identity if they do not correspond."""
    one, two = (m if outputs else m.mT for m in (source.layer(origin).matrix, target.layer(layer).matrix))
    order = order_of(one, two)
    return torch.arange(two.shape[1]) if order is None else order


def _whole_heads(orders: list[Tensor]) -> bool:
    """Return whether q, k, v and o have their heads in one common order that differs from the source's."""
    few, many = min(orders, key=len), max(orders, key=len)
    alike = all(torch.equal(order, many if len(order) == len(many) else few) for order in orders)
    if not alike or len(many) % len(few) or _block(many) == len(many):
        return False
    size = 1 if _block(few) == len(few) else _block(few)
    shared = size * len(many) // len(few)
    return _block(many) >= SMALLEST and torch.equal(many[::shared] // shared, few[::size] // size)


def _block(order: Tensor) -> int:
    """Return the size of the largest blocks whose channels stay together and in order."""
    starts = [k for k, (a, b) in enumerate(pairwise(order.tolist()), 1) if b != a + 1]
    return gcd(len(order), *starts, *(int(order[k]) for k in starts), int(order[0]))
