"""The picture of the molecules experiment: every method's error on the source and after the move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ioadapt_theory.stats import Interval
from toys.ani.molecules import Task
from toys.ani.summary import TARGETS, Row, rows
from toys.style import FAINT, FULL_WIDTH, INK, MARKERS, METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES: Final = {Task.WATER: "learned: what water adds", Task.GFN2: "learned: another method's energies (GFN2-xTB)"}
PLACES: Final = {"related": "moved to ANI-1ccx, made from the source", "unrelated": "moved to an unrelated ANI-1x"}
COLORS: Final = {**METHODS, "none": METHODS["base"], "lora_first": "#E69F00", "first": "#56B4E9"}
SHAPES: Final = {**MARKERS, "none": MARKERS["base"], "lora_first": "o", "first": "^"}


def draw(result: dict[str, Any]) -> Figure:
    """A row for every task, a column for every target; further left is better."""
    from matplotlib.figure import Figure

    tasks = result["tasks"]
    figure = Figure(figsize=(FULL_WIDTH, 0.7 + 2.6 * len(tasks)))
    grid = figure.subplots(len(tasks), len(TARGETS), sharey=True, sharex="row", squeeze=False)
    for line, (task, figures) in zip(grid, tasks.items(), strict=True):
        for axes, role in zip(line, TARGETS, strict=True):
            _panel(axes, rows(figures), role)
        line[0].set_title(TITLES[Task(task)], loc="left", fontweight="bold", pad=20)
    for line in grid:
        for axes, role in zip(line, TARGETS, strict=True):
            axes.text(0, 1.02, PLACES[role], transform=axes.transAxes, va="bottom", color=INK, fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("error on new molecules, RMSE in kcal/mol")
    _legend(figure)
    return figure


def _panel(axes: Axes, found: dict[str, Row], role: str) -> None:
    none = float(np.mean(found["none"].errors[role]))
    axes.axvline(none, color=COLORS["none"], lw=0.9, ls=(0, (4, 3)), zorder=0)
    for height, (key, row) in enumerate(found.items()):
        y, kind = -height, key.partition("*")[0]
        color, errors = COLORS[kind], row.errors[role]
        moved = Interval.of(errors)
        axes.plot(errors, np.full(len(errors), y - 0.24), ".", color=color, ms=3, alpha=0.5, mew=0)
        if "source" in row.errors and key != "none":
            source = float(np.mean(row.errors["source"]))
            axes.plot(source, y, marker="o", ms=5, mfc="white", mec=color, mew=1, zorder=3)
            arrow = {"arrowstyle": "-", "color": color, "lw": 0.8, "alpha": 0.6}
            axes.annotate("", (moved.mean, y), (source, y), arrowprops=arrow)
        half = moved.half_width if moved.n > 1 else 0.0
        axes.errorbar(moved.mean, y, xerr=half, fmt=SHAPES[kind], color=color, ms=5.5, capsize=2, lw=1.3, zorder=4)
    axes.set_yticks([-k for k in range(len(found))], [row.label for row in found.values()])
    axes.set_ylim(-len(found) + 0.4, 0.6)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=FAINT, lw=0.3, alpha=0.4)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", ls="", mfc="white", mec=INK, ms=5, label="on the source"),
        Line2D([], [], marker="o", color=INK, ms=5, lw=1.3, label="after the move: mean, 95 % interval"),
        Line2D([], [], marker=".", ls="", color=INK, ms=4, alpha=0.5, label="one member each"),
        Line2D([], [], color=COLORS["none"], lw=0.9, ls=(0, (4, 3)), label="no adapter"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
