"""The correspondence of layers, norms and biases of the source and the target."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ioadapt_theory.adapters.base_weights import BaseLayer, TensorWeights, Weights, checkpoint_weights, stored_weights
from ioadapt_theory.adapters.rules.correspondence import correspond
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.transformers import HEADS
from ioadapt_theory.checkpoints.renaming import common
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.reporting.kin.likeness import finite, same
from ioadapt_theory.reporting.kin.orders import Order, head_orders, neuron_orders
from ioadapt_theory.similarity.report.order import place


def under_common_names(source: Checkpoint, target: Checkpoint, *, adapted: bool) -> tuple[TensorWeights, TensorWeights]:
    """Return the weights of two checkpoints under common names.

    With an adapter, or if only one checkpoint stores its output head (the other's may be tied), these are the modules'
    names. Otherwise, module names are avoided: they require transformers, whose import takes longer than a report.
    """
    heads = [any(name.endswith(HEADS) for name in checkpoint.tensors) for checkpoint in (source, target)]
    if adapted or heads[0] != heads[1]:
        weights = checkpoint_weights(source)
        return weights, checkpoint_weights(target, weights.names)
    one, two = common([source, target])[0]
    return stored_weights(one), stored_weights(two)


def matrices(weights: Weights) -> dict[str, tuple[int, int]]:
    """Return the numbers of input and output channels of each layer with a matrix, in the network's order."""
    sizes = {}
    inner = sorted({*weights.names} - {""}, key=place)
    for name in inner or weights.names:  # the root counts only if it is the only module
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
        layers: for each layer of the source that has a counterpart, its name in the target.
        orders: for each layer of the target with permuted neurons or attention heads, the order of its channels.
    """

    layers: Mapping[str, str]
    orders: Mapping[str, Order] = field(default_factory=dict)

    def ordered(self, layer: BaseLayer, name: str) -> BaseLayer:
        """Return ``layer``, the target's layer of this name, with its channels in the source's order."""
        if name not in self.orders:
            return layer
        order = self.orders[name]
        back = order.order.argsort().to(layer.matrix.device)
        if not order.outputs:
            return replace(layer, matrix=layer.matrix[back])
        return replace(layer, matrix=layer.matrix[:, back], bias=None if layer.bias is None else layer.bias[back])


def corresponding(source: Weights, target: Weights) -> Counterparts:
    """Pair layers, by contents if blocks were renumbered and else by name, and find the orders of neurons and heads."""
    names = [Name("", name) for name in matrices(source)]
    matched = correspond(names, target, "auto", source=source).places
    single = {key.path: [place[0] for place in places if len(place) == 1] for key, places in matched.items()}
    layers = {name: places[0] for name, places in single.items() if places}
    there = matrices(target)
    origins = {new: old for old, new in layers.items() if new in there}
    return Counterparts(layers, neuron_orders(source, target, origins) | head_orders(source, target, origins))


def differing(source: Weights, target: Weights, counterparts: Counterparts) -> tuple[list[str], int]:
    """Return the source's names of norms and biases that differ, other than by permuted neurons.

    The second result is the number of norms and biases in both models.
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
    """Return the target's name of each norm or bias of the source, found from the layers of its block."""
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
        deepest[other] = max(deepest.get(other, (-1, "")), (at, name))  # a removed block had the same number
    return {name: other for other, (_, name) in deepest.items()}
