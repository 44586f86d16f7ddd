"""A section of the page and a figure on how well weights alone predict transfer, over the recorded studies."""

import textwrap
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.stats import Interval
from toys.common.style import FAINT, FULL_WIDTH, LABELS, MARKERS, METHODS
from toys.transfer.output import table
from toys.transfer.output.picture import HEADLINE
from toys.transfer.output.prediction import HALF, HARM, Choice, Move, Threshold, balanced, choices, moves, threshold
from toys.transfer.protocol import protocol

GROUPS: Final = {
    "related": "related",
    "exact": "same function, different weights",
    "strangers": "trained independently",
}
SHAPES: Final = {**MARKERS, "residual": "v", "opposite": "X"}
BINS, FEWEST = 10, 4
"""Number of bins of the score from 0 to 1, and minimum number of moved adapters in a bin that is drawn."""
COLOURS: Final = {**METHODS, "residual": "#CC79A7", "opposite": "#E69F00"}


def everything(records: Mapping[str, Any]) -> list[Move]:
    plans = {name: protocol(name) for name in records}
    return [m for name, result in records.items() if "input" in plans[name].methods for m in moves(plans[name], result)]


def withheld(some: Sequence[Move], fixed: Threshold) -> list[Move]:
    return [move for move in some if move.toy != fixed.toy or move.seed not in fixed.seeds]


def section(records: Mapping[str, Any]) -> str:
    fixed = threshold()
    found = withheld(everything(records), fixed)
    lines = [
        "## Can weights alone predict transfer?",
        "",
        "The score of an input or output side is the similarity of the two models' weights on this side beyond chance"
        " (0 for unrelated weights, 1 for identical ones), averaged over the adapted layers. A LoRA depends on both"
        " sides of a layer, so in every layer, the lower of the two similarities counts. If the score is at least"
        f" {fixed.least:g}, the adapter is predicted to keep over half of its gain. For each pair of models, the"
        " adapter with the highest score is chosen (LoRA in case of a tie to two digits), or none if this score is"
        f" below {fixed.least:g}. This limit was chosen on {fixed.fixed}, from the"
        f" first {len(fixed.seeds)} seeds of `{fixed.toy}`; all results below are from the other seeds of this study"
        " and from other studies. The share that an adapter keeps is its gain on the target, divided by the gain of the"
        " same method trained on the target; if only LoRA was trained there, by its gain; and if neither was, by the"
        " gain of the method on the source.",
        "",
        f"**{headline(found, fixed)}.**",
        "",
        "![Charts: the share of the gain that adapters keep against their score, by kind of target](prediction.png)",
        "",
        *_hits(found, fixed),
        "",
        f"The next table shows the shares that are kept by the chosen adapter (0 if no score reaches {fixed.least:g}),"
        " by the one with the highest score (regardless of the limit), by LoRA, by the input adapter, and by the"
        " adapter that turned out to be the best (at least 0). Shares are clipped to the range from -1 to 1, and"
        " averaged over pairs of models.",
        "",
        *_sides(found, fixed),
    ]
    return "\n".join(lines) + "\n"


def headline(found: Sequence[Move], fixed: Threshold) -> str:
    pairs = choices([move for move in found if move.group == "related"], fixed.least)
    ours, loras, _ = (mean(map(_clipped, kept)) for kept in zip(*map(_kept, pairs), strict=True))
    good = [move for move in found if move.kept > HALF]
    missed = sum(move.score is None or move.score < fixed.least for move in good)
    return (
        f"On related models, the adapter chosen from weights keeps {ours:.2f} of its gain on average, and"
        f" LoRA keeps {loras:.2f}. Of the {len(good)} adapters, on targets of any kind, that keep over half of their"
        f" gain, {missed} have a score below {fixed.least:g}"
    )


def _groups(toy: str) -> dict[str, str]:
    """Return group -> its name in a table; a study with twins has controls instead of independently trained targets."""
    return GROUPS | ({"strangers": "controls"} if protocol(toy).twins else {})


