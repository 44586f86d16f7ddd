"""The figure of the crescent: inputs, hidden features and outputs of the source and the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toys.common.style import FAINT, FULL_WIDTH, HIDDEN, INK, INPUTS, METHODS, OUTPUTS
from toys.plane.methods import Method, methods
from toys.plane.world import Case

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 400
"""Number of points to draw of each cloud."""
STAGES = (("inputs", INPUTS), ("hidden", HIDDEN), ("outputs", OUTPUTS))
WANTED = "#CFCFCF"
ROOM = 0.34
"""Height in inches between two stages, for the arrow of the map between them."""
REACH = 5.0
"""Points with a larger coordinate are not drawn, so that they do not shrink the figure's scale; the legend says so."""
MOST = 7.0
"""Maximum total height of all clouds in inches."""
TITLES = {
    Case.SAME_FUNCTION: "The target computes the same function with other weights",
    Case.OTHER_FUNCTION: "The target computes another function: its first map has drifted",
    Case.INTERIOR: "The target computes the same function with other weights; adapters also sit inside",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The heights at which the three stages of a row are drawn, chosen so that their clouds do not overlap.

    Attributes:
        shifts: vertical shifts of inputs, hidden features and outputs.
        gaps: vertical centres of the two spaces between the stages.
        bottom: bottom of the row, whose top is at 0.
    """

    shifts: list[float]
    gaps: list[float]
    bottom: float

    @classmethod
    def of(cls, panels: list[list[np.ndarray]], room: float) -> Layout:
        shifts, gaps, top = [], [], 0.0
        for stages in zip(*panels, strict=True):
            heights = np.concatenate(stages)[:, 1]
            low, high = heights.min(), heights.max()
            shifts.append(float(top - high))
            top += float(low - high) - room
            gaps.append(top + room / 2)
        return cls(shifts, gaps[:2], top + room)


def draw(result: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    case = Case(result["config"]["case"])
    wanted = result["wanted"][:POINTS]
    rows = {
        name: [[_near(s[:POINTS]) for s in c[name]] for c in result["clouds"].values()] for name in ("source", "target")
    }
    side = max(
        2.8, *(0.15 + np.abs(p[:, 0]).max(initial=0) for panels in rows.values() for panel in panels for p in panel)
    )
    tall = -sum(layout.bottom for layout in _layouts(rows, wanted, room=0).values())
    inches = min(FULL_WIDTH * 0.92 / 5 / (2 * side), MOST / tall)  # length of a unit in inches
    layouts = _layouts(rows, wanted, room=ROOM / inches)
    heights = [-layout.bottom for layout in layouts.values()]
    figure = Figure(figsize=(FULL_WIDTH, sum(heights) * inches + 1.5))
    for axes, (name, panels) in zip(figure.subplots(2, 5, height_ratios=heights), rows.items(), strict=True):
        layout = layouts[name]
        for cell, panel, (key, method) in zip(axes, panels, methods(case).items(), strict=True):
            cell.set(aspect="equal", xticks=[], yticks=[], xlim=(-side, side), ylim=(layout.bottom - 0.1, 0.1))
            cell.spines[:].set_visible(False)
            _clouds(cell, panel, wanted, layout)
            _maps(cell, method, layout, prime="" if name == "source" else "′")
            loss = result["rows"][key][f"loss_{name}"]
            cell.set_xlabel(f"loss {loss:.2f}", labelpad=2, weight="bold" if name == "target" else "normal")
            if name == "source":
                cell.set_title(method.label, color=METHODS[method.colour], weight="bold", size=9)
        what = "SOURCE\nadapters learn here" if name == "source" else "TARGET\nadapters are copied here"
        axes[0].set_ylabel(what, size=9, weight="bold", color=FAINT)
    figure.suptitle(TITLES[case], size=11)
    _legend(figure, cut=any(len(p) < len(wanted) for panels in rows.values() for panel in panels for p in panel))
    return figure


def _layouts(rows: dict[str, list[list[np.ndarray]]], wanted: np.ndarray, room: float) -> dict[str, Layout]:
    return {
        name: Layout.of([[x, h, np.concatenate([y, wanted])] for x, h, y in panels], room)
        for name, panels in rows.items()
    }


def _clouds(axes: Axes, panel: list[np.ndarray], wanted: np.ndarray, layout: Layout) -> None:
    axes.scatter(wanted[:, 0], wanted[:, 1] + layout.shifts[2], s=5, color=WANTED, lw=0)
    for points, shift, (_, colour) in zip(panel, layout.shifts, STAGES, strict=True):
        axes.scatter(points[:, 0], points[:, 1] + shift, s=2.5, color=colour, lw=0)


def _maps(axes: Axes, method: Method, layout: Layout, prime: str) -> None:
    for place, height in enumerate(layout.gaps):
        w = f"W_{place + 1}{prime}"
        ab = "AB" if len(method.maps) == 1 else f"A_{place + 1}B_{place + 1}"
        formulas = {"weight": f"{w} + {ab}", "input": f"(I + {ab})\\,{w}", "output": f"{w}\\,(I + {ab})"}
        here = method.placement if str(place) in method.maps else None
        formula, colour = (formulas[here], METHODS[method.colour]) if here else (w, INK)
        axes.text(0, height, f"↓  ${formula}$", ha="center", va="center", size=8, color=colour)


def _near(points: np.ndarray) -> np.ndarray:
    return points[np.abs(points).max(axis=1) <= REACH]


def _legend(figure: Figure, *, cut: bool) -> None:
    from matplotlib.lines import Line2D

    names = [*STAGES, ("wanted outputs", WANTED)]
    dots = [Line2D([], [], marker="o", ls="", ms=4, color=colour, label=label) for label, colour in names]
    title = f"points further than {REACH:.0f} from the origin are not shown" if cut else None
    figure.legend(handles=dots, loc="outside lower center", ncols=4, handletextpad=0.1, title=title, title_fontsize=8)
