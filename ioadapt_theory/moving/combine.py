"""Combination of several LoRAs into one: the weighted sum of their changes."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family, Spec
from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.adapters.model import activate, function_of, install, layers, naming, unmerged
from ioadapt_theory.errors import InvalidValueError, UnsupportedError


def combine(model: nn.Module, weights: Mapping[str, float], name: str) -> nn.Module:
    """Return the model with a new adapter, the weighted sum of several adapters; only the new one is active.

    With weights w and scalings s, the sum is exactly I + Σ w s AB on the input or output side, and W + Σ w s AB on the
    weight; its rank is the sum of the ranks. If several input or output adapters are activated together instead, they
    are applied one after the other, which gives a product of matrices I + s AB.

    >>> import torch
    >>> from ioadapt_theory import adapt, combine, layers
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 6))
    >>> for each in ("cats", "dogs"):
    ...     _ = adapt(model, target_modules=["0"], placement="output", rank=2, name=each, init="random")
    >>> layers(combine(model, {"cats": 0.7, "dogs": 0.3}, "both"))["0"].active
    ('both',)

    Args:
        model: the model with the adapters, which are not removed.
        weights: name of an adapter -> its weight.
        name: name of the new adapter.

    Raises:
        UnknownNameError: an adapter does not exist.
        UnsupportedError: an adapter is not a LoRA.
        InvalidValueError: ``weights`` is empty, a weight is not finite, the adapters of a layer have different
            placements, the name is taken, a layer is merged, or a ``disable`` block is open; the model is unchanged.
    """
    parts: dict[str, list[tuple[Adapter, float]]] = {}
    for key, weight in weights.items():
        if not is_finite(weight):
            msg = f"The weight of adapter {key!r} must be a number in the range of float32, not {weight!r:.80}."
            raise InvalidValueError(msg)
        for layer, module in layers(model, key).items():
            parts.setdefault(layer, []).append((module.adapters[key], weight))  # type: ignore[arg-type]
    if not parts:
        msg = "weights is empty: give at least one adapter and its weight."
        raise InvalidValueError(msg)
    sums, adapted = {}, layers(model)
    for layer, some in parts.items():
        with naming(layer):
            sums[layer] = _sum(some).to(function_of(adapted[layer]).like.device)
    unmerged(adapted, "combining adapters")
    install(model, sums, name, trainable=True)
    activate(model, name)
    return model


def _sum(parts: list[tuple[Adapter, float]]) -> Adapter:
    first = parts[0][0]
    for adapter, _ in parts:
        if adapter.family != "lora":
            msg = f"{adapter.family} adapters cannot be summed into one; activate them together instead."
            raise UnsupportedError(msg)
        if [*adapter] != [*first]:
            both = f"different placements ({'+'.join(first)}, {'+'.join(adapter)})"
            msg = f"the adapters have {both} and cannot be summed into one; activate them together instead."
            raise InvalidValueError(msg)
    families = {Placement(side): _joined(side, parts) for side in first}
    *_, last = first
    shifts = [w * a[last].scaling * a.shift for a, w in parts if a.shift is not None]  # type: ignore[operator]
    return Adapter("lora", families, sum(shifts[1:], shifts[0]) if shifts else None)


def _joined(side: str, parts: list[tuple[Adapter, float]]) -> Family:
    phis = [(adapter[side], weight) for adapter, weight in parts]
    a: Tensor = torch.cat([phi.A.detach() for phi, _ in phis], 1)  # type: ignore[operator]
    b: Tensor = torch.cat([w * phi.scaling * phi.B.detach() for phi, w in phis])  # type: ignore[operator]
    size = phis[0][0].size
    return FAMILIES["lora"].stored(size, Spec(rank=a.shape[1]), {"A": a, "B": b})  # type: ignore[arg-type]
