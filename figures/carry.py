"""The share of its gain that a LoRA and an input adapter retain on another model, copied and carried over."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from toys.common.style import INK, METHODS
from toys.page import moving

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER: str | None = None
LOOKS = {
    "LoRA, copied": (METHODS["lora"], "o", "white"),
    "LoRA, carried over": (METHODS["lora"], "o", METHODS["lora"]),
    "input adapter, copied": (METHODS["input"], "^", "white"),
    "input adapter, carried over": (METHODS["input"], "^", METHODS["input"]),
}
LEFT, RIGHT = -0.6, 1.4


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    del seed, quick  # the record is complete
    return {"shares": moving.shares(), "moves": moving.count()}


def draw(data: dict[str, Any]) -> Figure:
    """Draw medians, with lines from the lower to the upper quartile; what is outside the axes is drawn at their end."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 5.4))  # so that text has 10 pixels where the figure has 390
    axes = figure.add_subplot()
    for y, kept in enumerate(data["shares"].values()):
        for k, (name, (colour, marker, face)) in enumerate(LOOKS.items()):
            if name in kept:
                low, middle, high = (min(max(v, LEFT), RIGHT) for v in kept[name])
                at = y + 0.19 * (k - 1.5)
                axes.plot([low, high], [at, at], color=colour, lw=1.6, solid_capstyle="butt")
                axes.plot(middle, at, marker, color=colour, mfc=face, ms=6, label=name if y == 0 else None)
    for x in (0, 1):
        axes.axvline(x, color=INK, lw=0.8, ls=":", zorder=0)
    axes.set_yticks(range(len(data["shares"])), [fill(moving.RELATIONS[r], 16) for r in data["shares"]])
    axes.set(xlabel="share of the gain retained: median and quartiles", xlim=(LEFT, RIGHT))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    figure.legend(ncols=2, loc="outside lower center", columnspacing=1, handletextpad=0.3)
    figure.suptitle(f"Adapters moved to another model\n({data['moves']} transfers)", fontweight="bold", size=10)
    return figure
