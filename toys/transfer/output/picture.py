"""The figure of a study: the error of each moved adapter minus that of a copied LoRA, on every target."""

import textwrap
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toys.common.stats import Interval, paired
from toys.common.style import FAINT, FULL_WIDTH, LABELS, MARKERS, METHODS
from toys.transfer.protocol import Protocol
from toys.transfer.study import NONE
from toys.transfer.verdicts.judge import cases

COLOURS: Final = {**METHODS, "residual": "#CC79A7", "input-first": "#56B4E9"}
OTHERS: Final = "v<>dP"
"""Markers of further methods, whose colour is that of the side in their name."""
ROW: Final = 0.5
"""Height of a target's line in inches."""
NOTE: Final[dict[str, Any]] = {"textcoords": "offset points", "ha": "right", "va": "top", "fontsize": 6, "color": FAINT}
HEADLINE: Final = 80
"""Maximum number of characters in a line of a headline."""


def draw(plan: Protocol, result: Mapping[str, Any], headline: str) -> Figure:
    """Return the figure: each method's measure minus that of LoRA on the same layers, by target; negative is better."""
    tables = {case: one["rows"] for case, one in cases(result).items()}
    shown = shown_methods(plan)
    others = _other_tables(plan, next(iter(tables.values())))
    heights = [ROW * len(plan.targets) for _ in tables] + [ROW / 2 * (len(rows) + 1) for rows in others.values()]
    figure = Figure(figsize=(FULL_WIDTH, sum(heights) + 1.3))
    panels = figure.subplots(len(heights), squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for axes, (case, rows) in zip(panels, tables.items(), strict=False):
        _panel(axes, plan, rows, shown)
        axes.set_title(case, loc="left")
    for axes, (table, of) in zip(panels[len(tables) :], others.items(), strict=True):
        _means(axes, plan, of)
        axes.set_title(
            f"{table} at small scale: against its own family and rank on the weight, mean of related models", loc="left"
        )
    panels[-1].set_xlabel(
        f"{plan.measure} minus that of copied LoRA (left: better than LoRA; right: worse; grey: too small to matter)"
    )
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=len(shown))
    figure.suptitle(textwrap.fill(headline, HEADLINE), x=0.02, ha="left", fontweight="bold")
    return figure


def shown_methods(plan: Protocol) -> list[str]:
    """Return the methods that are drawn target by target.

    They are the compared methods of the study's own table that have LoRA's rank or adapt only some layers, except those
    with the placement "opposite".
    """
    return [
        row
        for row, m in plan.tables[plan.paper].items()
        if m.against != row and m.placement != "opposite" and (m.match == "rank" or m.layers)
    ]


def _panel(axes: Axes, plan: Protocol, rows: Mapping[str, Any], shown: list[str]) -> None:
    for k, row in enumerate(shown):
        places = np.arange(len(plan.targets)) + (k - (len(shown) - 1) / 2) * 0.22
        gaps = [paired(rows[row][t], rows[plan.methods[row].against][t]) for t in plan.targets]
        axes.errorbar(
            [g.mean for g in gaps],
            places,
            xerr=[g.half_width for g in gaps],
            fmt=MARKERS.get(row, OTHERS[k % len(OTHERS)]),
            color=COLOURS.get(row) or next((colour for side, colour in COLOURS.items() if side in row), f"C{k}"),
            label=LABELS.get(row, row),
            markersize=4,
            elinewidth=1,
        )
    scale = max(abs(Interval.of(np.subtract(rows["lora"][t], rows[NONE][t])).mean) for t in plan.related)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.axvspan(-plan.margin, plan.margin, color=FAINT, alpha=0.15, linewidth=0)
    axes.set_yticks(np.arange(len(plan.targets)), plan.targets)
    if [*plan.targets][: len(plan.related)] == [*plan.related] and len(plan.related) < len(plan.targets):
        axes.axhline(len(plan.related) - 0.5, color=FAINT, linewidth=0.8, linestyle=":")
        axes.annotate(
            "above this line: related models",
            (1, len(plan.related) - 0.5),
            (-2, -2),
            xycoords=("axes fraction", "data"),
            **NOTE,
        )
    axes.set_ylim(len(plan.targets) - 0.5, -0.5)
    axes.set_xscale("symlog", linthresh=max(plan.margin, scale / 20))


def _other_tables(plan: Protocol, rows: Mapping[str, Any]) -> dict[str, dict[str, Interval]]:
    found: dict[str, dict[str, Interval]] = {}
    for table, methods in plan.tables.items():
        for row, m in methods.items():
            if table != plan.paper and m.against != row and row in rows:
                gaps = [np.subtract(rows[row][t], rows[m.against][t]) for t in plan.related]
                found.setdefault(table, {})[row] = Interval.of(np.mean(gaps, axis=0))
    return found


def _means(axes: Axes, plan: Protocol, of: Mapping[str, Interval]) -> None:
    for k, (row, gap) in enumerate(of.items()):
        place = plan.methods[row].placement
        axes.errorbar(
            gap.mean, k, xerr=gap.half_width, fmt=MARKERS[place], color=COLOURS[place], markersize=4, elinewidth=1
        )
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.axvspan(-plan.margin, plan.margin, color=FAINT, alpha=0.15, linewidth=0)
    axes.set_yticks(range(len(of)), of)
    axes.set_ylim(len(of) - 0.5, -0.5)
