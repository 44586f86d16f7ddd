"""One picture a study: what moving an adapter does on every target, beside copied LoRA, with the result as headline."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from ioadapt_theory.stats import Interval, paired
from toys.style import FAINT, FULL_WIDTH, LABELS, MARKERS, METHODS
from toys.transfer.judge import claim, comparisons
from toys.transfer.protocol import Protocol
from toys.transfer.study import NONE

SHOWN: Final = ("input", "output", "residual")
COLOURS: Final = {**METHODS, "residual": "#CC79A7"}


def draw(plan: Protocol, result: Mapping[str, Any]) -> Figure:
    """Method minus copied LoRA, by target, with 95 % intervals; left of zero the method is better."""
    rows = result["rows"]
    found = comparisons(plan, rows)
    figure = Figure(figsize=(FULL_WIDTH, 0.34 * len(plan.targets) * 1.5 + 1.3))
    axes = figure.subplots()
    shown = [row for row in SHOWN if row in rows]
    for k, row in enumerate(shown):
        places = np.arange(len(plan.targets)) + (k - (len(shown) - 1) / 2) * 0.22
        gaps = [paired(rows[row][t], rows["lora"][t]) for t in plan.targets]
        axes.errorbar(
            [g.mean for g in gaps],
            places,
            xerr=[g.half_width for g in gaps],
            fmt=MARKERS.get(row, "v"),
            color=COLOURS[row],
            label=LABELS.get(row, "residual side"),
            markersize=4,
            elinewidth=1,
        )
    scale = max(abs(Interval.of(np.subtract(rows["lora"][t], rows[NONE][t])).mean) for t in plan.related)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.axvspan(-plan.margin, plan.margin, color=FAINT, alpha=0.15, linewidth=0)
    axes.set_yticks(np.arange(len(plan.targets)), plan.targets)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=max(plan.margin, scale / 20))
    axes.set_xlabel(f"{plan.measure}: method minus copied LoRA (left: the method is better; grey: does not matter)")
    axes.legend(loc="lower left", ncols=len(shown), bbox_to_anchor=(0, 1.0))
    verdicts = {row: claim([c for c in found if c.row == row]) for row in shown}
    figure.suptitle("; ".join(f"{LABELS.get(r, 'residual side')}: {v}" for r, v in verdicts.items()), x=0.02, ha="left")
    return figure
