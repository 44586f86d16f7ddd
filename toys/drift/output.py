"""What is kept as a target drifts away: bins over families and seeds, on the screen, on a page, in a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr, t

from toys.common.style import FAINT, FULL_WIDTH, INK, METHODS
from toys.drift.moves import AUTO, CARRIED, CEILING, SCALED
from toys.transfer.output.table import markdown, terminal

LEAST: Final = -1.0
"""A share below this counts as this: how far an adapter that does harm goes is not the question."""
WANTED: Final = 0.05
"""Half-width of a bin's interval that is asked for."""
TOO_MUCH: Final = 0.3
"""Of the source's gain, by which a prediction is called too high."""
KINDS: Final = {
    "drift": "trained further",
    "gauge": "trained further, then put in other weights of the same function",
    "apart": "trained apart",
}
ROWS: Final = {
    "lora": "LoRA, copied",
    SCALED: "LoRA, scaled by the norms",
    "input": "input, copied",
    "output": "output, copied",
    "residual": "residual, copied (bytes)",
    AUTO: "side by the law, copied",
    CARRIED: "LoRA, carried over",
}
MAIN: Final = ("lora", "input", "output", CARRIED)
"""Rows of which the interval is asked for."""
LOOKS: Final = {
    "lora": (METHODS["lora"], "o", "-"),
    SCALED: (METHODS["lora"], "x", ":"),
    "input": (METHODS["input"], "^", "-"),
    "output": (METHODS["output"], "s", "-"),
    "residual": ("#CC79A7", "v", "--"),
    AUTO: ("#56B4E9", "D", "--"),
    CARRIED: (INK, "*", "-"),
}
"""Colour, marker and line of a row."""


@dataclass(frozen=True, slots=True)
class Bin:
    """One row on the targets of one kind and level.

    Attributes:
        cosine: mean cosine of the weights with the source's.
        mean: share of what LoRA gains that is trained there; the mean of the families' means.
        half: half of its 95 % interval, from the spread over seeds in each family.
        moves: how many there are.
    """

    cosine: float
    mean: float
    half: float
    moves: int


def levels(result: Mapping[str, Any], kind: str) -> list[str]:
    """Return the levels of a kind that every seed of every family has, from near to far."""
    there = [set(one["targets"][kind]) for seeds in result["families"].values() for one in seeds]
    return sorted(set.intersection(*there), key=float, reverse=True)


def shares(result: Mapping[str, Any], family: str, kind: str, level: str, row: str) -> np.ndarray:
    """Return what a row keeps of the gain of retraining, by seed; nothing where the family does not have the row."""
    targets = [one["targets"][kind][level] for one in result["families"][family]]
    known = [at["gain"][row] / at[CEILING] for at in targets if row in at["gain"]]
    return np.maximum(np.asarray(known, dtype=float), LEAST)


def binned(result: Mapping[str, Any], kind: str, level: str, row: str) -> Bin:
    """Return one row on the targets of one kind and level."""
    cosines = [one["targets"][kind][level]["cosine"] for seeds in result["families"].values() for one in seeds]
    found = [shares(result, family, kind, level, row) for family in result["families"]]
    middle, half = pooled([some for some in found if len(some)])
    return Bin(mean(cosines), middle, half, sum(map(len, found)))


def ahead(result: Mapping[str, Any], level: str, row: str) -> tuple[float, float]:
    """Return how much more a row keeps than a copied LoRA on drifted targets, paired by seed; half of its interval."""
    pairs = [[shares(result, f, "drift", level, r) for r in (row, "lora")] for f in result["families"]]
    return pooled([mine - copied for mine, copied in pairs])


def pooled(found: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the mean of the families' means, and half of its 95 % interval by Welch and Satterthwaite."""
    parts = np.array([some.var(ddof=1) / len(some) for some in found]) / len(found) ** 2
    freedom = parts.sum() ** 2 / max(sum(p**2 / (len(some) - 1) for p, some in zip(parts, found, strict=True)), 1e-30)
    half = float(t.ppf(0.975, max(freedom, 1.0)) * np.sqrt(parts.sum())) if parts.any() else 0.0
    return float(np.mean([some.mean() for some in found])), half


def bins(result: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Bin]]:
    """Return (kind, level) -> row -> bin."""
    return {
        (kind, level): {row: binned(result, kind, level, row) for row in ROWS}
        for kind in KINDS
        for level in levels(result, kind)
    }


