"""The table and the figure of a record of SmolLM2: the share of its gain that an adapter keeps on each target."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from toys.common.stats import Interval, ratio
from toys.common.style import FULL_WIDTH, INK
from toys.common.style import METHODS as COLOURS
from toys.llm.study import BICO, CARRIED, FIFTY, MAPPED, METHODS, NONE, RETRAINED, SCALED, SOURCE, THESEUS, ZERO
from toys.transfer import records
from toys.transfer.output import table

DECIDED: Final = 3.0
"""Number of standard errors that the gain of a LoRA trained on a target must have, or the target is left out."""
ROWS: Final = {
    "LoRA": (COLOURS["lora"], "o"),
    "LoRA on the first layers": (COLOURS["lora-first"], "v"),
    "input": (COLOURS["input"], "^"),
    "output": (COLOURS["output"], "s"),
    CARRIED: (INK, "*"),
}
"""Row of the figure -> its colour and marker."""
MOVED: Final = {
    "LoRA": "copy", SCALED: "copy, best strength", THESEUS: "Theseus", BICO: "BiCo", MAPPED: "map",
    CARRIED: "default", FIFTY: "50 steps", ZERO: "distilled from zero",
}  # fmt: skip
"""Ways to move a LoRA, as rows of the record and as columns of the table."""
LAYERED: Final = {"q and v": "", "all": " on all linear layers"}


def losses(result: Mapping[str, Any], model: str, row: str) -> np.ndarray:
    """Return the losses on test rows, seeds x rows."""
    return np.array([one[model][row]["losses"] for one in result["seeds"].values()])


def gains(result: Mapping[str, Any], model: str, row: str) -> np.ndarray:
    """Return by how much an adapter lowers the losses on test rows, seeds x rows."""
    return losses(result, model, NONE) - losses(result, model, row)


def only(result: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    """Return the seeds with which a target was measured."""
    return {"seeds": {seed: one for seed, one in result["seeds"].items() if target in one}}


def share(result: Mapping[str, Any], target: str, row: str, of: str = SOURCE) -> Interval:
    """Return the share of a gain that an adapter keeps: of its own on SOURCE, or of a LoRA trained on the target.

    The interval is a jackknife's, over seeds, or over test rows if there is one seed.
    """
    result = only(result, target)
    moved, method = gains(result, target, row), row if row in METHODS else "LoRA"
    own = gains(result, SOURCE, method) if of == SOURCE else gains(result, target, RETRAINED)
    return ratio(moved, own) if len(own) == 1 else ratio(moved.mean(1), own.mean(1))


def difference(result: Mapping[str, Any], target: str, row: str) -> np.ndarray:
    """Return the share of its own gain that a copy keeps minus that of a copied LoRA, for each seed."""
    result = only(result, target)
    ours, loras = (np.divide(*(gains(result, at, m).mean(1) for at in (target, SOURCE))) for m in (row, "LoRA"))
    return np.asarray(ours - loras)


def targets(result: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the targets, and those on which a LoRA that is trained there gains nothing, which are left out."""
    every = [model for model in next(iter(result["seeds"].values())) if model != SOURCE]
    idle = []
    for target in every:
        own = gains(only(result, target), target, RETRAINED).mean(0)
        if own.mean() <= DECIDED * own.std(ddof=1) / np.sqrt(len(own)):
            idle.append(target)
    return [one for one in every if one not in idle], idle


def measured(result: Mapping[str, Any], some: Iterable[str]) -> list[str]:
    """Return those of some rows that are in the record for all seeds and targets."""
    every = [found for one in result["seeds"].values() for model, found in one.items() if model != SOURCE]
    return [row for row in some if all(row in found for found in every)]


