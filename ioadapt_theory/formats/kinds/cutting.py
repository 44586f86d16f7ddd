"""Some of an adapter's outputs: what a layer gets that is one of several where the adapter was trained on one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import Family, Spec
from ioadapt_theory.adapters.families.lokr import LoKr
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.kinds.holding import Recorded, hold

COLUMNS = {"lora": ("B",), "dora": ("B", "m"), "loha": ("B1", "B2"), "full": ("Delta",)}
"""Family -> the parameters that have W's columns, as their last axis; the others are shared by all columns."""

Ranges = Sequence[tuple[int, int]]


def cut(adapter: Adapter, ranges: Ranges) -> Adapter:
    """The adapter of a layer with these outputs [start, stop) alone, in this order; exact.

    An input adapter is the same for all outputs. Of a LoKr whose Kronecker blocks end elsewhere the part is no LoKr: it
    becomes a full change, which has as many numbers as the weight.

    Raises:
        UnsupportedError: an output adapter, which mixes the outputs, or such a LoKr as one of several parts.
    """
    family, parts = adapter.family, dict[Placement, Family]()
    for placement, phi in adapter.parts():
        if placement is Placement.OUTPUT:
            msg = "an output adapter mixes the outputs of a layer that the model has in parts"
            raise UnsupportedError(msg)
        parts[placement] = phi if placement is Placement.INPUT else _columns(family, phi, ranges)
    if family == "lokr" and not all(isinstance(phi, LoKr) for phi in parts.values()):
        if len(parts) > 1:
            msg = "a sum with a LoKr whose blocks end elsewhere than the layers of the model has no form here"
            raise UnsupportedError(msg)
        family = "full"
    return Adapter(family, parts, None if adapter.shift is None else _take(adapter.shift, ranges))


def _columns(family: str, phi: Family, ranges: Ranges) -> Family:
    rows, _, channels = phi.size
    size = (rows, sum(stop - start for start, stop in ranges), channels)
    held = {name: p.detach() for name, p in phi.named_parameters()}
    if isinstance(phi, LoKr):
        block = phi.size[1] // phi.C.shape[1]
        if any(end % block for edges in ranges for end in edges):
            delta = phi.scaling * phi.delta(Recorded(*phi.size))
            return hold("full", size, Spec(), Delta=_take(delta.detach(), ranges))
        held["C"] = _take(held["C"], [(start // block, stop // block) for start, stop in ranges])
    for name in COLUMNS.get(family, ()):
        held[name] = _take(held[name], ranges)
    new = hold(family, size, phi.spec, **held)
    new.scaling = phi.scaling
    return new


def _take(m: Tensor, ranges: Ranges) -> Tensor:
    return torch.cat([m[..., start:stop] for start, stop in ranges], dim=-1)