def _hits(found: Sequence[Move], fixed: Threshold) -> list[str]:
    head = [
        "study",
        "target",
        "adapters",
        "kept over half, of those predicted to (did harm)",
        "kept over half, of those predicted not to",
        "balanced accuracy",
    ]
    lines = []
    for toy in dict.fromkeys(move.toy for move in found):
        for group, words in _groups(toy).items():
            some = [move for move in found if (move.toy, move.group) == (toy, group)]
            if not some:
                continue
            said = [m for m in some if m.score is not None and m.score >= fixed.least]
            rest = [m for m in some if m not in said]
            kept, missed = (sum(m.kept > HALF for m in part) for part in (said, rest))
            harm = sum(m.kept < HARM for m in said)
            right = f"{balanced(some, fixed.least):.2f}"
            cells = [toy, words, str(len(some)), f"{kept} of {len(said)} ({harm})", f"{missed} of {len(rest)}", right]
            lines.append(cells)
    return table.markdown(head, lines)


def _sides(found: Sequence[Move], fixed: Threshold) -> list[str]:
    head = ["study", "target", "pairs", "chosen", "highest", "LoRA", "input", "best", "chosen minus LoRA"]
    lines = []
    for toy in dict.fromkeys(move.toy for move in found):
        for group, words in _groups(toy).items():
            some = [move for move in found if (move.toy, move.group) == (toy, group)]
            if not some:
                continue
            pairs = choices(some, fixed.least)
            always = {m.pair: m.kept for m in some if m.row == "input"}
            inputs = mean(_clipped(always[p.pair]) for p in pairs)
            highest = mean(_clipped(p.kept) for p in choices(some, -1.0))
            ours, loras, most = (mean(map(_clipped, kept)) for kept in zip(*map(_kept, pairs), strict=True))
            seeds = sorted({p.pair[-1] for p in pairs})  # seeds are the replicates, not targets of one seed
            gaps = [mean(_clipped(p.kept) - _clipped(p.lora) for p in pairs if p.pair[-1] == seed) for seed in seeds]
            gap = Interval.of(gaps)
            means = (f"{x:.2f}" for x in (ours, highest, loras, inputs, most))
            lines.append([toy, words, str(len(pairs)), *means, f"{gap.mean:+.2f} ± {gap.half_width:.2f}"])
    return table.markdown(head, lines)


def _kept(pair: Choice) -> tuple[float, float, float]:
    return pair.kept, pair.lora, pair.most


def _clipped(kept: float) -> float:
    return max(-1.0, min(1.0, kept))


def draw(records: Mapping[str, Any]) -> Figure:
    """Return a scatter plot of kept shares of the gain against scores, with a panel for each kind of target.

    Each dot is a moved adapter. Lines connect the means over bins of the score with at least FEWEST dots.
    """
    fixed = threshold()
    found = withheld(everything(records), fixed)
    figure = Figure(figsize=(FULL_WIDTH, 3.1))
    panels = figure.subplots(1, len(GROUPS), sharey=True)
    rows = list(dict.fromkeys(move.row for move in found))
    for axes, (group, words) in zip(panels, GROUPS.items(), strict=True):
        for row in rows:
            some = [m for m in found if m.group == group and m.row == row and m.score is not None]
            x, y = np.array([m.score for m in some]), np.clip([m.kept for m in some], -1.2, 1.6)
            look = {"color": COLOURS.get(row, FAINT), "marker": SHAPES.get(row, "v")}
            axes.plot(x, y, **look, ls="", ms=2, alpha=0.15, mew=0)
            bin_of = np.minimum(np.floor(x * BINS), BINS - 1)
            bins = [k for k in range(-1, BINS) if (bin_of == k).sum() >= FEWEST]
            means = [[of[bin_of == k].mean() for k in bins] for of in (x, y)]
            axes.plot(*means, **look, ms=5, lw=1.2, label=LABELS.get(row, row))
        axes.axvline(fixed.least, color=FAINT, lw=0.8)
        axes.axhline(HALF, color=FAINT, lw=0.8, ls=":")
        axes.set_title(words, loc="left", fontsize=9)
        axes.set_xlim(-0.1, 1.05)
    panels[0].set_ylabel("kept of the gain")
    panels[1].set_xlabel("share of the side's space that both models have in common, beyond chance (mean over layers)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(rows))
    figure.suptitle(textwrap.fill(headline(found, fixed), HEADLINE), x=0.02, ha="left", fontweight="bold")
    return figure
