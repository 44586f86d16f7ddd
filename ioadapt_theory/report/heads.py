"""Find attention heads that stand in another order: blocks of channels, alike in the outputs of q, k, v and the inputs of o.

With fewer heads of k and v, those of q that share one of them move together. The head size is not known from weights,
so blocks of any size count; where the order goes through a head, the function is another one.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import gcd

import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.adapters.moving.neurons import Order
from ioadapt_theory.adapters.rules.residual import READS, WRITES
from ioadapt_theory.checkpoints.neurons import mlps, order_of

SMALLEST = 8
"""Channels of a head at least; an order of smaller blocks is no order of heads."""


def head_orders(source: Weights, target: Weights, origins: Mapping[str, str]) -> dict[str, Order]:
    """Return the order of the channels in each attention layer of the target whose heads are permuted.

    Args:
        source: the model whose order counts.
        target: the other one.
        origins: layer of the target -> layer of the source.
    """
    neurons = {layer for reads, writes in mlps(origins) for layer in (*reads, *writes)}
    groups: dict[str, list[str]] = {}
    for name in origins:
        if name not in neurons and (READS.fullmatch(name) or WRITES.fullmatch(name)):
            module = name.rpartition(".")[0].removesuffix(".to_out").removesuffix(".self").removesuffix(".output")
            groups.setdefault(module, []).append(name)
    orders: dict[str, Order] = {}
    for layers in groups.values():
        reads = [name for name in layers if READS.fullmatch(name)]
        if len(reads) != 3 or len(layers) != 4:  # q, k, v and o
            continue
        found = {n: _order(source, target, n, origins[n], outputs=n in reads) for n in layers}
        if _whole_heads([*found.values()]):
            orders |= {n: Order(order, outputs=n in reads) for n, order in found.items() if _moves(order)}
    return orders


def _order(source: Weights, target: Weights, layer: str, origin: str, *, outputs: bool) -> Tensor:
    """Return the order of the channels; as they stand where that is it, or where the channels are others."""
    one, two = (m if outputs else m.mT for m in (source.layer(origin).matrix, target.layer(layer).matrix))
    order = order_of(one, two)
    return torch.arange(two.shape[1]) if order is None else order


def _moves(order: Tensor) -> bool:
    return not torch.equal(order, torch.arange(len(order)))


def _whole_heads(orders: Sequence[Tensor]) -> bool:
    """Whether q, k, v and o, in any sequence, have heads in one order that is not the source's."""
    fewest, most = min(orders, key=len), max(orders, key=len)
    if len(most) % len(fewest) or any(not torch.equal(order, (fewest, most)[len(order) == len(most)]) for order in orders):
        return False
    size = _block(fewest) if _moves(fewest) else 1
    shared = size * len(most) // len(fewest)
    together = torch.equal(most[::shared] // shared, fewest[::size] // size)
    return _moves(most) and together and _block(most) >= SMALLEST


def _block(order: Tensor) -> int:
    """Return the size of the largest blocks that keep their channels together and in order."""
    starts = [k for k, (a, b) in enumerate(pairwise(order.tolist()), 1) if b != a + 1]
    return gcd(len(order), *starts, *(int(order[k]) for k in starts), int(order[0]))
