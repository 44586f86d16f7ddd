"""Origins of the layers of a model in another, told by what the layers contain.

Blocks are removed, doubled, swapped or put in between, and the rest is numbered anew (pruned LLMs, BK-SDM, SSD-1B,
frankenmerges), so that equal names are other layers. Every layer is held against all layers of its kind: those whose
names differ in numbers only. No order is assumed, and several layers may come from one. A few values of each matrix
tell: among strangers Fisher's z of their rank correlation has a standard error of 1/√(n - 3).
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Float

SIGNIFICANT: Final = 6.0
"""Standard errors of strangers' z that count as evidence; one in 10⁹ strangers is above."""
TIED: Final = 3.0
"""Standard errors of a difference of two z within which two origins are as good as each other."""
LEAST: Final = 0.1
"""Correlation below which nothing is said: layers of one architecture have a little structure in common."""
SURE: Final = 0.5
"""Correlation from which on several layers of the source may be alike, and still be the origin."""
FEWEST: Final = 12
"""Values that tell something; fewer stand in the same order by chance."""
MOST: Final = 1000
"""Layers of a kind, in both models, that are all compared; of more (experts), those whose inner numbers are equal."""

Shape = tuple[int, ...]
Values = Float[np.ndarray, " n"]
Table = Float[np.ndarray, "sources targets"]


@dataclass(frozen=True, slots=True)
class Contents:
    """The shapes of a model's matrices by name, and a function that reads some values of one.

    The values are at the same places for equal shapes; there are none of a matrix that cannot be read.
    """

    shapes: Mapping[str, Shape]
    values: Callable[[str], Values]


@dataclass(frozen=True, slots=True)
class Origins:
    """Origins of a target's layers.

    Attributes:
        of: layer of the target -> layer of the source, for those of which there is evidence.
        how: "contents", or "" where nothing is known.
        with_block: the layers in `of` that show nothing themselves, as the rest of their block shows it.
        contradicted: layers whose name the source has too, but for another layer -> why, as a clause after the name.
    """

    of: Mapping[str, str] = field(default_factory=dict)
    how: str = ""
    with_block: frozenset[str] = frozenset()
    contradicted: Mapping[str, str] = field(default_factory=dict)

    @property
    def moved(self) -> dict[str, str]:
        """Layers whose names differ from those of their origins."""
        return {new: old for new, old in self.of.items() if new != old}


def by_contents(source: Contents, target: Contents) -> Origins | None:
    """Return the origins that the layers' contents show; None where nothing of the one is in the other."""
    aligner = _Aligner(source, target)
    of = {name: old for name in target.shapes if (old := aligner.origin(name))}
    if not of:
        return None
    silent = frozenset(name for name, old in of.items() if not aligner.shows(old, name))
    places = {old: new for new, old in of.items()}
    wrong = {new: f"holds what was {old}" for new, old in of.items() if new != old and new in source.shapes}
    for name, shape in target.shapes.items():
        if name not in of and name in places and source.shapes.get(name) == shape:
            wrong[name] = f"is new: what had its name is now {places[name]}"
    return Origins(of, "contents", with_block=silent, contradicted=wrong)


