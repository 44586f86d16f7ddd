"""Sentences, the table and the figure of a drift record, for the screen and the page; each family by itself."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.stats import Interval
from toys.common.style import FAINT, FULL_WIDTH, INK, METHODS
from toys.drift.bins import KINDS, LEAST, ROWS, TOO_MUCH, errors, levels, mean_cosine, predictions, share, shares
from toys.drift.moves import CARRIED, RATES
from toys.transfer.output.table import markdown, terminal

LOOKS: Final = {
    "lora": (METHODS["lora"], "o"),
    "input": (METHODS["input"], "^"),
    "output": (METHODS["output"], "s"),
    CARRIED: (INK, "*"),
}
"""Colour and marker of each row of the figure."""


def findings(result: Mapping[str, Any]) -> list[str]:
    """Return, for each family, on how many kinds of targets adapters keep more than a copied LoRA, and what fails."""
    return [line for name in result["families"] for line in (_ahead(result, name), _predicted(result, name))] + [
        f"The learning rate chosen for {row} adapters in the family {name}, {rate:g}, is the {end} one tried."
        for name, chosen in result["rates"].items()
        for row, rate in chosen.items()
        for at, end in ((RATES[0], "smallest"), (RATES[-1], "largest"))
        if rate == at
    ]


def _ahead(result: Mapping[str, Any], name: str) -> str:
    seeds, said = result["families"][name], []
    places = [(kind, level) for kind in KINDS for level in levels(seeds, kind)]
    for row in [*ROWS][1:]:
        gaps = [Interval.of(shares(seeds, *at, row) - shares(seeds, *at, "lora")) for at in places]
        more, less = sum(gap.low > 0 for gap in gaps), sum(gap.high < 0 for gap in gaps)
        said.append(f"{ROWS[row]}: more on {more}, less on {less}")
    return (
        f"{name.capitalize()}: compared seed by seed with the copied LoRA on {len(places)} kinds of targets (95 %"
        f" intervals, not corrected), {'; '.join(said)}."
    )


def _predicted(result: Mapping[str, Any], name: str) -> str:
    pairs = {row: predictions(result["families"][name], row) for row in ("lora", CARRIED)}
    (off, rank), (off_carried, rank_carried) = map(errors, pairs.values())
    gaps = pairs[CARRIED][0] - pairs[CARRIED][1]
    return (
        f"{name.capitalize()}: predictions without labels have a median error of {off:.2f} for copied and"
        f" {off_carried:.2f} for carried-over LoRAs; their rank correlations with the measured shares are {rank:.2f}"
        f" and {rank_carried:.2f}. Of the {len(gaps)} predictions for carried-over LoRAs, {(gaps > TOO_MUCH).sum()} are"
        f" too high by over {TOO_MUCH:g} and {(gaps < -TOO_MUCH).sum()} too low."
    )


def lines(result: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            name,
            KINDS[kind],
            f"{mean_cosine(seeds, kind, level):.2f}",
            *(str(share(seeds, kind, level, row)) for row in ROWS),
        ]
        for name, seeds in result["families"].items()
        for kind in KINDS
        for level in levels(seeds, kind)
    ]


def section(result: Mapping[str, Any]) -> str:
    """Return what is on the page: the picture, the shares, and the findings."""
    shown = "Charts: the share of its gain that each adapter keeps, by drift"
    return f"![{shown}](spectrum.png)\n\n{_told(result)}\n"


def text(result: Mapping[str, Any]) -> str:
    return terminal(_told(result) + "\n")


def _told(result: Mapping[str, Any]) -> str:
    seeds = " and ".join(f"{len(some)} of the {name}" for name, some in result["families"].items())
    about = (
        "The share of the gain of a LoRA trained on the target that each adapter keeps: means over seeds"
        f" ({seeds}), ± half the width of the 95 % interval. A share below {LEAST:g} counts as {LEAST:g}."
        " The weight cosine is that before a reparametrisation."
    )
    table = markdown(["family", "target", "weight cosine", *ROWS.values()], lines(result), numbers=True)
    return "\n".join([about, "", *table, "", *(f"- {one}" for one in findings(result))])


def draw(result: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(FULL_WIDTH, 3.8))
    panels = figure.subplots(1, len(result["families"]), sharey=True)
    for axes, (name, seeds) in zip(panels, result["families"].items(), strict=True):
        for row, (colour, marker) in LOOKS.items():
            for kind, style in (("drift", "-"), ("gauge", ":"), ("apart", "")):
                of = levels(seeds, kind)
                x = [mean_cosine(seeds, kind, level) for level in of]
                some = [share(seeds, kind, level, row) for level in of]
                y, half = (np.array([getattr(one, what) for one in some]) for what in ("mean", "half_width"))
                told = f"{ROWS[row]}{', reparametrised target' * (kind == 'gauge')}"
                label = None if kind == "apart" else told
                axes.errorbar(
                    x, y, half, color=colour, marker=marker, ls=style, ms=4, lw=1.2, elinewidth=0.8, label=label
                )
        axes.axhline(0, color=FAINT, lw=0.8)
        axes.axhline(1, color=FAINT, lw=0.8, ls=":")
        axes.set_title(name.capitalize(), loc="left")
        axes.set_xlabel("cosine of the weights")
        axes.set_xlim(1.03, -0.08)
        axes.set_xticks([1, 0.8, 0.6, 0.4, 0], ["1", ".8", ".6", ".4", "independent"])
    panels[0].set_ylabel("share of the gain that is kept")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    title = "As the target drifts away, copies lose their gain; a carried-over LoRA does not"
    figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
    return figure
