"""placement="auto": for each layer the side whose space the source W and the target W' share.

An input adapter meets W only through WWᵀ (‖xTW‖² = xTWWᵀTᵀxᵀ), an output adapter through WᵀW. So the side is chosen by
the cosines of these Gram matrices, the part that every matrix has, the multiple of I, removed:

    input if cos(WWᵀ - tI, W'W'ᵀ - t'I) ≥ cos(WᵀW - tI, W'ᵀW' - t'I), else output.

It is the right choice without doubt, with a cosine of exactly 1, if W' = WQ (input) or W' = QW (output) with an
orthogonal Q, as for rotated heads; then it is also the side of ``residual``. For other W' it is a heuristic: with a
general re-parametrisation R of the heads ``residual`` is still exact and the cosine is below 1.
"""

import math
import re
from dataclasses import dataclass, replace

from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights, Weights
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.target_modules import select
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.linalg import gram_cosine


@dataclass(frozen=True, slots=True)
class Choice:
    """A layer's side and why.

    Attributes:
        placement: input or output.
        input: cosine of the input sides' Grams, None where the sizes differ.
        output: likewise of the output sides.
    """

    placement: Placement
    input: float | None
    output: float | None


def choose(source: BaseLayer, target: BaseLayer) -> Choice:
    """The side whose space the two layers share.

    Raises:
        InvalidValueError: neither side has one size in both.
    """
    (near, far), (near_target, far_target) = _sides(source), _sides(target)
    inputs, outputs = _alike(near, near_target), _alike(far, far_target)
    if inputs is None and outputs is None:
        msg = (
            f"the source layer is {near.shape[0]} -> {far.shape[0]}, the target's {near_target.shape[0]} ->"
            f" {far_target.shape[0]}: no adapter fits both on either side."
        )
        raise InvalidValueError(msg)
    side = Placement.OUTPUT if inputs is None or (outputs is not None and outputs > inputs) else Placement.INPUT
    return Choice(side, inputs, outputs)


def choices(model: nn.Module, config: AdapterConfig, target: nn.Module | Weights) -> dict[str, Choice]:
    """The choice for every layer that the configuration selects and the target has under the same name.

    Raises:
        InvalidValueError: a layer has no counterpart that fits.
    """
    source = ModelWeights(model)
    weights = ModelWeights(target) if isinstance(target, nn.Module) else target
    found = {}
    for name in select(model, config):
        try:
            found[name] = choose(source.layer(name), weights.layer(name))
        except InvalidValueError as error:
            msg = f"{name}: {error}"
            raise InvalidValueError(msg) from None
    return found


def chosen(model: nn.Module, config: AdapterConfig, target: nn.Module | Weights | None) -> AdapterConfig:
    """The configuration with "auto" replaced by a placement for each layer; its own placement_pattern comes first.

    Raises:
        InvalidValueError: there is no target to compare with.
    """
    if target is None:
        msg = "placement='auto' chooses by the weights of a target: adapt(model, ..., placement='auto', target=...)."
        raise InvalidValueError(msg)
    sides = {f"^{re.escape(name)}": str(choice.placement) for name, choice in choices(model, config, target).items()}
    return replace(config, placement="input", placement_pattern={**config.placement_pattern, **sides})


def _sides(layer: BaseLayer) -> tuple[Tensor, Tensor]:
    """Channels of the input against all else, and of the output."""
    channels = layer.matrix.shape[0] // math.prod(layer.kernel)
    return layer.matrix.reshape(channels, -1), layer.matrix.mT


def _alike(a: Tensor, b: Tensor) -> float | None:
    return float(gram_cosine(a.detach().double(), b.detach().double())) if a.shape[0] == b.shape[0] else None