def predictions(result: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Return row -> (predicted, measured) share of the source's gain; targets that are the source itself left out."""
    found: dict[str, list[tuple[float, float]]] = {"lora": [], CARRIED: []}
    for seeds in result["families"].values():
        for one in seeds:
            for kind, targets in one["targets"].items():
                for level, at in targets.items():
                    for row, pairs in found.items():
                        if (kind, level) != ("drift", "1"):
                            pairs.append((at["predicted"][row], at["gain"][row] / one["source"]["lora"]))
    return found


def errors(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the median error of predictions and their rank correlation with what was measured."""
    return median(abs(p - m) for p, m in pairs), float(spearmanr(*zip(*pairs, strict=True)).statistic)


def _table(result: Mapping[str, Any], kind: str) -> tuple[list[str], list[list[str]]]:
    of = {level: rows for (k, level), rows in bins(result).items() if k == kind}
    head = ["cosine of the weights", *(f"{rows['lora'].cosine:.2f}" for rows in of.values())]
    lines = [
        [name, *(f"{rows[row].mean:.2f} ± {rows[row].half:.2f}" for rows in of.values())] for row, name in ROWS.items()
    ]
    return head, lines


def text(result: Mapping[str, Any]) -> str:
    """Return what the record shows for the screen: sentences and tables."""
    return terminal("\n".join(_lines(result)))


def families(result: Mapping[str, Any]) -> str:
    """Return the families with their seeds, as words."""
    return ", ".join(f"{name} ({len(seeds)} seeds)" for name, seeds in result["families"].items())


def findings(result: Mapping[str, Any]) -> list[str]:
    """Return what the record shows, a sentence each, every number from it."""
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
        f" {said(far, 'input')}, copied output adapters {said(near, 'output')} and {said(far, 'output')}.",
        f"Seed by seed, copied input adapters keep more than the copied LoRA at {more['input']} of {count} levels of"
        f" drift and less at {less['input']}, copied output adapters more at {more['output']} and less at"
        f" {less['output']} (where the 95 % interval leaves out zero).",
        f"A LoRA that is carried over keeps {said(near, CARRIED)} and {said(far, CARRIED)}: more than its copy at"
        f" {more[CARRIED]} of {count} levels and less at {less[CARRIED]}. The difference is {over[0][0]:+.2f} ±"
        f" {over[0][1]:.2f} at the smallest drift and {over[half_way - 1][0]:+.2f} ± {over[half_way - 1][1]:.2f} at a"
        f" cosine of {drift[half_way]['lora'].cosine:.2f}.",
        f"On a target that computes the same as the source with other weights, the copy keeps"
        f" {said(gauge[0], 'lora')} and the carried-over LoRA {said(gauge[0], CARRIED)}. On the target that has drifted"
        f" most, in other weights of its function, they keep {said(gauge[-1], 'lora')} and {said(gauge[-1], CARRIED)}.",
        f"On models that were trained apart the copy keeps {said(apart, 'lora')}, an adapter that is trained on the"
        f" sides that the law names {said(apart, AUTO)}, and the carried-over LoRA {said(apart, CARRIED)}.",
        f"Scaling the copy by the ratio of the norms changes its share by {change:+.2f} on average where models drift.",
        *_predicted(result),
        _widths(result),
    ]


def _predicted(result: Mapping[str, Any]) -> list[str]:
    """Return how good the predictions are: over all moves, and for carried-over LoRAs by family, in both directions."""
    both = predictions(result)
    (off, rank), (off_carried, rank_carried) = errors(both["lora"]), errors(both[CARRIED])
    by_family = []
    for name, seeds in result["families"].items():
        gaps = np.array([p - m for p, m in predictions({"families": {name: seeds}})[CARRIED]])
        high, low = (gaps > TOO_MUCH).sum(), (gaps < -TOO_MUCH).sum()
        by_family.append(f"{high} too high and {low} too low of {len(gaps)} ({name}, mean error {gaps.mean():+.2f})")
    return [
        f"Predictions without labels have a median error of {off:.2f} for copies and {off_carried:.2f} for carried-over"
        f" LoRAs. Their rank correlations with what was measured are {rank:.2f} and {rank_carried:.2f}.",
        f"Predictions for carried-over LoRAs that are wrong by more than {TOO_MUCH:g}: {'; '.join(by_family)}.",
    ]


def _widths(result: Mapping[str, Any]) -> str:
    """Return how many bins of the main rows have a wider interval than was asked for, and what narrower ones take."""
    halves = [rows[row].half for key, rows in bins(result).items() if key != ("drift", "1") for row in MAIN]
    times = (max(halves) / WANTED) ** 2
    return (
        f"Intervals of ± {WANTED:g} were asked for, of LoRA, input and output adapters that are copied and of the"
        f" carried-over LoRA. {sum(half > WANTED for half in halves)} of these {len(halves)} intervals are wider. The"
        f" widest is ± {max(halves):.2f}: it would take about {times:.0f} times as many seeds."
    )


def section(result: Mapping[str, Any]) -> str:
    """Return the section of the page, in Markdown."""
    picture = "![Share kept against drift, and predicted against measured](spectrum.png)"
    return "\n".join([picture, "", *_lines(result)]) + "\n"


def _lines(result: Mapping[str, Any]) -> list[str]:
    lines = [f"- {one}" for one in findings(result)]
    lines += [
        "",
        f"Each number is the mean over {families(result)}, ± half of its 95 % interval. A share below {LEAST:g}"
        f" counts as {LEAST:g}.",
    ]
    for kind, words in KINDS.items():
        lines += ["", f"Target {words}:", "", *markdown(*_table(result, kind), numbers=True)]
    return lines


def draw(result: Mapping[str, Any]) -> Figure:
    """Return kept against drift, a line a row with its band, alone and with other weights; predicted and measured."""
    figure = Figure(figsize=(FULL_WIDTH, 3.9))
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
    panels[2].set_title("Predicted", loc="left")
    panels[2].set_xlabel("predicted share")
    panels[2].set_ylabel("measured share of the source's gain")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
