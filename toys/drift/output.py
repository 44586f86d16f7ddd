"""Sentences, tables and the figure of a drift record, for the screen and the page."""

from collections.abc import Mapping
from statistics import mean
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.style import FAINT, FULL_WIDTH, INK, METHODS
from toys.drift.bins import KINDS, LEAST, MAIN, ROWS, TOO_MUCH, WANTED, Bin, ahead, bins, errors, levels, predictions
from toys.drift.moves import AUTO, CARRIED, RATES, SCALED
from toys.transfer.output.table import markdown, terminal

LOOKS: Final = {
    "lora": (METHODS["lora"], "o", "-"),
    SCALED: (METHODS["lora"], "x", ":"),
    "input": (METHODS["input"], "^", "-"),
    "output": (METHODS["output"], "s", "-"),
    "residual": ("#CC79A7", "v", "--"),
    AUTO: ("#56B4E9", "D", "--"),
    CARRIED: (INK, "*", "-"),
}
"""Colour, marker and line style of each row."""


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
    return ", ".join(f"{name} ({len(seeds)} seeds)" for name, seeds in result["families"].items())


def findings(result: Mapping[str, Any]) -> list[str]:
    of = bins(result)
    drift, gauge = ([rows for (kind, _), rows in of.items() if kind == k] for k in ("drift", "gauge"))
    (apart,) = (rows for (kind, _), rows in of.items() if kind == "apart")
    near, far, half_way = drift[1], drift[-1], len(drift) // 2

    def said(rows: Mapping[str, Bin], row: str) -> str:
        return f"{rows[row].mean:.2f} ± {rows[row].half:.2f}"

    gaps = {row: [ahead(result, level, row) for level in levels(result, "drift")[1:]] for row in MAIN[1:]}
    more, less = ({row: sum(sign * gap > half for gap, half in some) for row, some in gaps.items()} for sign in (1, -1))
    count, over = len(drift) - 1, gaps[CARRIED]
    change = mean(rows[SCALED].mean - rows["lora"].mean for rows in drift[1:])
    return [
        f"A copied LoRA keeps {said(near, 'lora')} of the gain at a cosine of {near['lora'].cosine:.2f} and"
        f" {said(far, 'lora')} at {far['lora'].cosine:.2f}. Copied input adapters keep {said(near, 'input')} and"
        f" {said(far, 'input')}, and copied output adapters {said(near, 'output')} and {said(far, 'output')}.",
        f"Compared seed by seed, copied input adapters keep more than the copied LoRA at {more['input']} of {count}"
        f" levels of drift and less at {less['input']}. Copied output adapters keep more at {more['output']} levels and"
        f" less at {less['output']}. A level counts if the 95 % interval of the difference excludes zero.",
        f"A carried-over LoRA keeps {said(near, CARRIED)} and {said(far, CARRIED)} at these two cosines. It keeps more"
        f" than its copy at {more[CARRIED]} of {count} levels and less at {less[CARRIED]}. The difference is"
        f" {over[0][0]:+.2f} ± {over[0][1]:.2f} at the smallest drift and {over[half_way - 1][0]:+.2f} ±"
        f" {over[half_way - 1][1]:.2f} at a cosine of {drift[half_way]['lora'].cosine:.2f}.",
        f"On a target with the source's function but different weights, the copy keeps"
        f" {said(gauge[0], 'lora')} and the carried-over LoRA {said(gauge[0], CARRIED)}. On the target that has"
        f" drifted most, reparametrised without changing its function, they keep {said(gauge[-1], 'lora')} and"
        f" {said(gauge[-1], CARRIED)}.",
        f"On independently trained models, the copy keeps {said(apart, 'lora')}, an adapter on automatically"
        f" chosen sides {said(apart, AUTO)}, and the carried-over LoRA {said(apart, CARRIED)}.",
        "Scaling the copied LoRA by the ratio of the weights' norms changes its share by"
        f" {change:+.2f} on average on drifted models.",
        *_predicted(result),
        _widths(result),
        *_edges(result),
    ]


def _predicted(result: Mapping[str, Any]) -> list[str]:
    both = predictions(result)
    (off, rank), (off_carried, rank_carried) = errors(both["lora"]), errors(both[CARRIED])
    by_family = []
    for name, seeds in result["families"].items():
        gaps = np.array([p - m for p, m in predictions({"families": {name: seeds}})[CARRIED]])
        high, low = (gaps > TOO_MUCH).sum(), (gaps < -TOO_MUCH).sum()
        by_family.append(f"{high} too high and {low} too low of {len(gaps)} ({name}, mean error {gaps.mean():+.2f})")
    return [
        f"Predictions without labels have a median error of {off:.2f} for copies and {off_carried:.2f} for carried-over"
        f" LoRAs. Their rank correlations with the measured shares are {rank:.2f} and {rank_carried:.2f}.",
        f"Number of predictions for carried-over LoRAs that are wrong by more than {TOO_MUCH:g}:"
        f" {'; '.join(by_family)}.",
    ]


