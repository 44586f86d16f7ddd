"""An MLP whose neurons stand in another order does the same: the order is found, and an adapter put into it.

With P a permutation, σ(XW₁P)PᵀW₂ = σ(XW₁)W₂. An adapter that faces the neurons, on the output side of W₁, the input
side of W₂ or the weight of either, means other neurons there, unless its own rows or columns are permuted too.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import IoAdaptError, UnsupportedError

MLPS: Final = {
    "up_proj": "down_proj", "gate_proj": "down_proj", "fc1": "fc2", "c_fc": "c_proj", "lin1": "lin2",
    "w1": "w2", "w3": "w2", "wi": "wo", "wi_0": "wo", "wi_1": "wo", "fc_in": "fc_out", "dense_h_to_4h": "dense_4h_to_h",
    "intermediate.dense": "output.dense", "linear1": "linear2", "ff.net.0.proj": "ff.net.2",
}  # fmt: skip
"""Last part of what reads the stream into the neurons -> of what writes them back; of one MLP, in one module."""

CHANNELS: Final = 256
"""Input channels by which neurons are compared."""
ALIKE, KIN = 0.5, 0.1
"""Mean cosine above which neurons are the same; cosine of the weights as they stand below which that is asked."""
LARGEST: Final = 4096
"""Neurons up to which each finds the best partner for all together; more have to be told apart each by itself."""


@dataclass(frozen=True, slots=True)
class Order:
    """The neurons that a layer of a target faces: number j there is number ``order[j]`` of the source.

    Attributes:
        order: see above.
        outputs: whether they are the layer's outputs, or its inputs.
    """

    order: Tensor
    outputs: bool


def orders(source: Weights, target: Weights, origins: Mapping[str, str]) -> dict[str, Order]:
    """Layers of the target that face neurons in another order than the layers of the source that they were made from.

    Args:
        source: where the layers come from.
        target: whose layers are asked about.
        origins: layer of the target -> layer of the source.
    """
    found: dict[str, Order] = {}
    for reads, writes in _mlps(origins):
        order = None
        for layer in reads:
            order = order if order is not None else _order(source, target, layer, origins[layer])
        if order is not None:
            found |= {layer: Order(order, outputs=True) for layer in reads}
            found |= {layer: Order(order, outputs=False) for layer in writes}
    return found


def reordered(adapter: Adapter, order: Order) -> Adapter:
    """The adapter for neurons in this order; exact.

    Raises:
        UnsupportedError: a family whose parameters do not have the rows or columns of the weight, such as LoKr.
    """
    new = copy.deepcopy(adapter)
    phi: Any
    for placement, phi in new.parts():
        axes = {Placement.WEIGHT: {"columns" if order.outputs else "rows"}}.get(placement, {"rows", "columns"})
        if placement is (Placement.INPUT if order.outputs else Placement.OUTPUT):
            continue  # it faces the stream
        stated = {axis for name, _ in phi.named_parameters() for axis in phi.axes.get(name, ())}
        if not axes <= stated:
            msg = f"its neurons stand in another order, which a {adapter.family} cannot be put into"
            raise UnsupportedError(msg)
        for name, p in phi.named_parameters():
            for dim, axis in enumerate(phi.axes[name]):
                if axis in axes:
                    p.data = p.data.index_select(dim, order.order.to(p.device))
    if order.outputs and new.shift is not None:
        new.shift.data = new.shift.data.index_select(0, order.order.to(new.shift.device))
    return new


def _mlps(layers: Mapping[str, str]) -> Iterator[tuple[list[str], list[str]]]:
    """The layers of each MLP that read the stream and that write to it."""
    groups: dict[tuple[str, str], list[str]] = {}
    for layer in layers:
        for reads, writes in MLPS.items():
            if layer == reads or layer.endswith(f".{reads}"):
                groups.setdefault((layer.removesuffix(reads), writes), []).append(layer)
    for (module, writes), reading in groups.items():
        yield reading, [layer] if (layer := f"{module}{writes}") in layers else []


def _order(source: Weights, target: Weights, layer: str, origin: str) -> Tensor | None:
    """The order of the neurons that a layer reads into; None where it is the same, or the neurons are others."""
    try:
        w, w_target = source.layer(origin).matrix, target.layer(layer).matrix
    except IoAdaptError:
        return None
    if w.shape != w_target.shape or w.is_meta or w_target.is_meta:
        return None
    at = torch.linspace(0, len(w) - 1, min(len(w), CHANNELS)).long()
    ours, theirs = (m.detach()[at.to(m.device)].to("cpu", torch.float32) for m in (w, w_target))
    if _cosine(ours.flatten(), theirs.flatten()) > KIN:
        return None
    ours, theirs = (m / m.norm(dim=0).clamp_min(torch.finfo(m.dtype).tiny) for m in (ours, theirs))
    order = torch.cat([(part.mT @ ours).argmax(1) for part in theirs.split(1024, dim=1)])
    if len(set(order.tolist())) < len(order):
        if len(order) > LARGEST:
            return None
        order = torch.from_numpy(linear_sum_assignment((theirs.mT @ ours).numpy(), maximize=True)[1])
    return order if float((ours[:, order] * theirs).sum(0).mean()) > ALIKE else None


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()).clamp_min(torch.finfo(a.dtype).tiny))
