"""Means over layers: of all, and of the lowest 20 %, which are the panels (b) and (a) of Fig. 2.

What the paper leaves open about Fig. 2 and we fix: a layer is a tensor; all layers count, norms and biases are shown
apart; the mean is uniform over layers; the lowest 20 % are ⌈0.2 n⌉ layers of each pair's own common layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ioadapt_theory.null import Null


@dataclass(frozen=True, slots=True)
class Entry:
    """One layer's cosine in a pair, its number of elements, and what it would be if the layers were unrelated."""

    cosine: float
    parameters: int
    null: Null | None = None


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over layers; None over no layers, for an average over nothing is not 0."""

    layers: int
    parameters: int
    mean: float | None


def count_of_lowest(fraction: float, layers: int) -> int:
    """Return ⌈fraction · layers⌉, with the fraction as it was written: 0.1 of 30 is 3, not 4."""
    return math.ceil(Fraction(repr(fraction)) * layers)


def lowest(entries: Sequence[Entry], fraction: float) -> list[Entry]:
    """Return the layers with the lowest cosine, at least one."""
    return sorted(entries, key=lambda e: e.cosine)[: count_of_lowest(fraction, len(entries))]


def mean(entries: Sequence[Entry], *, weighted: bool) -> Mean:
    """Return the mean cosine, uniform over layers or weighted by their numbers of elements."""
    parameters = sum(e.parameters for e in entries)
    if not entries:
        return Mean(0, 0, None)
    if weighted:
        return Mean(len(entries), parameters, math.fsum(e.cosine * e.parameters for e in entries) / parameters)
    return Mean(len(entries), parameters, math.fsum(e.cosine for e in entries) / len(entries))


def mean_null(entries: Sequence[Entry], *, weighted: bool) -> Null | None:
    """Return the mean cosine beside that of unrelated layers, which are independent; None if a layer has no null."""
    nulls = [(e.null, e.parameters if weighted else 1) for e in entries if e.null is not None]
    if not nulls or len(nulls) < len(entries):
        return None
    total = sum(weight for _, weight in nulls)
    centre = math.fsum(weight * null.mean for null, weight in nulls) / total
    spread = math.sqrt(math.fsum((weight * null.sd) ** 2 for null, weight in nulls)) / total
    third = math.fsum(null.skew * (weight * null.sd / total) ** 3 for null, weight in nulls)
    mean_cosine = mean(entries, weighted=weighted).mean
    assert mean_cosine is not None, "there are entries"
    return Null(mean_cosine, centre, spread, third / spread**3 if spread > 0 else 0.0)
