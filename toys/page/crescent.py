"""The page's first figure: three adapters while the target's hidden basis rotates, animated by the page's script."""

from collections.abc import Mapping
from math import cos, pi, sin
from typing import Any, Final

import numpy as np

from toys.plane.methods import ENDS
from toys.plane.world import THICKNESS, moment, task

SHOWN: Final = ("lora-1", "input", "output")
"""Methods on the page, by their keys in ``toys.plane.methods``."""
STEPS: Final = 40
"""Number of straight segments on either side of the crescent's outline."""
WORDS: Final = {
    "weight": ("lora", "LoRA", "changes the weights", "Y = X(W + AB)"),
    "input": ("input", "Input adapter", "changes what the layer reads", "Y = X(I + AB)W"),
    "output": ("output", "Output adapter", "changes what the layer writes", "Y = XW(I + AB)"),
}
"""Placement -> CSS class, name, description, formula."""
REACH: Final = {"hidden features": 5.2, "outputs": 4.6}
"""Stage -> half the width of its drawing."""


def data(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the crescent's data for the page, from the result of ``toys.crescent.run``.

    Returns:
        ``source``, ``target``: both maps of the model, as matrices acting on (x, 1); ``goal``: the task as a 2 x 2
        matrix; ``moment``: E[(x, 1)ᵀ(x, 1)]; ``outline``: corners of the crescent; ``methods``: key, label, placement
        and AB of the methods in SHOWN.
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
    """Return the corners of the crescent, from its right tip along the outer side and back along the inner one."""
    angles = [pi * k / STEPS for k in range(STEPS + 1)]
    sides = [(t, 1 + THICKNESS * sin(t)) for t in angles] + [(t, 1 - THICKNESS * sin(t)) for t in reversed(angles)]
    return [(radius * cos(t), radius * sin(t)) for t, radius in sides]


def panels(data: Mapping[str, Any]) -> str:
    """Return the figure in HTML with the target's hidden basis rotated by 90°, as shown without JavaScript."""
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    first, second = np.array(data["source"][0]) @ turn, turn.T @ np.array(data["source"][1])
    goal = np.array(data["source"][0]) @ np.array(data["source"][1]) @ np.array(data["goal"])
    return "".join(_panel(data, method, first, second, goal) for method in data["methods"])


def _panel(data: Mapping[str, Any], method: Mapping[str, Any], first: Any, second: Any, goal: Any) -> str:
    kind, name, does, formula = WORDS[method["placement"]]
    hidden, whole = _adapted(first, second, method)
    gap = whole - goal
    loss = float(np.trace(gap.T @ np.array(data["moment"]) @ gap))
    stages = zip(REACH.items(), (hidden, whole), (None, goal), strict=True)
    drawn = "".join(_stage(stage, reach, _points(data, at), wanted, data) for (stage, reach), at, wanted in stages)
    return (
        f'<figure class="panel {kind}" id="panel-{method["key"]}"><figcaption><b>{name}</b> <span>{does}</span>'
        f'<i>{formula}</i></figcaption>\n<div class="stages">{drawn}</div>'
        f'<p class="loss">off by <output>{f"{loss:.3g}" if loss > 1e-6 else 0}</output></p></figure>\n'
    )


def _stage(name: str, reach: float, corners: list[str], wanted: Any, data: Mapping[str, Any]) -> str:
    goal = "" if wanted is None else f'<polygon class="goal" points="{" ".join(_points(data, wanted))}"/>'
    x, y = corners[0].split(",")
    return (
        f'<div class="{name.split()[0]}-stage"><p class="stage">{name}</p>'
        f'<svg viewBox="{-reach} {-reach} {2 * reach} {2 * reach}" role="img" aria-label="{name}">'
        f'<g transform="scale(1,-1)"><path class="cross" d="M{-reach} 0H{reach}M0 {-reach}V{reach}"/>{goal}'
        f'<polygon class="shape" points="{" ".join(corners)}"/>'
        f'<circle class="tip" r="{reach / 26:.3f}" cx="{x}" cy="{y}"/></g></svg></div>'
    )


def _adapted(first: Any, second: Any, method: Mapping[str, Any]) -> tuple[Any, Any]:
    ab = np.zeros((3, 3))
    ab[:2, :2] = method["AB"]
    if method["placement"] == "weight":
        first = first + ab
    if method["placement"] == "input":
        first = (np.eye(3) + ab) @ first
    whole = (first @ second)[:, :2]
    return first, whole + whole @ ab[:2, :2] if method["placement"] == "output" else whole


def _points(data: Mapping[str, Any], matrix: Any) -> list[str]:
    corners = np.column_stack([np.array(data["outline"]), np.ones(len(data["outline"]))]) @ matrix
    return [f"{x:.2f},{y:.2f}" for x, y in corners[:, :2] + 0.0]
