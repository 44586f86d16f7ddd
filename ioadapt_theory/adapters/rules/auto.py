"""placement="auto": for each layer the side whose space the source W and the target W' share, or none.

Input, unless its side shares nothing with the target's; output, where that is shared and the input's is not; else no
adapter at all. What is shared is the excess over unrelated channels, see ``facing``: the raw cosines picked the output
of unrelated networks in 33 of 40 layers. Rotated heads, W' = WQ (input) or W' = QW (output) with an orthogonal Q, have
an excess of exactly 1 on the side that is exact, which is that of ``residual``. For other W' it is a heuristic: with a
general re-parametrisation R of the heads ``residual`` is still exact and the excess is below 1.
"""

import re
import warnings
from dataclasses import dataclass, replace

from torch import nn

from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights, Weights
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.rules.facing import Sides, channels, sides
from ioadapt_theory.adapters.rules.patterns import compiled
from ioadapt_theory.adapters.rules.target_modules import select
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, reaches, telling
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Choice:
    """A layer's side and why.

    Attributes:
        placement: input or output; None where neither side shares anything.
        sides: what the layers share on either.
    """

    placement: Placement | None
    sides: Sides

    @property
    def input(self) -> float | None:
        """Cosine of the input sides' Grams, None where the sizes differ."""
        return None if self.sides.input is None else self.sides.input.cosine

    @property
    def output(self) -> float | None:
        """Likewise of the output sides."""
        return None if self.sides.output is None else self.sides.output.cosine


def choose(source: BaseLayer, target: BaseLayer) -> Choice:
    """The side whose space the two layers share.

    Raises:
        InvalidValueError: neither side has one size in both.
    """
    (near, far), (near_target, far_target) = channels(source), channels(target)
    if len(near) != len(near_target) and len(far) != len(far_target):
        msg = (
            f"the source layer is {len(near)} -> {len(far)}, the target's {len(near_target)} -> {len(far_target)}: no"
            " adapter fits both on either side."
        )
        raise InvalidValueError(msg)
    found = sides(source, target)
    return Choice(_side(found), found)


def _side(found: Sides) -> Placement | None:
    """Input comes first: on measured moves it kept more than the output wherever both were shared."""
    if reaches(found.input, THRESHOLDS.input):
        return Placement.INPUT
    if reaches(found.output, THRESHOLDS.output):
        return Placement.OUTPUT
    return Placement.INPUT if telling(found.input) else None


def choices(model: nn.Module, config: AdapterConfig, target: nn.Module | Weights) -> dict[str, Choice]:
    """The choice for every layer that the configuration selects, beside the target's layer that corresponds to it.

    That is the one that was made from it, where layers were removed and renumbered, else the one of its name. Neurons
    in another order stay in it: the side that does not face them is shared as it is.

    Raises:
        InvalidValueError: a layer has no counterpart that fits.
    """
    source = ModelWeights(model)
    weights = ModelWeights(target) if isinstance(target, nn.Module) else target
    chosen_layers = [*select(model, config)]
    known = correspond([Name("", name) for name in chosen_layers], weights, "auto", source=source)
    places = {key.path: layers[0] for key, layers in known.layers.items() if len(layers) == 1}
    found = {}
    for name in chosen_layers:
        if name not in places and known.how != "name":  # it was removed
            found[name] = Choice(None, Sides(None, None, None, None))
            continue
        try:
            found[name] = choose(source.layer(name), weights.layer(places.get(name, name)))
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
    found = choices(model, config, target)
    told = {
        n for n in found if any(compiled(rf"(.*\.)?({pattern})").fullmatch(n) for pattern in config.placement_pattern)
    }
    placed = {n: str(choice.placement) for n, choice in found.items() if choice.placement is not None}
    left = [n for n in found if n not in placed and n not in told]
    pattern = {**config.placement_pattern, **{f"^{re.escape(n)}": side for n, side in placed.items()}}
    if not left:
        return replace(config, placement="input", placement_pattern=pattern)
    if len(left) == len(found):
        msg = f"None of the {len(left)} layers shares a side with the target's: train the adapter there."
        raise InvalidValueError(msg)
    some = ", ".join(left[:3] + ["..."] * (len(left) > 3))
    warnings.warn(
        f"auto leaves out {len(left)} of {len(found)} layers, which share nothing with the target: {some}", stacklevel=3
    )
    kept = "|".join(re.escape(n) for n in found if n not in left)
    return replace(config, placement="input", placement_pattern=pattern, target_modules=kept)
