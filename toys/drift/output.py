"""Sentences, tables and the figure of a drift record, for the screen and the page."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.style import FAINT, FULL_WIDTH, INK, METHODS
from toys.drift.bins import KINDS, LEAST, ROWS, TOO_MUCH, Bin, ahead, bins, errors, levels, predictions
from toys.drift.moves import CARRIED, RATES
from toys.transfer.output.table import markdown, terminal

LOOKS: Final = {
    "lora": (METHODS["lora"], "o"),
    "input": (METHODS["input"], "^"),
    "output": (METHODS["output"], "s"),
    CARRIED: (INK, "*"),
}
"""Colour and marker of each row of the figure."""


def _table(result: Mapping[str, Any], kind: str) -> tuple[list[str], list[list[str]]]:
    of = {level: rows for (k, level), rows in bins(result).items() if k == kind}
    head = ["cosine of the weights", *(f"{rows['lora'].cosine:.2f}" for rows in of.values())]
    lines = [
        [name, *(f"{rows[row].mean:.2f} ± {rows[row].half:.2f}" for rows in of.values())] for row, name in ROWS.items()
    ]
    return head, lines


def text(result: Mapping[str, Any]) -> str:
    return terminal("\n".join(_lines(result)))


def families(result: Mapping[str, Any]) -> str:
    return " and ".join(f"{name} ({len(seeds)} seeds)" for name, seeds in result["families"].items())


def findings(result: Mapping[str, Any]) -> list[str]:
    of = bins(result)
    drift, gauge = ([rows for (kind, _), rows in of.items() if kind == k] for k in ("drift", "gauge"))
    (apart,) = (rows for (kind, _), rows in of.items() if kind == "apart")
    near, far, half_way = drift[1], drift[-1], len(drift) // 2

    def said(rows: Mapping[str, Bin], row: str) -> str:
        return f"{rows[row].mean:.2f} ± {rows[row].half:.2f}"

    gaps = {row: [ahead(result, level, row) for level in levels(result, "drift")[1:]] for row in [*ROWS][1:]}
    more, less = ({row: sum(sign * gap > half for gap, half in some) for row, some in gaps.items()} for sign in (1, -1))
    count, over = len(drift) - 1, gaps[CARRIED]
    return [
        f"A copied LoRA keeps {said(near, 'lora')} of the gain at a cosine of {near['lora'].cosine:.2f} and"
        f" {said(far, 'lora')} at {far['lora'].cosine:.2f}. At these two cosines, copied input adapters keep"
        f" {said(near, 'input')} and {said(far, 'input')}, and copied output adapters keep {said(near, 'output')} and"
        f" {said(far, 'output')}.",
        "Compared seed by seed with the copied LoRA, copied input adapters keep"
        f" {_at(more['input'], less['input'], count)}. Copied output adapters keep"
        f" {_at(more['output'], less['output'], count)}. A difference counts if its 95 % interval excludes zero.",
        f"A carried-over LoRA keeps {said(near, CARRIED)} of the gain at a cosine of {near['lora'].cosine:.2f} and"
        f" {said(far, CARRIED)} at {far['lora'].cosine:.2f}. Compared with a copy of the same LoRA, it keeps"
        f" {_at(more[CARRIED], less[CARRIED], count)}. The difference between the two shares is"
        f" {over[0][0]:+.2f} ± {over[0][1]:.2f} at the smallest drift and {over[half_way - 1][0]:+.2f} ±"
        f" {over[half_way - 1][1]:.2f} at a cosine of {drift[half_way]['lora'].cosine:.2f}.",
        "On a target that computes the source's function with different weights, a copied LoRA keeps"
        f" {said(gauge[0], 'lora')} of the gain and a carried-over LoRA {said(gauge[0], CARRIED)}. If the target that"
        " has drifted most is reparametrised without changing its function, a copied LoRA keeps"
        f" {said(gauge[-1], 'lora')} and a carried-over LoRA {said(gauge[-1], CARRIED)}.",
        f"On independently trained models, a copied LoRA keeps {said(apart, 'lora')} of the gain, and a carried-over"
        f" LoRA {said(apart, CARRIED)}.",
        *_predicted(result),
        *_edges(result),
    ]


def _at(more: int, less: int, count: int) -> str:
    def said(n: int) -> str:
        some = f"{n} of the {count} levels of drift"
        return f"all {count} levels of drift" if n == count else some if n else "no level of drift"

    if count in (more, less):
        return f"a {'larger' if more else 'smaller'} share at {said(count)}"
    return f"a larger share at {said(more)} and a smaller share at {less or 'none'}"


def _predicted(result: Mapping[str, Any]) -> list[str]:
    both = predictions(result)
    (off, rank), (off_carried, rank_carried) = errors(both["lora"]), errors(both[CARRIED])
    by_family = []
    for name, seeds in result["families"].items():
        gaps = np.array([p - m for p, m in predictions({"families": {name: seeds}})[CARRIED]])
        high, low = (gaps > TOO_MUCH).sum(), (gaps < -TOO_MUCH).sum()
        sides = f"{high} too high, {low} too low; " if high and low else "all too high; " if high else "all too low; "
        wrong, of_all = f"{high + low} of {len(gaps)} for {name}", f"mean error of all {len(gaps)}: {gaps.mean():+.2f}"
        by_family.append(f"{wrong} ({sides if high + low else ''}{of_all})")
    return [
        f"Predictions of the share without labels have a median error of {off:.2f} for copied LoRAs and"
        f" {off_carried:.2f} for carried-over LoRAs. Their rank correlation with the measured shares is {rank:.2f} for"
        f" copied LoRAs and {rank_carried:.2f} for carried-over LoRAs.",
        f"Of the predictions for carried-over LoRAs, these are wrong by over {TOO_MUCH:g}: {', '.join(by_family)}.",
    ]


def _edges(result: Mapping[str, Any]) -> list[str]:
    ends = {RATES[0]: "smallest", RATES[-1]: "largest"}
    return [
        f"The learning rate chosen for {row} adapters in the family {name}, {rate:g}, is the {ends[rate]} one tried."
        for name, rates in result["rates"].items()
        for row, rate in rates.items()
        if rate in ends
    ]


def section(result: Mapping[str, Any]) -> str:
    """Return what is on the page: the picture, the shares by family, and the findings."""
    shown = "Charts: the share of its gain that each adapter keeps, by drift"
    said = [f"- {one}" for one in findings(result)]
    return "\n".join([f"![{shown}](spectrum.png)", "", *markdown(*by_family(result), numbers=True), "", *said]) + "\n"


def by_family(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the shares kept in each family at a small, a middle and the largest drift; families may differ in sign."""
    lines = []
    for name, seeds in result["families"].items():
        of = [rows for (kind, _), rows in bins({"families": {name: seeds}}).items() if kind == "drift"]
        for rows in of[1], of[len(of) // 2], of[-1]:
            cells = (f"{rows[row].mean:.2f} ± {rows[row].half:.2f}" for row in ROWS)
            lines.append([name, f"{rows['lora'].cosine:.2f}", *cells])
    return ["share kept: family", "cosine of the weights", *(ROWS[row] for row in ROWS)], lines


def tables(result: Mapping[str, Any]) -> str:
    return "\n".join(_tables(result)) + "\n"


def _lines(result: Mapping[str, Any]) -> list[str]:
    return [*(f"- {one}" for one in findings(result)), "", *_tables(result)]


def _tables(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "The tables show the share of the gain that each adapter keeps, averaged over the families"
        f" {families(result)}, ± half the width of the 95 % interval. A share below {LEAST:g} counts as {LEAST:g}.",
    ]
    for kind, words in KINDS.items():
        lines += ["", f"Target {words}:", "", *markdown(*_table(result, kind), numbers=True)]
    return lines


def draw(result: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(FULL_WIDTH, 3.8))
    panels = figure.subplots(1, 2, width_ratios=(5, 4), sharey=True)
    of = bins(result)
    for axes, kind, title in zip(
        panels, ("drift", "gauge"), ("Target trained further", "... and in other weights"), strict=True
    ):
        for row, (colour, marker) in LOOKS.items():
            some = [rows[row] for (k, _), rows in of.items() if k == kind]
            x, y, half = (np.array([getattr(b, what) for b in some]) for what in ("cosine", "mean", "half"))
            axes.plot(x, y, color=colour, marker=marker, ms=4, lw=1.2, label=ROWS[row])
            axes.fill_between(x, y - half, y + half, color=colour, alpha=0.15, lw=0)
            for (k, _), rows in of.items():
                if k == "apart" and kind == "drift":
                    axes.errorbar(0, rows[row].mean, rows[row].half, color=colour, marker=marker, ms=4, elinewidth=0.8)
        axes.axhline(0, color=FAINT, lw=0.8)
        axes.axhline(1, color=FAINT, lw=0.8, ls=":")
        axes.set_title(title, loc="left")
        axes.set_xlabel("cosine of the weights")
    panels[0].set_xlim(1.02, -0.05)
    panels[0].set_xticks([1, 0.8, 0.6, 0.4, 0], ["1", ".8", ".6", ".4", "apart"])
    panels[1].set_xlim(1.02, 0.25)
    panels[0].set_ylabel("share of the gain that is kept")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    far = of["drift", levels(result, "drift")[-1]]
    kept = f"a copied LoRA keeps {far['lora'].mean:.2f}, a carried-over one {far[CARRIED].mean:.2f}"
    figure.suptitle(f"On the most drifted targets {kept}", x=0.02, ha="left", fontweight="bold")
    return figure