class _Aligner:
    """The likeness of all layers of a kind, and what follows for each layer and its block."""

    def __init__(self, source: Contents, target: Contents) -> None:
        self._source, self._target = source, target
        self._blocks = _blocks(source.shapes, target.shapes)
        self._members: dict[str, list[str]] = defaultdict(list)
        """Block of the target -> its layers."""
        for name in target.shapes:
            self._members[self._blocks.get(name, name)].append(name)
        self._z: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
        """Layer of the target -> layer of the source -> Fisher's z and its weight n - 3."""
        kinds: dict[tuple[str, Shape], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        counts = Counter((_numberless(n), shape) for c in (source, target) for n, shape in c.shapes.items())
        for k, contents in enumerate((source, target)):
            for name, shape in contents.shapes.items():
                many = counts[_numberless(name), shape] > MOST
                kinds[_numberless(name, int(many)), shape][k].append(name)
        for (_, shape), (old, new) in kinds.items():
            self._compare(old, new, math.prod(shape))
        self._known: dict[str, list[str]] = {}

    def _compare(self, sources: list[str], targets: list[str], size: int) -> None:
        """Note z and its weight for every pair of layers of one kind and shape, which has `size` values."""
        ours, theirs = (
            {n: v for n in names if len(v := np.asarray(c.values(n), np.float64))}
            for c, names in ((self._source, sources), (self._target, targets))
        )
        length = len(next(iter({**ours, **theirs}.values()), ()))
        if not ours or not theirs or {*map(len, [*ours.values(), *theirs.values()])} != {length}:
            return
        r: Table = np.stack([_ranks(v) for v in ours.values()]) @ np.stack([_ranks(v) for v in theirs.values()]).T
        zero = [np.stack([v == 0 for v in side.values()]).astype(np.float64) for side in (ours, theirs)]
        n = np.minimum(length - zero[0] @ zero[1].T, size)  # what is zero in both may have been set so in both
        n[(n < FEWEST) | np.isnan(r)] = 0
        z = np.arctanh(np.clip(np.nan_to_num(r), -1 + 1e-12, 1 - 1e-12))
        for j, new in enumerate(theirs):
            self._z[new] |= {old: (float(z[i, j]), max(float(n[i, j]) - 3, 0.0)) for i, old in enumerate(ours)}

    def shows(self, old: str, new: str) -> bool:
        """Whether a layer's own values speak for an origin."""
        z, weight = self._z[new].get(old, (0.0, 0.0))
        return z * math.sqrt(weight) > TIED

    def origin(self, name: str) -> str | None:
        """Return the layer that this one was made from.

        Its own values decide, then those of its block, and last the name among origins that are equally good.
        """
        origins = self._best(name, [name])
        block = self._blocks.get(name)
        if len(origins) != 1 and block:
            rest = name[len(block) :]
            same = [part + rest for part in self._best(block, self._members[block])]
            same = [old for old in same if self._source.shapes.get(old) == self._target.shapes[name]]
            origins = [old for old in same if old in origins or not origins] or origins
        return name if name in origins else next(iter(origins), None)

    def _best(self, part: str, layers: list[str]) -> list[str]:
        """Return the parts of the source that a part of the target may have been made from, the best first.

        There are none without evidence, nor where all parts of the source are alike.
        """
        if part in self._known:
            return self._known[part]
        totals, weights = defaultdict[str, float](float), defaultdict[str, float](float)
        for name in layers:
            rest = name[len(part) :]
            for old, (z, weight) in self._z[name].items():
                if weight and old.endswith(rest):
                    totals[old.removesuffix(rest)] += z * weight
                    weights[old.removesuffix(rest)] += weight
        scores = {other: totals[other] / weight for other, weight in weights.items()}
        order = sorted(scores, key=lambda other: -scores[other])
        tied: list[str] = []
        if order:
            z, weight = scores[order[0]], weights[order[0]]
            tied = [o for o in order if z - scores[o] <= TIED * math.sqrt(1 / weight + 1 / weights[o])]
            vague = len(tied) > 1 and (len(tied) == len(scores) or math.tanh(z) < SURE)
            if vague or z * math.sqrt(weight) <= SIGNIFICANT or math.tanh(z) <= LEAST:
                tied = []
        self._known[part] = tied
        return tied


def _ranks(values: Values) -> Values:
    """Return the ranks of values without their mean, over their norm; NaN for a constant, or what is not finite."""
    if not np.isfinite(values).all() or (values == values[0]).all():
        return np.full(len(values), np.nan)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    ranks = ranks - ranks.mean()
    return np.asarray(ranks / np.linalg.norm(ranks))


def _blocks(source: Mapping[str, Shape], target: Mapping[str, Shape]) -> dict[str, str]:
    """Return, for each layer of the target, the innermost part around it that is one of several alike."""
    # layers.3 for layers.3.attn.to_out.0: several numbers have what layers.3 has, but only 0 what to_out.0 has
    inside: dict[str, set[tuple[str, Shape]]] = defaultdict(set)
    for name, shape in (*source.items(), *target.items()):
        for part in _numbered(name):
            inside[part].add((name[len(part) :], shape))
    numbers: dict[tuple[str, frozenset[tuple[str, Shape]]], set[str]] = defaultdict(set)
    kinds = {part: (_numberless(part), frozenset(layers)) for part, layers in inside.items()}
    for part, kind in kinds.items():
        numbers[kind].add(part.rpartition(".")[2])
    alike = {part for part, kind in kinds.items() if len(numbers[kind]) > 1}
    innermost = {name: next((p for p in reversed(_numbered(name)) if p in alike), "") for name in target}
    return {name: block for name, block in innermost.items() if block and block != name}


def _numbered(name: str) -> list[str]:
    """Return the parts of a model that a layer is in and that have a number, the outermost first."""
    return [name[: m.end()] for m in re.finditer(r"(?:^|(?<=\.))\d+(?=\.|$)", name)]


def _numberless(name: str, count: int = 0) -> str:
    """Return the name without its numbers, or without the first ``count`` of them."""
    return re.sub(r"(?:^|(?<=\.))\d+(?=\.|$)", "#", name, count=count)
