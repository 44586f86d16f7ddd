"""placement="auto": for each layer the side whose space the source W and the target W' share, or none.

With inputs it is the side on which an adapter yet to be trained is expected to keep most, by the law of
``ioadapt_theory.effect``. Without them it is the side that shares most beyond unrelated channels, see ``facing``, the
input side where both share alike; a layer gets no adapter where neither side shares more than chance. Rotated heads,
W' = WQ (input) or W' = QW (output) with an orthogonal Q, share all of the side that is exact, which is that of
``residual``. For other W' weights are a heuristic: they cannot bound what an adapter keeps.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights, Weights
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.rules.facing import Sides, channels, sides
from ioadapt_theory.adapters.rules.patterns import first_fit
from ioadapt_theory.adapters.rules.target_modules import select, walk
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.effect import expected, whole
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.null import STANDS_OUT, Null

ALIKE = 0.1
"""Excess by which two sides may differ and share as much."""
TIE = 0.02
"""Shares of the gain that differ by less are the same."""


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


def _side(layers: Sides) -> Placement | None:
    """Return the side that shares most, the input where it shares as much or channels are too few to tell."""
    both = {Placement.INPUT: layers.input, Placement.OUTPUT: layers.output}
    shared = {side: share for side, null in both.items() if (share := _beyond_chance(null)) is not None}
    if not shared:
        return Placement.INPUT if layers.input is not None and layers.input.too_small else None
    return next(side for side, share in shared.items() if share >= max(shared.values()) - ALIKE)


def _beyond_chance(null: Null | None) -> float | None:
    return None if null is None or null.z is None or null.z < STANDS_OUT else null.excess


def choices(model: nn.Module, config: AdapterConfig, target: nn.Module | Weights) -> dict[str, Choice]:
    """The choice for every layer that the configuration selects, beside the target's layer that corresponds to it.

    That is the one that was made from it, where layers were removed and renumbered, else the one of its name. Neurons
    in another order stay in it: the side that does not face them is shared as it is.

    Raises:
        InvalidValueError: a layer has no counterpart that fits.
    """
    source = ModelWeights(model)
    weights = ModelWeights(target) if isinstance(target, nn.Module) else target
    found = {}
    for name, place in counterparts(model, config, weights).items():
        if place is None:  # it was removed
            found[name] = Choice(None, Sides(None, None, None, None))
            continue
        try:
            found[name] = choose(source.layer(name), weights.layer(place))
        except InvalidValueError as error:
            msg = f"{name}: {error}"
            raise InvalidValueError(msg) from None
    return found


def counterparts(model: nn.Module, config: AdapterConfig, target: Weights) -> dict[str, str | None]:
    """Return the target's layer for every layer that the configuration selects, None for those that were removed."""
    selected = [*select(model, config)]
    known = correspond([Name("", name) for name in selected], target, "auto", source=ModelWeights(model))
    places = {key.path: layers[0] for key, layers in known.layers.items() if len(layers) == 1}
    return {name: places.get(name, name if known.how == "name" else None) for name in selected}


def best_side(shares: Mapping[Placement, float]) -> Placement | None:
    """Return the first side that keeps as much as any; None where none keeps anything."""
    best = max(shares.values(), default=0.0)
    return next((side for side, share in shares.items() if share >= best - TIE), None) if best > 0 else None


def by_law(model: nn.Module, config: AdapterConfig, target: nn.Module, inputs: Any) -> dict[str, Placement | None]:
    """Return the side of every layer that an adapter is expected to keep most on, see ``ioadapt_theory.effect``.

    Raises:
        InvalidValueError: inputs that the models do not take, or outputs that do not compare.
    """
    places = counterparts(model, config, ModelWeights(target))
    here, there = dict(walk(model)), dict(walk(target))
    modules = {n: (base_of(here[n]), base_of(there[m])) for n, m in places.items() if m is not None and m in there}
    shares: dict[str, dict[Placement, float]] = {n: {} for n in places}
    law = expected(model, target, modules, whole(inputs), sides=("input", "output"))
    for (name, side), one in sorted(law.items(), key=lambda entry: entry[0][1]):
        shares[name][Placement(side)] = one.R
    return {name: best_side(kept) for name, kept in shares.items()}


def chosen(
    model: nn.Module, config: AdapterConfig, target: nn.Module | Weights | None, inputs: Any = None
) -> AdapterConfig:
    """Return the configuration with "auto" replaced by a placement for each layer; its placement_pattern comes first.

    Raises:
        InvalidValueError: there is no target to compare with, or inputs without a target that runs.
    """
    if target is None:
        msg = "placement='auto' chooses by the weights of a target: adapt(model, ..., placement='auto', target=...)."
        raise InvalidValueError(msg)
    if inputs is None:
        chosen_sides = {name: choice.placement for name, choice in choices(model, config, target).items()}
    elif isinstance(target, nn.Module):
        chosen_sides = by_law(model, config, target, inputs)
    else:
        msg = "placement='auto' with inputs runs the target: give a model in memory, not its weights."
        raise InvalidValueError(msg)
    own = config.placement_pattern
    placed = {n: str(side) for n, side in chosen_sides.items() if side is not None}
    left_out = [n for n in chosen_sides if n not in placed and first_fit(own, n) is None]
    pattern = {**config.placement_pattern, **{f"^{re.escape(n)}": side for n, side in placed.items()}}
    if not left_out:
        return replace(config, placement="input", placement_pattern=pattern)
    every, why = len(chosen_sides), "share nothing with the target" if inputs is None else "keep nothing on the target"
    if len(left_out) == every:
        msg = f"All {every} layers {why}, so there is no side to put an adapter on: train it on the target."
        raise InvalidValueError(msg)
    some = ", ".join(left_out[:3] + ["..."] * (len(left_out) > 3))
    warnings.warn(f"auto leaves out {len(left_out)} of {every} layers, which {why}: {some}", stacklevel=3)
    taken = "|".join(re.escape(n) for n in chosen_sides if n not in left_out)
    return replace(config, placement="input", placement_pattern=pattern, target_modules=taken)
