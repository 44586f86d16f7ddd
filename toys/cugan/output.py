"""The table and the figure of a record of the generators: the share kept against the cosine of the weights."""

from collections.abc import Mapping
from statistics import mean, median
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.style import FULL_WIDTH, INK, METHODS
from toys.cugan.shares import EDGES, Share, model, shares
from toys.transfer import records
from toys.transfer.output import table

RECORD: Final = records.DATA / "upscalers.json"

OVER: Final = "lora, carried over"
ROWS: Final = {
    "lora": ("LoRA", METHODS["lora"], "o"),
    "lora-first": ("LoRA on the first layers", METHODS["lora-first"], "v"),
    "input": ("input", METHODS["input"], "^"),
    "output": ("output", METHODS["output"], "s"),
    OVER: ("LoRA carried over (sepia)", INK, "*"),
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
    return table.terminal(markdown(result))


def markdown(result: Mapping[str, Any]) -> str:
    """Return medians of both shares by kind of pair, and the change of the first with the cosine of the weights."""
    made, idle, cosines = measured(result)
    rows = []
    for row in (row for row in ROWS if any(one.row == row for one in made)):
        some = [one for one in made if one.row == row]
        cells = []
        for low, high in KINDS.values():
            few = [one for one in some if low < cosines[one.source, one.target] <= high]
            cells.append(f"{median(o.own for o in few):.2f}; {median(o.retrained for o in few):.2f}" if few else "")
        value, *ends = model(some, cosines).interval([0, 0.1]) if len(some) > 6 else (0.0, 0.0, 0.0)
        cells.append(f"{value:+.2f} ({ends[0]:+.2f} to {ends[1]:+.2f})" if len(some) > 6 else "")
        rows.append([ROWS[row][0], *cells])
    lines = table.markdown(["adapter", *KINDS, "at a cosine that is 0.1 higher"], rows)
    if idle:
        lines.append(f"\nNothing to gain, left out: {'; '.join(idle)}.")
    return "\n".join(lines)


def section() -> str:
    """Return the section on the record, in Markdown, for the page."""
    if not RECORD.exists():
        return "There is no record yet of `python toys/upscalers.py`.\n"
    alt = "Chart: the share of its gain that each adapter keeps on another generator, by the cosine of the weights"
    return f"![{alt}](upscalers.png)\n\n{markdown(records.read(RECORD))}\n"


def draw(result: Mapping[str, Any]) -> Figure:
    """Draw the mean share over tasks of each pair of networks, and the line of the mixed model with its interval."""
    made, _, cosines = measured(result)
    present = [row for row in ROWS if any(one.row == row for one in made)]
    figure = Figure(figsize=(FULL_WIDTH, 3.6))
    axes = figure.subplots(1, len(present), sharex=True, sharey=True, squeeze=False)[0]
    at = np.linspace(0, 1, 50)
    for ax, row in zip(axes, present, strict=True):
        label, colour, marker = ROWS[row]
        some = [one for one in made if one.row == row]
        pairs = sorted({(one.source, one.target) for one in some})
        means = [mean(one.own for one in some if (one.source, one.target) == pair) for pair in pairs]
        ax.plot([cosines[pair] for pair in pairs], np.clip(means, *EDGES), marker, color=colour, ms=4, alpha=0.6, mew=0)
        if len(pairs) > 6:
            line = model(some, cosines)
            middle, low, high = np.array([line.interval([1, x]) for x in at]).T
            ax.plot(at, middle, color=colour)
            ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        ax.axhline(0, color=INK, lw=0.6)
        ax.axhline(1, color=INK, lw=0.6, ls=":")
        ax.set_title(label.replace(" on ", "\non ").replace(" over", "\nover"))
        ax.set_ylim(-1.05, 1.55)
    figure.supxlabel("cosine between the weights of source and target")
    axes[0].set_ylabel("share of its gain that is kept\n(values beyond are at the edge)")
    return figure
