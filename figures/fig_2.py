"""Pairwise similarity of checkpoints: weights (the lowest fifth and all layers), and input and output spaces."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ioadapt_theory.errors import InvalidValueError
from toys.common.style import FAINT, FULL_WIDTH, LABELS, MARKERS, METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER: str | None = "Fig. 2"

FAMILIES: dict[str, tuple[str, ...]] = {
    "torchani": ("ani-1x:0", "ani-1ccx:0", "ani-1x:1", "ani-1ccx:1"),
}
"""Models that Python packages contain, by package; SD-1.5, which the paper compares, is in none."""

METHOD = {"weight": "lora", "input": "input", "output": "output"}
"""For weights and for each space, the adapter that acts there, whose colour and marker are used."""
SHIFTS = {"weight": -0.22, "input": 0.0, "output": 0.22}
HEADLINE = "Fine-tuned networks stay close to their bases; unrelated ones share only part of the input space"


def compute(
    *, seed: int = 0, quick: bool = False, families: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return the mean cosines of all pairs of every family; by default of all families whose package is installed.

    Raises:
        InvalidValueError: no family is given and no package is installed.
    """
    del seed  # no randomness
    chosen = families or {name: models for name, models in FAMILIES.items() if find_spec(name)}
    if not chosen:
        msg = "Fig. 2 compares networks of torchani, which is not installed; run pip install --no-deps torchani==1.2."
        raise InvalidValueError(msg)
    return {"families": [_family(models[:3] if quick else models) for models in chosen.values()]}


def _family(models: Sequence[str]) -> dict[str, Any]:
    from ioadapt_theory.checkpoints import open_checkpoint
    from ioadapt_theory.similarity import Space, compare
    from ioadapt_theory.similarity.report.plots import matrix

    opened = [open_checkpoint(model) for model in models]
    by_space = {str(space): compare(*opened, space=space) for space in Space}
    weights = by_space["weight"]
    matrices = set.intersection(*({row.name for row in c.rows} for c in by_space.values()))
    low = weights.lowest((0, 1))
    for checkpoint in opened:
        checkpoint.close()
    return {
        "labels": weights.labels,
        "layers": weights.mean((0, 1)).layers,
        "fraction": weights.options.lowest,
        "lowest_layers": low.layers,
        "lowest": matrix(weights, lowest=True),
        "all": matrix(weights, lowest=False),
        "matrices": len(matrices),
        "spaces": {
            space: {pair: c.mean(pair, lambda row: row.name in matrices).mean for pair in c.pairs}
            for space, c in by_space.items()
        },
    }


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    from ioadapt_theory.similarity.report.plots import settled

    families = data["families"]
    figure = Figure(figsize=(FULL_WIDTH, 0.8 + 2.9 * len(families)))
    grid = figure.subplots(len(families), 3, squeeze=False)
    low = min(0.0, *(float(np.nanmin(f["lowest"])) for f in families))
    for axes, family in zip(grid, families, strict=True):
        image = _maps(axes[:2], family, low)
        _spaces(axes[2], family)
    bar: dict[str, Any] = {"location": "bottom", "shrink": 0.4, "aspect": 40, "anchor": (0.2, 0)}
    figure.colorbar(image, ax=list(grid.flat), label="mean cosine of (a) and (b)", **bar)
    handles, names = grid[0][2].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower right", ncols=3)
    if {tuple(f["labels"]) for f in families} <= set(FAMILIES.values()):
        figure.suptitle(HEADLINE, fontweight="bold", size=9)
    return settled(figure)


def _maps(axes: Sequence[Axes], family: dict[str, Any], low: float) -> Any:
    from ioadapt_theory.similarity.report.plots import heat_map

    count, layers = family["lowest_layers"], family["layers"]
    titles = (f"(a) lowest {count} of {layers}", f"(b) all {layers} layers")
    for axis, values, title in zip(axes, (family["lowest"], family["all"]), titles, strict=True):
        image = heat_map(axis, values, family["labels"], low=low)
        axis.set_title(title)
    axes[1].set_yticks([])
    return image


def _spaces(axis: Axes, family: dict[str, Any]) -> None:
    labels = family["labels"]
    pairs = list(combinations(range(len(labels)), 2))
    for space, values in family["spaces"].items():
        method = METHOD[space]
        found = [values[pair] for pair in pairs]
        label = "weights" if space == "weight" else f"{LABELS[method]} space"
        places = [k + SHIFTS[space] for k in range(len(pairs))]  # the offset separates equal values
        axis.plot(found, places, MARKERS[method], color=METHODS[method], ms=5, label=label)
    axis.axvline(0, color=FAINT, lw=0.6, zorder=0)
    axis.set_yticks(range(len(pairs)), [f"{labels[i]} | {labels[j]}" for i, j in pairs], size=7)
    axis.set(
        ylim=(len(pairs) - 0.5, -0.5),
        xlim=(-0.15, 1.05),
        title=f"(c) {family['matrices']} matrices",
        xlabel="mean cosine",
    )
    axis.set_box_aspect(1)
    axis.yaxis.tick_right()
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
