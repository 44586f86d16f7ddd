"""The side of each layer on which the weights of two models are most alike, for the studies' row "auto".

Exact for rotated heads, W' = WQ or W' = QW with an orthogonal Q; a heuristic for other weights.
"""

from collections.abc import Iterable
from typing import Final

from torch import nn

from ioadapt_theory.adapters import Placement
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.moving.correspondence import correspond
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.null import STANDS_OUT, Null
from ioadapt_theory.reporting.sides import Sides, sides

ALIKE: Final = 0.1
"""Difference of excess below which two sides count as equally alike."""


def sides_by_weights(source: nn.Module, target: nn.Module, names: Iterable[str]) -> dict[str, Placement]:
    """The side for each of these layers, without those that share nothing with the target on either."""
    here, there = ModelWeights(source), ModelWeights(target)
    matched = correspond([Name("", n) for n in names], there, "auto", source=here)
    places = {key.path: place[0] for key, place in matched.layers.items() if len(place) == 1}
    best = {n: more_alike(sides(here.layer(n), there.layer(place))) for n, place in places.items()}
    return {n: side for n, side in best.items() if side is not None}


def more_alike(both: Sides) -> Placement | None:
    """The side that two layers share most, beyond what unrelated layers share; None if there is none."""
    excess = {Placement.INPUT: _beyond_chance(both.input), Placement.OUTPUT: _beyond_chance(both.output)}
    known = {side: value for side, value in excess.items() if value is not None}
    if not known:
        return Placement.INPUT if both.input is not None and both.input.too_small else None
    return next(side for side, value in known.items() if value >= max(known.values()) - ALIKE)


def _beyond_chance(null: Null | None) -> float | None:
    return None if null is None or null.z is None or null.z < STANDS_OUT else null.excess
