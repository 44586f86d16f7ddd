"""Other numbers for an adapter that is on a model: parameters stay the objects they are, and so do compiled graphs."""

from collections.abc import Mapping

import torch
from torch import nn

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import layers, naming
from ioadapt_theory.errors import InvalidValueError


def exchange(model: nn.Module, adapters: Mapping[str, Adapter], name: str) -> None:
    """Copy adapters by layer over those of this name, all or none.

    Raises:
        UnknownNameError: there is none of this name.
        InvalidValueError: they are on other layers, or of other families, placements or sizes; or a layer is merged.
    """
    there = layers(model, name)
    if odd := sorted(there.keys() ^ adapters.keys()):
        msg = f"{odd[0]}: only one of the two adapters is on this layer, so they cannot be exchanged; load it anew."
        raise InvalidValueError(msg)
    for layer, module in there.items():
        with naming(layer):
            module.refuse_if_merged("exchanging an adapter")
            require_alike(module.adapters[name], adapters[layer])  # type: ignore[arg-type]
    for layer, module in there.items():
        copy_over(module.adapters[name], adapters[layer])  # type: ignore[arg-type]


def require_alike(old: Adapter, new: Adapter) -> None:
    """Refuse numbers that do not fit where others are.

    Raises:
        InvalidValueError: another family, placement or size.
    """
    one, two = ({key: [*p.shape] for key, p in each.named_parameters()} for each in (old, new))
    if (old.family, one) != (new.family, two):
        msg = (
            f"the adapter here is a {old.family} of {_listed(one)}, the new one a {new.family} of {_listed(two)}: that"
            " cannot be exchanged; load it anew."
        )
        raise InvalidValueError(msg)


def copy_over(old: Adapter, new: Adapter) -> None:
    """Put the numbers and scalings of one adapter into another that is alike."""
    with torch.no_grad():
        for p, q in zip(old.parameters(), new.parameters(), strict=True):
            p.copy_(q)
    for (_, phi), (_, other) in zip(old.parts(), new.parts(), strict=True):
        phi.scaling = other.scaling


def _listed(shapes: Mapping[str, list[int]]) -> str:
    return ", ".join(f"{key} {shape}" for key, shape in shapes.items())