def _widths(result: Mapping[str, Any]) -> str:
    halves = [rows[row].half for key, rows in bins(result).items() if key != ("drift", "1") for row in MAIN]
    times = (max(halves) / WANTED) ** 2
    return (
        f"The intervals for copied LoRA, input and output adapters and for the carried-over LoRA should be at most ±"
        f" {WANTED:g}. {sum(half > WANTED for half in halves)} of these {len(halves)} intervals are wider. For the"
        f" widest, ± {max(halves):.2f}, about {times:.0f} times as many seeds would be needed."
    )


def _edges(result: Mapping[str, Any]) -> list[str]:
    ends = {RATES[0]: "smallest", RATES[-1]: "largest"}
    return [
        f"The learning rate chosen for {row} adapters of {name}, {rate:g}, is the {ends[rate]} that was tried."
        for name, rates in result["rates"].items()
        for row, rate in rates.items()
        if rate in ends
    ]


def section(result: Mapping[str, Any]) -> str:
    picture = "![Share kept against drift, and predicted against measured](spectrum.png)"
    return "\n".join([picture, "", *_lines(result)]) + "\n"


def _lines(result: Mapping[str, Any]) -> list[str]:
    lines = [f"- {one}" for one in findings(result)]
    lines += [
        "",
        f"Each number is the mean over the families {families(result)}, ± half the width of its 95 % interval. A"
        f" share below {LEAST:g} counts as {LEAST:g}.",
    ]
    for kind, words in KINDS.items():
        lines += ["", f"Target {words}:", "", *markdown(*_table(result, kind), numbers=True)]
    return lines


def draw(result: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(FULL_WIDTH, 4.2))
    panels = figure.subplots(1, 3, width_ratios=(5, 4, 4))
    of = bins(result)
    for axes, kind, title in zip(
        panels, ("drift", "gauge"), ("Target trained further", "... and in other weights"), strict=False
    ):
        for row, name in ROWS.items():
            some = [rows[row] for (k, _), rows in of.items() if k == kind]
            colour, marker, line = LOOKS[row]
            x, y, half = (np.array([getattr(b, what) for b in some]) for what in ("cosine", "mean", "half"))
            axes.plot(x, y, line, color=colour, marker=marker, ms=4, lw=1.2, label=name)
            if row in MAIN:
                axes.fill_between(x, y - half, y + half, color=colour, alpha=0.15, lw=0)
            for (k, _), rows in of.items():
                if k == "apart" and kind == "drift":
                    axes.errorbar(0, rows[row].mean, rows[row].half, color=colour, marker=marker, ms=4, elinewidth=0.8)
        axes.axhline(0, color=FAINT, lw=0.8)
        axes.axhline(1, color=FAINT, lw=0.8, ls=":")
        axes.set_ylim(LEAST - 0.05, 1.12)
        axes.set_title(title, loc="left")
        axes.set_xlabel("cosine of the weights")
    panels[0].set_xlim(1.02, -0.05)
    panels[0].set_xticks([1, 0.8, 0.6, 0.4, 0], ["1", ".8", ".6", ".4", "apart"])
    panels[1].set_xlim(1.02, 0.25)
    panels[0].set_ylabel("kept (1: as if trained there)")
    for row, pairs in predictions(result).items():
        colour, marker, _ = LOOKS[row]
        panels[2].plot(*np.clip(np.transpose(pairs), -1.5, 1.5), marker, color=colour, ms=3, alpha=0.4, mew=0)
    panels[2].plot([-1.5, 1.5], [-1.5, 1.5], color=FAINT, lw=0.8)
    panels[2].set_title("LoRA, predicted", loc="left")
    panels[2].set_xlabel("predicted share")
    panels[2].set_ylabel("measured share of the source's gain")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    far = of["drift", levels(result, "drift")[-1]]
    kept = f"a copied LoRA keeps {far['lora'].mean:.2f}, a carried-over one {far[CARRIED].mean:.2f}"
    figure.suptitle(f"On the most drifted targets {kept}", x=0.02, ha="left", fontweight="bold")
    return figure
