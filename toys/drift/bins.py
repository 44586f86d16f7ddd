"""Shares of the gain (the reduction of the loss) that moved adapters keep, averaged over families of models and seeds.

The average is formed for every kind and level of target, and the shares are compared with predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Final

import numpy as np
from scipy.stats import spearmanr, t

from toys.drift.moves import CARRIED, CEILING

LEAST: Final = -1.0
"""Value to which smaller shares are raised, so that single failures do not dominate the means."""
TOO_MUCH: Final = 0.3
"""Error of a predicted share above which the prediction is reported as too high or too low."""
KINDS: Final = {
    "drift": "trained further",
    "gauge": "trained further, then reparametrised without changing its function",
    "apart": "trained independently",
}
ROWS: Final = {
    "lora": "LoRA, copied",
    "input": "input, copied",
    "output": "output, copied",
    CARRIED: "LoRA, carried over",
}


@dataclass(frozen=True, slots=True)
class Bin:
    """The share kept by adapters of one kind, a key of ROWS, on targets of one kind, a key of KINDS, at one level.

    Attributes:
        cosine: mean cosine between the weights of the targets and of their sources.
        mean: the share that is kept of the gain of a LoRA trained on the target, averaged over families.
        half: half-width of the 95 % interval of ``mean``, from the spread over the seeds of each family.
    """

    cosine: float
    mean: float
    half: float


def levels(result: Mapping[str, Any], kind: str) -> list[str]:
    """Return the cosines, as text, at which every seed of every family has a target of this kind, largest first."""
    there = [set(one["targets"][kind]) for seeds in result["families"].values() for one in seeds]
    return sorted(set.intersection(*there), key=float, reverse=True)


def shares(result: Mapping[str, Any], family: str, kind: str, level: str, row: str) -> np.ndarray:
    """Return the shares of a retrained LoRA's gain that ``row`` keeps, by seed; at least LEAST."""
    targets = [one["targets"][kind][level] for one in result["families"][family]]
    return np.maximum([at["gain"][row] / at[CEILING] for at in targets], LEAST)


def binned(result: Mapping[str, Any], kind: str, level: str, row: str) -> Bin:
    cosines = [one["targets"][kind][level]["cosine"] for seeds in result["families"].values() for one in seeds]
    found = [shares(result, family, kind, level, row) for family in result["families"]]
    return Bin(mean(cosines), *pooled(found))


def ahead(result: Mapping[str, Any], level: str, row: str) -> tuple[float, float]:
    """Compare what the adapter ``row`` keeps with what a copied LoRA keeps, on the drifted targets of one level.

    Returns:
        The mean difference of their shares, positive if the adapter keeps more, and the half-width of its 95 %
        interval.
    """
    pairs = [[shares(result, f, "drift", level, r) for r in (row, "lora")] for f in result["families"]]
    return pooled([mine - copied for mine, copied in pairs])


def pooled(found: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the mean of the samples' means, and the half-width of its 95 % interval (Welch-Satterthwaite)."""
    parts = np.array([some.var(ddof=1) / len(some) for some in found]) / len(found) ** 2
    freedom = parts.sum() ** 2 / max(sum(p**2 / (len(some) - 1) for p, some in zip(parts, found, strict=True)), 1e-30)
    half = float(t.ppf(0.975, max(freedom, 1.0)) * np.sqrt(parts.sum())) if parts.any() else 0.0
    return float(np.mean([some.mean() for some in found])), half


def bins(result: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Bin]]:
    return {
        (kind, level): {row: binned(result, kind, level, row) for row in ROWS}
        for kind in KINDS
        for level in levels(result, kind)
    }


def predictions(result: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Return pairs (predicted, measured) of the share of its gain on the source that LoRA keeps, by seed and target.

    The key is "lora" for copied LoRAs, and CARRIED for those moved by ``transfer``. The source itself is left out.
    """
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
    return median(abs(p - m) for p, m in pairs), float(spearmanr(*zip(*pairs, strict=True)).statistic)
