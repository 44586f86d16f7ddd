"""placement="auto": for each layer, the side on which an adapter is expected to transfer best to a target, or none.

``ioadapt_theory.effect.expected`` predicts, from inputs of both models, what share of its gain (the reduction of the
loss) a copied adapter keeps.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.patterns import first_fit
from ioadapt_theory.adapters.rules.correspondence import correspond
from ioadapt_theory.adapters.rules.target_modules import select
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.effect import Compared, expected, whole
from ioadapt_theory.errors import InvalidValueError

TIE = 0.02
"""Difference from the largest share of the gain up to which a side counts as equally good."""


def without_auto(
    model: nn.Module, config: AdapterConfig, target: nn.Module | None, inputs: Any = None
) -> AdapterConfig:
    """Return ``config`` with the input or output side for each layer instead of placement="auto".

    The chosen side is the one on which a copy of an adapter is expected to keep most of its gain (the reduction of the
    loss). Layers without a counterpart of matching size, or whose adapters would keep no gain, are left out, with a
    warning. ``placement_pattern`` takes precedence.

    Raises:
        InvalidValueError: the target or the inputs are missing, or no layer is left.
    """
    if target is None or inputs is None:
        msg = "placement='auto' needs target= (the model to move the adapter to) and inputs= (unlabelled, for both)."
        raise InvalidValueError(msg)
    best = best_sides(model, config, target, inputs)
    own = config.placement_pattern
    left_out = [n for n, side in best.items() if side is None and first_fit(own, n) is None]
    pattern = {**own, **{f"^{re.escape(n)}": str(side) for n, side in best.items() if side is not None}}
    if len(left_out) == len(best):
        msg = (
            "No adapter is expected to transfer to the target: no selected layer has a counterpart of matching size on"
            " which an input or output adapter would keep any of its gain. Train the adapter on the target instead."
        )
        raise InvalidValueError(msg)
    taken = config.target_modules
    if left_out:
        some = ", ".join(left_out[:3] + ["..."] * (len(left_out) > 3))
        msg = (
            "placement='auto' skips layers that have no counterpart of matching size in the target, or on which an"
            f" adapter is not expected to keep any of its gain ({len(left_out)} of {len(best)}: {some})."
        )
        warnings.warn(msg, stacklevel=3)
        taken = "|".join(re.escape(n) for n in best if n not in left_out)
    return replace(config, placement="input", placement_pattern=pattern, target_modules=taken)


def best_sides(model: nn.Module, config: AdapterConfig, target: nn.Module, inputs: Any) -> dict[str, Placement | None]:
    """Return the side of each layer on which a copied adapter should keep most of its gain, or None for neither."""
    here, there = dict(walk(model)), dict(walk(target))
    selected = [*select(model, config)]
    matched = correspond([Name("", n) for n in selected], ModelWeights(target), "auto", source=ModelWeights(model))
    places = {key.path: place[0] for key, place in matched.layers.items() if len(place) == 1}
    modules = {n: (base_of(here[n]), base_of(there[m])) for n, m in places.items() if m in there}
    shares: dict[str, dict[Placement, float]] = {n: {} for n in selected}
    batches = whole(inputs)
    compared = Compared.of(model, target, batches[0], otherwise="change")
    batches = whole(inputs, size=compared.rows_at_once(32))
    options: dict[str, Any] = {"call": compared.call, "need": compared.need}
    predicted = expected(model, target, modules, batches, sides=("input", "output"), **options)
    for (name, side), one in sorted(predicted.items(), key=lambda entry: entry[0][1]):
        shares[name][Placement(side)] = one.R
    return {name: best_side(kept) for name, kept in shares.items()}


def best_side(shares: Mapping[Placement, float]) -> Placement | None:
    best = max(shares.values(), default=0.0)
    return next((side for side, share in shares.items() if share >= best - TIE), None) if best > 0 else None
