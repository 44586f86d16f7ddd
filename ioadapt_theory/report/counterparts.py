"""Find which layers, norms and biases of the target stand for which of the source."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.moving.neurons import Order
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.report.heads import head_orders
from ioadapt_theory.report.likeness import same
from ioadapt_theory.similarity.report.order import place


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
        orders: layers of the target whose neurons or attention heads stand in another order.
        heads: whether heads are among these.
    """

    layers: Mapping[str, str]
    orders: Mapping[str, Order] = field(default_factory=dict)
    heads: bool = False

    def ordered(self, layer: BaseLayer, name: str) -> BaseLayer:
        """Return the target's layer of this name with its channels in the source's order."""
        if name not in self.orders:
            return layer
        order = self.orders[name]
        back = order.order.argsort().to(layer.matrix.device)
        if not order.outputs:
            return replace(layer, matrix=layer.matrix[back])
        return replace(layer, matrix=layer.matrix[:, back], bias=None if layer.bias is None else layer.bias[back])


def corresponding(source: Weights, target: Weights, told: Mapping[str, str] | None = None) -> Counterparts:
    """Match layers as told, by contents where blocks were renumbered, or by name."""
    names = [name for name in matrices(source) if name not in (told or {})]
    found = correspond([Name("", name) for name in names], target, "auto", source=source)
    layers = {key.path: places[0] for key, places in found.layers.items() if len(places) == 1} | {**(told or {})}
    heads = head_orders(source, target, {new: old for old, new in layers.items()})
    return Counterparts(layers, {**found.neurons, **heads}, bool(heads))


def differing(source: Weights, target: Weights, counterparts: Counterparts) -> tuple[list[str], int]:
    """Return the norms and biases that differ, by the source's names, and how many both have."""
    here, there = source.vectors(), target.vectors()
    common = {name: other for name, other in vectors(here, counterparts.layers).items() if other in there}
    apart = []
    for name, other in common.items():
        a, b = here[name](), there[other]()
        layer, _, leaf = other.rpartition(".")
        order = counterparts.orders.get(layer)
        if order is not None and order.outputs and leaf == "bias":
            b = b[order.order.argsort().to(b.device)]
        if not same(a, b):
            apart.append(name)
    return apart, len(common)


def vectors(names: Iterable[str], counterparts: Mapping[str, str]) -> dict[str, str]:
    """The target's names for norms and biases: they move with the block that they stand in."""
    blocks = {"": ""}
    for one, two in counterparts.items():
        parts, others = one.split("."), two.split(".")
        while parts and others:
            blocks[".".join(parts)] = ".".join(others)
            if parts.pop() != others.pop():
                break
    found = {}
    for name in names:
        parts = name.split(".")
        at = next(k for k in range(len(parts), -1, -1) if ".".join(parts[:k]) in blocks)
        found[name] = ".".join(x for x in (blocks[".".join(parts[:at])], *parts[at:]) if x)
    return found