def markdown(result: Mapping[str, Any]) -> str:
    """Return the tables of shares in Markdown: of copied adapters, and of ways to move a LoRA."""
    shown, idle = targets(result)
    one = next(iter(result["seeds"].values()))
    cosines = {target: one[target][NONE]["cosine"] for target in shown}
    copies, moved = measured(result, METHODS), measured(result, MOVED)
    kinds = [
        [labelled(result, name), "-" if cosine is None else f"{cosine:.3f}"]
        + [f"{share(result, name, row)}; {share(result, name, row, name).mean:.2f}" for row in copies]
        + [str(Interval.of(difference(result, name, "input")))]
        for name, cosine in cosines.items()
    ]
    ways = [
        [labelled(result, name), *(f"{share(result, name, row)}{_predicted(result, name, row)}" for row in moved)]
        for name in shown
    ]
    left = f"\nA LoRA trained there gains nothing on: {', '.join(idle)}.\n" if idle else ""
    layers = LAYERED[result["layers"]]
    base, adapted = (losses(result, SOURCE, row).mean() for row in (NONE, "LoRA"))
    return (
        f"On {result['task'].title()} messages ({_seeds(result)}), the source has a loss of {base:.2f}"
        f" nats per token, and {adapted:.2f} with its LoRA{layers}. Copied adapters: share of the adapter's own gain;"
        " of the gain of a LoRA trained on the target. The difference is one of own gains, paired by seed.\n\n"
        + "\n".join(table.markdown(["target", "weight cosine", *copies, "input minus LoRA"], kinds, numbers=True))
        + "\n\nWays to move the LoRA: share of its own gain (predicted):\n\n"
        + "\n".join(table.markdown(["target", *(MOVED[row] for row in moved)], ways, numbers=True))
        + f"\n{left}"
    )


def _seeds(result: Mapping[str, Any]) -> str:
    n = len(result["seeds"])
    return f"{n} seed{'s' * (n > 1)}"


def labelled(result: Mapping[str, Any], target: str) -> str:
    """Return the name of a target, with the number of its seeds if some are missing."""
    own = only(result, target)
    return target if len(own["seeds"]) == len(result["seeds"]) else f"{target} ({_seeds(own)})"


def _predicted(result: Mapping[str, Any], target: str, row: str) -> str:
    said = [seed[target][row].get("predicted") for seed in only(result, target)["seeds"].values()]
    return "" if None in said else f" ({np.mean(said):z.2f})"


def text(result: Mapping[str, Any]) -> str:
    return table.terminal(markdown(result))


def recorded() -> dict[str, Any]:
    """Return the records of the study by task."""
    return {path.stem: records.read(path) for path in sorted(records.DATA.glob("smollm_*.json"))}


def section() -> str:
    """Return the section on the records, in Markdown, for the page."""
    alt = "Chart: the share of its gain on SmolLM2 that each adapter keeps, by target"
    parts = [f"![{alt}]({name}.png)\n\n{markdown(one)}" for name, one in recorded().items()]
    return "\n".join(parts) or "There is no record yet of `python toys/smollm.py`.\n"


def draw(result: Mapping[str, Any]) -> Figure:
    """Draw the share of its own gain that each adapter keeps on each target, with the intervals of ``share``."""
    shown, _ = targets(result)
    figure = Figure(figsize=(FULL_WIDTH, 0.42 * len(shown) + 1.6))
    axes, some = figure.subplots(), measured(result, ROWS)
    for k, row in enumerate(some):
        found = [share(result, target, row) for target in shown]
        at = np.arange(len(shown)) + (k - (len(some) - 1) / 2) * 0.12
        means = [one.mean for one in found]
        colour, marker = ROWS[row]
        widths = [one.half_width for one in found]
        axes.errorbar(means, at, xerr=widths, fmt=marker, color=colour, label=row, ms=4, elinewidth=0.8)
    for x, style in ((0, "-"), (1, ":")):
        axes.axvline(x, color=INK, lw=0.6, ls=style)
    axes.set_yticks(range(len(shown)), [labelled(result, target) for target in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel("share of its gain on SmolLM2 that an adapter keeps (1: all)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    title = f"Adapters of SmolLM2-135M{LAYERED[result['layers']]}, trained on {result['task'].title()} messages"
    figure.suptitle(title, x=0.02, ha="left", fontweight="bold")
    return figure
