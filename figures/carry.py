"""The share of an adapter's gain retained on another model: copied, carried over, and after 50 steps without labels."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from toys.common.style import FAINT, FULL_WIDTH, INK, METHODS
from toys.page import moving

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER: str | None = None
RULES = {
    "copy": ("copied", FAINT),
    "chosen": ("carried over", METHODS["input"]),
    "refined": ("carried over, then 50 steps without labels", METHODS["output"]),
}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    del seed, quick  # the record is complete
    return {"shares": moving.shares(), "moves": moving.count()}


def draw(data: dict[str, Any]) -> Figure:
    """Draw a bar for each median share of the gain that is kept; negative shares are drawn as 0."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(FULL_WIDTH, 2.8))
    axes = figure.add_subplot()
    for k, (rule, (label, colour)) in enumerate(RULES.items()):
        for x, (relation, values) in enumerate(data["shares"].items()):
            at, share = x + 0.27 * (k - 1), values[rule]
            name = label if relation == "gauge" else None
            if share is None:
                axes.text(at, 0.03, "does\nnot fit", ha="center", va="bottom", color=FAINT, fontsize=6)
            else:
                axes.bar(at, max(share, 0), 0.25, color=colour, label=name)
                axes.text(at, max(share, 0) + 0.02, f"{share:.2f}".lstrip("0"), ha="center", fontsize=6, color=INK)
    axes.axhline(1, color=INK, lw=0.8, ls=":")
    axes.set_xticks(range(len(moving.RELATIONS)), [fill(name, 16) for name in moving.RELATIONS.values()])
    axes.set(ylabel=f"median share of the gain retained\n({data['moves']} transfers in total)", ylim=(0, 1.35))
    axes.tick_params(axis="x", length=0)
    axes.legend(ncols=3, frameon=False, loc="upper right")
    headline = "A carried-over adapter retains most of its gain, even where a copy loses most of it"
    figure.suptitle(headline, x=0.02, ha="left", fontweight="bold")
    return figure
