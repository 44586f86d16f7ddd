"""Which layer of one model each layer of another was made from, by what the layers contain: alignment over depth.

Blocks are removed and the rest is numbered anew (LLMs, BK-SDM, SSD-1B, ...), so that equal names are other layers. In
every list of alike parts (``layers.0``, ``layers.1``, ...) of two models, those that contain the same are found by
monotone dynamic programming over their numbers, lists within lists included. A few thousand values of each matrix tell
it: strangers have a correlation of 0 ± 1/√values.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float

SIGNIFICANT: Final = 6.0
"""Standard errors of strangers' correlation that count as evidence; one in 10⁹ strangers is above."""

LEAST: Final = 0.1
"""The mean correlation below which nothing is said: layers of one architecture have a little structure in common."""

SURE: Final = 0.5
"""The mean correlation at which parts of equal name are taken for the same without a look at others."""

Pair = tuple[str, str, float]
"""A layer of the source, one of the target, and the correlation of the two."""
Shape = tuple[int, ...]
Values = Float[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a model's matrices contain.

    Attributes:
        shapes: name -> shape.
        values: some values of a matrix, at the same places for equal shapes.
    """

    shapes: Mapping[str, Shape]
    values: Callable[[str], Values]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Layers of a target that were found in a source.

    Attributes:
        origins: name in the target -> name in the source.
        correlations: name in the target -> correlation of the two, NaN where a matrix is constant.
        evidence: the sum of the correlations that strangers would not have; 0 where equal names are all there is.
    """

    origins: Mapping[str, str]
    correlations: Mapping[str, float]
    evidence: float

    @property
    def moved(self) -> dict[str, str]:
        """Those whose names differ."""
        return {new: old for new, old in self.origins.items() if new != old}


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a model: its own matrix, if it is one, and its parts by name."""

    name: str = ""
    parts: dict[str, "_Node"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pairing:
    """Two parts held against each other: evidence that they are one, and what is what in them."""

    evidence: float = 0.0
    pairs: tuple[Pair, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether there is hardly a better partner for either."""
        known = [r for _, _, r in self.pairs if not math.isnan(r)]
        return bool(known) and sum(known) > SURE * len(known)


def align(source: Contents, target: Contents) -> Alignment:
    """The layer of the source that each layer of the target is, for those that contain enough to tell."""
    aligner = _Aligner(source, target)
    pairing = aligner.pair(_tree(source.shapes), _tree(target.shapes))
    origins, correlations = {new: old for old, new, _ in pairing.pairs}, {new: r for _, new, r in pairing.pairs}
    return Alignment(origins, correlations, pairing.evidence)


def _tree(names: Mapping[str, Shape]) -> _Node:
    root = _Node()
    for name in names:
        node, parts = root, name.split(".")
        for i, part in enumerate(parts):
            whole = name if i == len(parts) - 1 else ""
            found = node.parts.get(part)
            if found is None or (whole and not found.name):
                found = node.parts[part] = _Node(whole, found.parts if found else {})
            node = found
    return root


class _Aligner:
    def __init__(self, source: Contents, target: Contents) -> None:
        self.source, self.target = source, target
        self._units: dict[tuple[bool, str], Values | None] = {}

    def pair(self, one: _Node, other: _Node) -> _Pairing:
        """Parts of equal name are held against each other, numbered ones by what they contain."""
        if _is_list(one) and _is_list(other):
            return self._lists(one, other)
        own: list[Pair] = []
        if one.name and other.name and self.source.shapes[one.name] == self.target.shapes[other.name]:
            own.append((one.name, other.name, self._correlation(one.name, other.name)))
        shared = [(part, other.parts[key]) for key, part in one.parts.items() if key in other.parts]
        found = [self.pair(part, partner) for part, partner in shared if not _is_list(part)]
        own += [pair for pairing in found if not pairing.evidence for pair in pairing.pairs]
        found = [_Pairing(self._evidence(own), tuple(own)), *(pairing for pairing in found if pairing.evidence)]
        if _together(found).evidence or all(math.isnan(r) for _, _, r in own):  # in strangers no list is searched
            found += [self._lists(part, partner) for part, partner in shared if _is_list(part) and _is_list(partner)]
        return _together(found)

    def _lists(self, one: _Node, other: _Node) -> _Pairing:
        """The monotone pairing with the most evidence; what has none for any partner has a partner by name only.

        And that only where both lists have the same numbers. Equal numbers come first among partners that are alike.
        """
        rows, columns = (sorted(node.parts, key=int) for node in (one, other))
        if rows == columns:
            found = [self.pair(one.parts[i], other.parts[i]) for i in rows]
            if all(pairing.sure for pairing in found):
                return _together(found)
        table = [[self.pair(one.parts[i], other.parts[j]) for j in columns] for i in rows]
        chosen = _monotone(np.array([[pairing.evidence for pairing in line] for line in table]))
        if rows == columns:
            free = set(range(len(rows))) - {i for i, _ in chosen} - {j for _, j in chosen}
            chosen += [(k, k) for k in free if all((i < k) == (j < k) for i, j in chosen)]
        return _together([table[i][j] for i, j in sorted(chosen)])

    def _correlation(self, one: str, other: str) -> float:
        a, b = self._unit(True, one), self._unit(False, other)
        return math.nan if a is None or b is None else float(a @ b)

    def _unit(self, of_source: bool, name: str) -> Values | None:
        """The values without their mean, over their norm; None for a constant, or for what is not finite."""
        key = of_source, name
        if key not in self._units:
            values = np.asarray((self.source if of_source else self.target).values(name), dtype=np.float64)
            usable = len(values) > 1 and bool(np.isfinite(values).all()) and bool((values != values[0]).any())
            values = values - values.mean() if usable else values
            self._units[key] = values / np.linalg.norm(values) if usable else None
        return self._units[key]

    def _count(self, name: str) -> int:
        """Values of a matrix of the source that are compared, none counted twice."""
        unit = self._unit(True, name)
        return min(0 if unit is None else len(unit), math.prod(self.source.shapes[name]))

    def _evidence(self, pairs: Sequence[Pair]) -> float:
        """The sum of the correlations if strangers would not have it, else 0."""
        known = [(r, one) for one, _, r in pairs if not math.isnan(r)]
        total = math.fsum(r for r, _ in known)
        error = math.sqrt(math.fsum(1 / self._count(one) for _, one in known))
        return total if total > SIGNIFICANT * error and total > LEAST * len(known) else 0.0


def _together(pairings: Sequence[_Pairing]) -> _Pairing:
    return _Pairing(math.fsum(p.evidence for p in pairings), tuple(pair for p in pairings for pair in p.pairs))


def _monotone(gain: Float[np.ndarray, "n m"]) -> list[tuple[int, int]]:
    """Increasing pairs (i, j) of the largest total gain; gains of 0 are no pairs, equal indices win among equals."""
    n, m = gain.shape
    gain = np.where(gain > 0, gain + 1e-9 * np.eye(n, m), 0)
    best = np.zeros((n + 1, m + 1))
    for i in range(n):
        for j in range(m):
            best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], best[i, j] + gain[i, j])
    chosen: list[tuple[int, int]] = []
    i, j = n, m
    while i and j:
        if gain[i - 1, j - 1] > 0 and best[i, j] == best[i - 1, j - 1] + gain[i - 1, j - 1]:
            i, j = i - 1, j - 1
            chosen.append((i, j))
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return chosen


def _is_list(node: _Node) -> bool:
    return bool(node.parts) and all(part.isdecimal() for part in node.parts)
