"""Shares of the gain (the reduction of the loss) that moved adapters keep on drifted targets, and their predictions."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, Final

import numpy as np
from scipy.stats import spearmanr

from toys.common.stats import Interval
from toys.drift.moves import CARRIED, CEILING

LEAST: Final = -1.0
"""Value to which smaller shares are raised, so that single failures do not dominate the means."""
TOO_MUCH: Final = 0.3
"""Error of a predicted share above which the prediction is reported as too high or too low."""
KINDS: Final = {
    "drift": "trained further",
    "gauge": "trained further, then reparametrised",
    "apart": "trained independently",
}
ROWS: Final = {
    "lora": "LoRA, copied",
    "input": "input, copied",
    "output": "output, copied",
    CARRIED: "LoRA, carried over",
}


def levels(seeds: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """Return the levels of drift, as text, at which every seed of a family has a target of this kind, near ones first.

    The source itself, at level 1, is left out.
    """
    there = set.intersection(*(set(one["targets"][kind]) for one in seeds))
    return sorted((level for level in there if (kind, level) != ("drift", "1")), key=float, reverse=True)


def mean_cosine(seeds: Sequence[Mapping[str, Any]], kind: str, level: str) -> float:
    """Return the mean cosine between the weights of targets and of their sources."""
    return mean(one["targets"][kind][level]["cosine"] for one in seeds)


def shares(seeds: Sequence[Mapping[str, Any]], kind: str, level: str, row: str) -> np.ndarray:
    """Return the shares of a retrained LoRA's gain that ``row`` keeps, by seed; at least LEAST."""
    targets = [one["targets"][kind][level] for one in seeds]
    return np.maximum([at["gain"][row] / at[CEILING] for at in targets], LEAST)


def share(seeds: Sequence[Mapping[str, Any]], kind: str, level: str, row: str) -> Interval:
    return Interval.of(shares(seeds, kind, level, row))


def predictions(seeds: Sequence[Mapping[str, Any]], row: str) -> np.ndarray:
    """Return predicted and measured shares of its gain on the source that LoRA keeps, 2 x (seeds and targets).

    ``row`` is "lora" for copied LoRAs, and CARRIED for those moved by ``transfer``.
    """
    return np.array([
        (at["predicted"][row], at["gain"][row] / one["source"]["lora"])
        for one in seeds
        for kind, targets in one["targets"].items()
        for level, at in targets.items()
        if (kind, level) != ("drift", "1")
    ]).T  # fmt: skip


def errors(pairs: np.ndarray) -> tuple[float, float]:
    """Return the median error of predictions, and their rank correlation with the measured shares."""
    return float(median(abs(pairs[0] - pairs[1]))), float(spearmanr(*pairs).statistic)
