"""placement="auto": for each layer the side on which an adapter is expected to survive the move to a target, or none.

With inputs it is the side on which an adapter yet to be trained is expected to keep most, by the law of
``ioadapt_theory.effect``. Without them it is the side whose space the two weights share most, beyond what unrelated
layers share (``sides``); this is exact for rotated heads, W' = WQ or W' = QW with an orthogonal Q, and a heuristic for
other weights, which cannot bound what an adapter keeps.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.adapters.rules.patterns import first_fit
from ioadapt_theory.adapters.rules.sides import channels, sides
from ioadapt_theory.adapters.rules.target_modules import select, walk
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.effect import expected, whole
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.null import STANDS_OUT, Null

ALIKE = 0.1
"""Difference of excess below which two sides count as equally alike."""
TIE = 0.02
"""Difference below which two shares of the gain count as equal."""


def without_auto(
    model: nn.Module, config: AdapterConfig, target: nn.Module | None, inputs: Any = None
) -> AdapterConfig:
    """Return the configuration with a placement for each layer instead of "auto"; placement_pattern takes precedence.

    Raises:
        InvalidValueError: there is no target, or no layer has a suitable side.
    """
    if target is None:
        msg = "placement='auto' needs a target to compare with: adapt(model, ..., placement='auto', target=...)."
        raise InvalidValueError(msg)
    best = by_weights(model, config, target) if inputs is None else by_law(model, config, target, inputs)
    own = config.placement_pattern
    left_out = [n for n, side in best.items() if side is None and first_fit(own, n) is None]
    pattern = {**own, **{f"^{re.escape(n)}": str(side) for n, side in best.items() if side is not None}}
    if not left_out:
        return replace(config, placement="input", placement_pattern=pattern)
    every, why = len(best), "share nothing with the target" if inputs is None else "keep nothing on the target"
    if len(left_out) == every:
        msg = f"All {every} layers {why}, so no placement is expected to work: train an adapter on the target."
        raise InvalidValueError(msg)
    some = ", ".join(left_out[:3] + ["..."] * (len(left_out) > 3))
    warnings.warn(f"placement='auto' skips {len(left_out)} of {every} layers, which {why}: {some}", stacklevel=3)
    taken = "|".join(re.escape(n) for n in best if n not in left_out)
    return replace(config, placement="input", placement_pattern=pattern, target_modules=taken)


def by_law(model: nn.Module, config: AdapterConfig, target: nn.Module, inputs: Any) -> dict[str, Placement | None]:
    """Return the side of every layer where an adapter is expected to keep most, by ``ioadapt_theory.effect``."""
    places = counterparts(model, config, target)
    here, there = dict(walk(model)), dict(walk(target))
    modules = {n: (base_of(here[n]), base_of(there[m])) for n, m in places.items() if m is not None and m in there}
    shares: dict[str, dict[Placement, float]] = {n: {} for n in places}
    law = expected(model, target, modules, whole(inputs), sides=("input", "output"))
    for (name, side), one in sorted(law.items(), key=lambda entry: entry[0][1]):
        shares[name][Placement(side)] = one.R
    return {name: best_side(kept) for name, kept in shares.items()}


def best_side(shares: Mapping[Placement, float]) -> Placement | None:
    """Return the first side with the largest share, up to ties; None if no share is positive."""
    best = max(shares.values(), default=0.0)
    return next((side for side, share in shares.items() if share >= best - TIE), None) if best > 0 else None


def by_weights(model: nn.Module, config: AdapterConfig, target: nn.Module) -> dict[str, Placement | None]:
    """Return the side on which the weights of source and target are most alike, for every layer."""
    here, there = ModelWeights(model), ModelWeights(target)
    best: dict[str, Placement | None] = {}
    for name, place in counterparts(model, config, target).items():
        try:
            best[name] = None if place is None else more_alike(here.layer(name), there.layer(place))
        except InvalidValueError as error:
            msg = f"{name}: {error}"
            raise InvalidValueError(msg) from None
    return best


def more_alike(source: BaseLayer, target: BaseLayer) -> Placement | None:
    """Return the side on which two layers are most alike; raise InvalidValueError if the sizes of both sides differ."""
    (c, d), (c2, d2) = ([len(side) for side in channels(layer)] for layer in (source, target))
    if c != c2 and d != d2:
        msg = f"the source layer is {c} -> {d}, the target layer {c2} -> {d2}: no side fits; exclude the layer."
        raise InvalidValueError(msg)
    both = sides(source, target)
    excess = {Placement.INPUT: _beyond_chance(both.input), Placement.OUTPUT: _beyond_chance(both.output)}
    known = {side: value for side, value in excess.items() if value is not None}
    if not known:
        return Placement.INPUT if both.input is not None and both.input.too_small else None
    return next(side for side, value in known.items() if value >= max(known.values()) - ALIKE)


def _beyond_chance(null: Null | None) -> float | None:
    return None if null is None or null.z is None or null.z < STANDS_OUT else null.excess


def counterparts(model: nn.Module, config: AdapterConfig, target: nn.Module) -> dict[str, str | None]:
    """Return the target's layer for every layer that the configuration selects, None for removed ones.

    It is matched by origin if layers were removed and renumbered, else by name.
    """
    selected = [*select(model, config)]
    known = correspond([Name("", name) for name in selected], ModelWeights(target), "auto", source=ModelWeights(model))
    places = {key.path: layers[0] for key, layers in known.layers.items() if len(layers) == 1}
    return {name: places.get(name, name if known.how == "name" else None) for name in selected}
