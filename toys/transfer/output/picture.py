"""The figure of a study: the share of its gain on the source that each copied adapter keeps, on every target."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.style import FAINT, FULL_WIDTH, INK, MARKERS, METHODS
from toys.transfer.protocol import Protocol
from toys.transfer.records import cases
from toys.transfer.verdicts.endpoint import COLUMNS, own_share

ROW: Final = 0.5
"""Height of a target's line in inches."""
LIMITS: Final = -0.6, 1.6


def draw(plan: Protocol, result: Mapping[str, Any]) -> Figure:
    """Return the figure; shares are means over the cases, with 95 % intervals by the jackknife over seeds."""
    methods = {name: row for name, row in COLUMNS.items() if all(row in one["rows"] for one in cases(result).values())}
    figure = Figure(figsize=(FULL_WIDTH, ROW * len(plan.targets) + 1.6))
    axes, told = figure.subplots(), []
    for k, (name, row) in enumerate(methods.items()):
        found = [own_share(result, {target: row}) for target in plan.targets]
        at = np.arange(len(found)) + (k - (len(methods) - 1) / 2) * 0.18
        means = np.clip([one.mean for one in found], *LIMITS)
        lower, upper = (np.clip([getattr(one, end) for one in found], *LIMITS) for end in ("low", "high"))
        axes.errorbar(
            means, at, xerr=(means - lower, upper - means), fmt=MARKERS[row], color=METHODS[row], label=name, ms=4, lw=1
        )
        told.append(f"{name} {own_share(result, dict.fromkeys(plan.related, row)).mean:.2f}")
    for x, style in ((0, "-"), (1, ":")):
        axes.axvline(x, color=INK, linewidth=0.6, linestyle=style)
    related = len(plan.related)
    if [*plan.targets][:related] == [*plan.related] and related < len(plan.targets):
        axes.axhline(related - 0.5, color=FAINT, linewidth=0.8, linestyle=":")
        axes.text(LIMITS[0], related - 0.52, "above: related models", fontsize=7, color=FAINT, va="bottom")
    axes.set_yticks(range(len(plan.targets)), plan.targets)
    axes.set_ylim(len(plan.targets) - 0.5, -0.5)
    axes.set_xlim(*LIMITS)
    axes.set_xlabel("share of its gain on the source that a copied adapter keeps (1: all)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=len(methods))
    title = f"On related models, copies keep, in the mean:\n{', '.join(told)}"
    figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
    return figure
