"""The crescent toy on many pairs of models: the loss on the target in the paper's case and in two further cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from toys.common.style import FAINT, FULL_WIDTH, MARKERS, METHODS
from toys.crescent import Config, run
from toys.plane.methods import methods
from toys.plane.world import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER: str | None = None
FLOOR = 1e-5
"""Smaller losses, which result from unfinished training or rounding, are drawn at this value."""
TITLES = {
    Case.SAME_FUNCTION: "same function,\ndifferent weights",
    Case.OTHER_FUNCTION: "different function:\nfirst map has drifted",
    Case.INTERIOR: "same function, adapters\ninside the model",
}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    seeds = range(seed, seed + (2 if quick else 20))
    losses: dict[Case, dict[str, np.ndarray]] = {}
    for case in Case:
        runs = [run(Config(case=case, seed=s, steps=100 if quick else 600, samples=500))["rows"] for s in seeds]
        losses[case] = {
            key: np.array([rows[key]["loss_target"] / rows["base"]["loss_source"] for rows in runs])
            for key in methods(case)
        }
    return {"losses": losses, "seeds": list(seeds)}


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(FULL_WIDTH, 3.4))
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (case, losses) in zip(panels, data["losses"].items(), strict=True):
        _panel(axes, case, losses)
    panels[0].set_yticks([FLOOR, 1e-3, 1e-1, 1, 1e1, 1e2], ["≈0", "0.001", "0.1", "1", "10", "100"])
    panels[0].set_ylabel("loss on the target\n(1: without an adapter)")
    figure.suptitle(
        f"Trained on the source, copied to the target: {len(data['seeds'])} random pairs of models", size=11
    )
    return figure


def _panel(axes: Axes, case: Case, losses: dict[str, np.ndarray]) -> None:
    compared = {key: method for key, method in methods(case).items() if key != "base"}
    axes.axhline(1, color=FAINT, lw=0.8, ls=":")
    for place, (key, method) in enumerate(compared.items()):
        values = np.maximum(losses[key], FLOOR)
        spread = np.linspace(-0.22, 0.22, len(values))
        colour = METHODS[method.colour]
        axes.scatter(place + spread, values, s=11, color=colour, marker=MARKERS[method.colour], lw=0, alpha=0.8)
        axes.plot([place - 0.35, place + 0.35], 2 * [np.median(values)], color=colour, lw=1.8, solid_capstyle="butt")
    axes.set(yscale="log", title=TITLES[case], xlim=(-0.6, len(compared) - 0.4))
    axes.set_xticks(range(len(compared)), [m.label.replace(" ", "\n", 1) for m in compared.values()], size=7)
    axes.minorticks_off()
