"""Means over layers: of all, and of the lowest 20 %, which are the panels (b) and (a) of Fig. 2.

What the paper leaves open about Fig. 2 and we fix: a layer is a tensor; all layers count, norms and biases are shown
apart; the mean is uniform over layers; the lowest 20 % are ⌈0.2 n⌉ layers of each pair's own common layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True, slots=True)
class Entry:
    """One layer's cosine in a pair, its number of elements, and what it would be if the layers were unrelated."""

    cosine: float
    parameters: int
    baseline: tuple[float, float] | None = None
    subspace: float | None = None
    excess: float | None = None


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over layers; None over no layers, for an average over nothing is not 0."""

    layers: int
    parameters: int
    mean: float | None


def count_of_lowest(fraction: float, layers: int) -> int:
    """⌈fraction · layers⌉, with the fraction as it was written: 0.1 of 30 is 3, not 4."""
    return math.ceil(Fraction(repr(fraction)) * layers)


def lowest(entries: Sequence[Entry], fraction: float) -> list[Entry]:
    """The layers with the lowest cosine, at least one."""
    return sorted(entries, key=lambda e: e.cosine)[: count_of_lowest(fraction, len(entries))]


def mean(entries: Sequence[Entry], *, weighted: bool) -> Mean:
    """Mean cosine, uniform over layers or weighted by their numbers of elements."""
    parameters = sum(e.parameters for e in entries)
    if not entries:
        return Mean(0, 0, None)
    if weighted:
        return Mean(len(entries), parameters, math.fsum(e.cosine * e.parameters for e in entries) / parameters)
    return Mean(len(entries), parameters, math.fsum(e.cosine for e in entries) / len(entries))


def mean_baseline(entries: Sequence[Entry], *, weighted: bool) -> tuple[float, float] | None:
    """Mean and standard deviation of the mean cosine of unrelated layers; layers are independent."""
    known = [(e.baseline, e.parameters if weighted else 1) for e in entries if e.baseline is not None]
    if not known or len(known) < len(entries):
        return None
    total = sum(w for _, w in known)
    centre = math.fsum(w * b[0] for b, w in known) / total
    return centre, float(np.sqrt(math.fsum((w * b[1]) ** 2 for b, w in known))) / total
