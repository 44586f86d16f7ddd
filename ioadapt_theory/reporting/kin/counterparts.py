"""Correspondence of layers, norms and biases of source and target, and the order of their channels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import gcd
from typing import Final

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer, TensorWeights, Weights, checkpoint_weights, stored_weights
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.rules.residual import READS, WRITES
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.transformers import HEADS
from ioadapt_theory.checkpoints.renaming import common
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.reporting.kin.likeness import finite, same
from ioadapt_theory.reporting.kin.orders import ALIKE, Order, mlps, neuron_orders, order_of
from ioadapt_theory.similarity.report.order import place

SMALLEST: Final = 8
"""Minimum number of channels of a head."""


def by_modules(source: Checkpoint, target: Checkpoint) -> tuple[TensorWeights, TensorWeights]:
    """Return two checkpoints under the names of the models' modules, as adapters use them."""
    one = checkpoint_weights(source)
    return one, checkpoint_weights(target, one.names)


def by_names(source: Checkpoint, target: Checkpoint) -> tuple[TensorWeights, TensorWeights]:
    """Return two checkpoints under common names, for a report without an adapter.

    Modules' names are asked for where one model has a head that the other ties: transformers knows them, whose import
    takes longer than the report.
    """
    heads = [any(name.endswith(HEADS) for name in checkpoint.tensors) for checkpoint in (source, target)]
    if heads[0] != heads[1]:
        return by_modules(source, target)
    one, two = common([source, target])[0]
    return stored_weights(one), stored_weights(two)


def matrices(weights: Weights) -> dict[str, tuple[int, int]]:
    """Return the layers that have a matrix, in the network's order, with their numbers of channels in and out."""
    sizes = {}
    inner = sorted({*weights.names} - {""}, key=place)
    for name in inner or weights.names:  # a model that has layers is none itself, and need not like to be asked
        try:
            f = weights.outline(name)
        except IoAdaptError:
            continue
        sizes[name] = (f.channels, f.columns)
    return sizes


@dataclass(frozen=True, slots=True)
class Counterparts:
    """The target's layer for each layer of the source.

    Attributes:
        layers: the target's name for each layer of the source.
        orders: layers of the target whose neurons or attention heads are in another order.
    """

    layers: Mapping[str, str]
    orders: Mapping[str, Order] = field(default_factory=dict)

    def ordered(self, layer: BaseLayer, name: str) -> BaseLayer:
        """Return the target's layer of this name with its channels in the source's order."""
        if name not in self.orders:
            return layer
        order = self.orders[name]
        back = order.order.argsort().to(layer.matrix.device)
        if not order.outputs:
            return replace(layer, matrix=layer.matrix[back])
        return replace(layer, matrix=layer.matrix[:, back], bias=None if layer.bias is None else layer.bias[back])


def corresponding(source: Weights, target: Weights) -> Counterparts:
    """Match layers by contents where blocks were renumbered, or by name."""
    names = [Name("", name) for name in matrices(source)]
    matched = correspond(names, target, "auto", source=source).places
    layers = {key.path: _nearest(source, target, key.path, places) for key, places in matched.items()}
    layers = {name: place for name, place in layers.items() if place}
    origins = {new: old for old, new in layers.items()}
    return Counterparts(layers, neuron_orders(source, target, origins) | head_orders(source, target, origins))


def _nearest(source: Weights, target: Weights, name: str, places: Iterable[tuple[str, ...]]) -> str:
    """Return the place whose weights are most like the layer's; "" if no place is a single layer."""
    single = [layers[0] for layers in places if len(layers) == 1]
    if len(single) < 2:
        return single[0] if single else ""
    w = source.layer(name).matrix.detach().float()

    def likeness(place: str) -> float:
        other = target.layer(place).matrix.detach().float()
        return float((w * other).sum() / other.norm().clamp_min(1e-30)) if other.shape == w.shape else -1.0

    return max(single, key=likeness)


def head_orders(source: Weights, target: Weights, origins: Mapping[str, str]) -> dict[str, Order]:
    """Return the order of the channels in each attention layer of the target whose heads are permuted.

    Heads are blocks of channels, alike in the outputs of q, k, v and the inputs of o. With fewer heads of k and v,
    those of q that share one of them move together. Weights do not tell the size of a head: blocks of any size
    count. ``origins`` has the source's layer for each layer of the target.
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
    """Return the order of the channels; the identity if they are in order or do not correspond."""
    one, two = (m if outputs else m.mT for m in (source.layer(origin).matrix, target.layer(layer).matrix))
    order = torch.arange(two.shape[1])
    if one.shape == two.shape:
        moved = (torch.cosine_similarity(one.float(), two.float(), 0) < ALIKE).nonzero().flatten().cpu()
        among = order_of(one[:, moved], two[:, moved]) if len(moved) else None
        if among is not None:
            order[moved] = moved[among]
    return order


def _whole_heads(orders: list[Tensor]) -> bool:
    """Whether q, k, v and o have their heads in one common order that differs from the source's."""
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


def differing(source: Weights, target: Weights, counterparts: Counterparts) -> tuple[list[str], int]:
    """Return the norms and biases that differ, by the source's names, and how many both have.

    Raises:
        InvalidValueError: one has NaN or infinite numbers.
    """
    here, there = source.vectors(), target.vectors()
    common = {name: other for name, other in vectors(here, counterparts.layers).items() if other in there}
    apart = []
    for name, other in common.items():
        a, b = finite(here[name](), name, "source"), finite(there[other](), other, "target")
        layer, _, leaf = other.rpartition(".")
        order = counterparts.orders.get(layer)
        if order is not None and order.outputs and leaf == "bias":
            b = b[order.order.argsort().to(b.device)]
        if not same(a, b):
            apart.append(name)
    return apart, len(common)


def vectors(names: Iterable[str], counterparts: Mapping[str, str]) -> dict[str, str]:
    """Return the target's names of norms and biases, which correspond as their blocks do."""
    blocks = {"": ""}
    for one, two in counterparts.items():
        parts, others = one.split("."), two.split(".")
        while parts and others:
            blocks[".".join(parts)] = ".".join(others)
            if parts.pop() != others.pop():
                break
    deepest: dict[str, tuple[int, str]] = {}
    for name in names:
        parts = name.split(".")
        at = next(k for k in range(len(parts), -1, -1) if ".".join(parts[:k]) in blocks)
        other = ".".join(x for x in (blocks[".".join(parts[:at])], *parts[at:]) if x)
        deepest[other] = max(deepest.get(other, (-1, "")), (at, name))  # a block that was left out has its number taken
    return {name: other for other, (_, name) in deepest.items()}
