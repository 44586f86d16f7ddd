"""What of the target stands for what of the source: layers, norms and biases; and which of the latter differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.moving.neurons import Order
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Changed
from ioadapt_theory.checkpoints.names.kinds import kind
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.similarity.report.order import place


def matrices(weights: Weights) -> dict[str, tuple[int, int]]:
    """Layers that have a matrix, in the network's order, and their channels in and out."""
    found = {}
    inner = sorted({*weights.names} - {""}, key=place)
    for name in inner or weights.names:  # a model that has layers is none itself, and need not like to be asked
        try:
            f = weights.outline(name)
        except IoAdaptError:
            continue
        found[name] = (f.channels, f.columns)
    return found


@dataclass(frozen=True, slots=True)
class Counterparts:
    """What of the target stands for what of the source.

    Attributes:
        layers: the target's name for each layer of the source.
        neurons: layers of the target whose MLP's neurons stand in another order.
    """

    layers: Mapping[str, str]
    neurons: Mapping[str, Order] = field(default_factory=dict)

    def ordered(self, layer: BaseLayer, name: str) -> BaseLayer:
        """The target's layer of this name with the neurons in the source's order."""
        if name not in self.neurons:
            return layer
        order = self.neurons[name]
        back = order.order.argsort().to(layer.matrix.device)
        if not order.outputs:
            return replace(layer, matrix=layer.matrix[back])
        return replace(layer, matrix=layer.matrix[:, back], bias=None if layer.bias is None else layer.bias[back])


def corresponding(source: Weights, target: Weights, told: Mapping[str, str] | None = None) -> Counterparts:
    """The target's name for each layer of the source: as told, by contents where blocks were renumbered, or by name."""
    names = [name for name in matrices(source) if name not in (told or {})]
    found = correspond([Name("", name) for name in names], target, "auto", source=source)
    layers = {key.path: places[0] for key, places in found.layers.items() if len(places) == 1} | {**(told or {})}
    return Counterparts(layers, found.neurons)


def changed_norms(source: Weights, target: Weights, counterparts: Mapping[str, str]) -> dict[str, Changed]:
    """Norms that the target lacks or has with other gains, by module: what they scale is read by later layers."""
    here, there = source.vectors(), target.vectors()
    found = {}
    for name, other in vectors(here, counterparts).items():
        module, _, leaf = name.rpartition(".")
        if kind(name, 1) != "norm" or leaf != "weight":
            continue
        cosine = _cosine(here[name](), there[other]()) if other in there else None
        if cosine is None or cosine < THRESHOLDS.before:
            found[module] = Changed(module, cosine)
    return found


def differing(source: Weights, target: Weights, counterparts: Counterparts) -> tuple[list[str], int]:
    """The norms and biases of one place that differ, by the source's names, and how many there are."""
    here, there = source.vectors(), target.vectors()
    common = {name: other for name, other in vectors(here, counterparts.layers).items() if other in there}
    apart = []
    for name, other in common.items():
        a, b = here[name](), there[other]()
        layer, _, leaf = other.rpartition(".")
        order = counterparts.neurons.get(layer)
        if order is not None and order.outputs and leaf == "bias":
            b = b[order.order.argsort().to(b.device)]
        if not same(a, b):
            apart.append(name)
    return apart, len(common)


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal once both are in the coarser of their precisions."""
    if a.shape != b.shape:
        return False
    coarse = max((a.dtype, b.dtype), key=lambda dtype: torch.finfo(dtype).eps if dtype.is_floating_point else 0.0)
    return torch.equal(a.detach().to(coarse), b.detach().to(a.device, coarse))


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


def _cosine(a: Tensor, b: Tensor) -> float | None:
    a, b = a.detach().double(), b.detach().double()
    if a.shape != b.shape:
        return None
    norms = float(a.norm() * b.norm())
    return float(a @ b) / norms if norms else 1.0 if not a.any() and not b.any() else None
