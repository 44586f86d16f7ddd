"""Permuted neurons of an MLP: find the order, and permute an adapter in the same way.

With P a permutation, σ(XW₁P)PᵀW₂ = σ(XW₁)W₂. An adapter that meets the neurons, on the output side of W₁, the input
side of W₂ or the weight of either, acts on the wrong neurons there, unless its own rows or columns are permuted too.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.neurons import mlps, order_of
from ioadapt_theory.errors import IoAdaptError, UnsupportedError


@dataclass(frozen=True, slots=True)
class Order:
    """The order of the neurons at a layer of the target: number j there is number ``order[j]`` of the source.

    Attributes:
        order: see above.
        outputs: whether they are the layer's outputs, or its inputs.
    """

    order: Tensor
    outputs: bool


def orders(source: Weights, target: Weights, origins: Mapping[str, str]) -> dict[str, Order]:
    """Return the target layers whose neurons have another order than in the source.

    Args:
        source: where the layers come from.
        target: whose layers are asked about.
        origins: layer of the target -> layer of the source.
    """
    permuted: dict[str, Order] = {}
    for reads, writes in mlps(origins):
        each = (_order(source, target, layer, origins[layer]) for layer in reads)
        order = next((one for one in each if one is not None), None)
        if order is None:
            continue
        permuted |= {layer: Order(order, outputs=True) for layer in reads}
        for layer in writes:  # one layer may compute values and gates, as halves of its outputs that go together
            neurons = target.outline(layer).rows
            permuted[layer] = Order(order[:neurons] % neurons, outputs=False)
    return permuted


def _order(source: Weights, target: Weights, layer: str, origin: str) -> Tensor | None:
    try:
        return order_of(source.layer(origin).matrix, target.layer(layer).matrix)
    except IoAdaptError:  # a layer without a plain weight tells nothing
        return None


def meets(adapter: Adapter, order: Order) -> bool:
    """Whether an adapter of the layer acts on the neurons, not only on the residual stream."""
    stream = Placement.INPUT if order.outputs else Placement.OUTPUT
    return any(placement is not stream for placement, _ in adapter.parts())


def reordered(adapter: Adapter, order: Order) -> Adapter:
    """Permute the adapter to this order of the neurons; raise UnsupportedError for a family such as LoKr."""
    new = copy.deepcopy(adapter)
    phi: Any
    for placement, phi in new.parts():
        axes = {Placement.WEIGHT: {"columns" if order.outputs else "rows"}}.get(placement, {"rows", "columns"})
        if placement is (Placement.INPUT if order.outputs else Placement.OUTPUT):
            continue  # it meets the stream alone
        stated = {axis for name, _ in phi.named_parameters() for axis in phi.axes.get(name, ())}
        if not axes <= stated:
            msg = f"its neurons are permuted, and {adapter.family} adapters cannot be"
            raise UnsupportedError(msg)
        for name, p in phi.named_parameters():
            for dim, axis in enumerate(phi.axes[name]):
                if axis in axes:
                    p.data = p.data.index_select(dim, order.order.to(p.device))
    if order.outputs and new.shift is not None:
        new.shift.data = new.shift.data.index_select(0, order.order.to(new.shift.device))
    return new
