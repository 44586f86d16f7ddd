"""The table and the figure of a record of the generators: the share kept against the cosine of the weights."""

from collections.abc import Mapping
from statistics import mean
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.style import FULL_WIDTH, INK, METHODS
from toys.cugan.shares import Share, model, shares
from toys.transfer.output.table import terminal

ROWS: Final = {
    "lora": ("LoRA", METHODS["lora"], "o"),
    "lora-first": ("LoRA on the first layers", "#E69F00", "v"),
    "input": ("input", METHODS["input"], "^"),
    "output": ("output", METHODS["output"], "s"),
    "lora, carried over": ("LoRA carried over", INK, "*"),
}
"""Row -> its label, colour and marker."""
KINDS: Final = {"same family, cosine above .85": (0.85, 1.0), "same family, below": (0.1, 0.85), "unrelated": (-1, 0.1)}
"""Kind of pair of networks -> the range of its weight cosine."""


def measured(result: Mapping[str, Any]) -> tuple[list[Share], list[str], dict[tuple[str, str], float]]:
    """Return the shares of a record, the cells that are left out, and the cosine of each pair of networks."""
    found = {}
    for key, one in result["errors"].items():
        pair, task, row = key.split(": ")
        source, target = pair.split(" > ") if not pair.startswith(" >") else ("", pair[3:])
        found[source, target, task, row] = np.array(one["errors"])
    methods = {row: row.split(",")[0] for _, _, _, row in found}
    made, idle = shares(found, methods)
    cosines = {tuple(key.split(" > ")): value for key, value in result["cosines"].items()}
    return made, idle, cosines


def text(result: Mapping[str, Any]) -> str:
    made, idle, cosines = measured(result)
    present = [row for row in ROWS if any(one.row == row for one in made)]
    lines = ["| share kept (of its own gain; of a LoRA trained on the target) | " + " | ".join(KINDS) + " |"]
    lines.append("| --- " * (len(KINDS) + 1) + "|")
    for row in present:
        cells = []
        for low, high in KINDS.values():
            some = [one for one in made if one.row == row and low < cosines[one.source, one.target] <= high]
            cells.append(f"{mean(o.own for o in some):.2f}; {mean(o.retrained for o in some):.2f}" if some else "")
        lines.append(f"| {ROWS[row][0]} | " + " | ".join(cells) + " |")
    if idle:
        lines.append(f"\nNothing to gain, left out: {'; '.join(idle)}.")
    return terminal("\n".join(lines))


def draw(result: Mapping[str, Any]) -> Figure:
    """Draw the mean share over tasks of each pair of networks, and the line of the mixed model with its interval."""
    made, _, cosines = measured(result)
    present = [row for row in ROWS if any(one.row == row for one in made)]
    figure = Figure(figsize=(FULL_WIDTH, 3.4))
    axes = figure.subplots(1, len(present), sharex=True, sharey=True, squeeze=False)[0]
    at = np.linspace(0, 1, 50)
    for ax, row in zip(axes, present, strict=True):
        label, colour, marker = ROWS[row]
        some = [one for one in made if one.row == row]
        pairs = sorted({(one.source, one.target) for one in some})
        means = [mean(one.own for one in some if (one.source, one.target) == pair) for pair in pairs]
        ax.plot(
            [cosines[pair] for pair in pairs], np.clip(means, -1, 1.5), marker, color=colour, ms=4, alpha=0.6, mew=0
        )
        if len(pairs) > 6:
            line = model(some, cosines)
            middle, low, high = np.array([line.interval([1, x]) for x in at]).T
            ax.plot(at, middle, color=colour)
            ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        ax.axhline(0, color=INK, lw=0.6)
        ax.axhline(1, color=INK, lw=0.6, ls=":")
        ax.set_title(label)
        ax.set_ylim(-1.05, 1.55)
    figure.supxlabel("cosine between the weights of source and target")
    axes[0].set_ylabel("share of its gain that an adapter keeps\n(values beyond -1 and 1.5 are drawn at the edge)")
    return figure
