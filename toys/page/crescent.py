"""What the page needs to turn the target's hidden basis: both maps, what was learned, the law of the inputs."""

from collections.abc import Mapping
from math import cos, pi, sin
from typing import Any, Final

from toys.plane.methods import ENDS
from toys.plane.world import THICKNESS, moment, task

SHOWN: Final = ("lora-1", "input", "output")
"""Methods that the page shows, by their keys in ``toys.plane.methods``."""
STEPS: Final = 40
"""Corners on either side of the outline."""


def data(result: Mapping[str, Any]) -> dict[str, Any]:
    """The crescent's part of the page's data, from what ``toys.crescent.run`` returned.

    Returns:
        ``source``, ``target``: both maps on (x, 1); ``goal``: 2 x 2; ``moment``: E[(x, 1)ᵀ(x, 1)]; ``outline``: corners
        of the crescent; ``methods``: for each placement, map, label and AB.
    """
    methods = []
    for key in SHOWN:
        method, (ab,) = ENDS[key], result["rows"][key]["AB"].values()
        methods.append({"key": key, "label": method.label, "placement": method.placement, "AB": ab})
    return {
        "source": result["models"]["source"],
        "target": result["models"]["target"],
        "goal": task().tolist(),
        "moment": moment().tolist(),
        "outline": outline(),
        "methods": methods,
    }


def outline() -> list[tuple[float, float]]:
    """Corners of the crescent, from its right tip along the outer side and back along the inner one."""
    angles = [pi * k / STEPS for k in range(STEPS + 1)]
    sides = [(t, 1 + THICKNESS * sin(t)) for t in angles] + [(t, 1 - THICKNESS * sin(t)) for t in reversed(angles)]
    return [(radius * cos(t), radius * sin(t)) for t, radius in sides]
