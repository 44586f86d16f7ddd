"""The origin of each layer of a model: the layer of another model that it comes from, found by comparing weights.

In pruned LLMs, BK-SDM, SSD-1B and frankenmerges, blocks are removed, copied, swapped or inserted and then renumbered,
so that a name can mean different layers in the two models. A layer is compared with the layers of its kind, which have
the same shape and names that differ from its name only in numbers. Layers may be in a different order, and several may
have the same origin. A small sample of each matrix suffices: for unrelated layers, Fisher's z of the rank correlation
of n values has a standard error of 1/√(n - 3).
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
"""Number of standard errors that Fisher's z of related layers must exceed; one in 10⁹ other pairs does so by chance."""
TIED: Final = 3.0
"""Number of standard errors by which Fisher's z of two candidates must differ for one to be preferred, and which z of
a layer and its origin must exceed to count as evidence."""
LEAST: Final = 0.1
"""Minimum correlation of related layers; even unrelated layers of the same architecture are slightly correlated."""
SURE: Final = 0.5
"""Minimum correlation at which several layers of the source that match equally well are accepted as candidates."""
FEWEST: Final = 12
"""Minimum number of values to compare; fewer can have the same order by chance."""
MOST: Final = 1000
"""Maximum number of layers of equal shape, with names equal up to numbers, for which all pairs are compared. If both
models together have more, as in a mixture of experts, two layers must also agree in all numbers after the first."""

Shape = tuple[int, ...]
Values = Float[np.ndarray, " n"]
Table = Float[np.ndarray, "sources targets"]


@dataclass(frozen=True, slots=True)
class Contents:
    """The shapes of a model's matrices by name, and a function that reads a sample of the values of a matrix.

    Matrices of the same shape are sampled at the same positions; the sample of a matrix that cannot be read is empty.
    """

    shapes: Mapping[str, Shape]
    values: Callable[[str], Values]


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of a target model's layers: the layers of a source model from which they come.

    Attributes:
        of: layer of the target -> its origin in the source; layers without evidence are absent.
        how: how the origins were found, "contents" or "name"; "" without evidence.
        with_block: the layers in `of` whose origins follow from the other layers of their blocks.
        contradicted: layer of the target that does not come from the source layer of the same name -> the reason, as
            a clause that follows the name.
    """

    of: Mapping[str, str] = field(default_factory=dict)
    how: str = ""
    with_block: frozenset[str] = frozenset()
    contradicted: Mapping[str, str] = field(default_factory=dict)

    @property
    def moved(self) -> dict[str, str]:
        """The origins of those layers of the target whose names differ from the names of their origins."""
        return {new: old for new, old in self.of.items() if new != old}


def by_contents(source: Contents, target: Contents) -> Origins | None:
    """Return the origins of the target's layers, found by comparing weights, or None if there is no evidence."""
    aligner = _Aligner(source, target)
    of = {name: old for name in target.shapes if (old := aligner.origin(name))}
    if not of:
        return None
    silent = frozenset(name for name, old in of.items() if not aligner.shows(old, name))
    places = {old: new for new, old in of.items()}
    wrong = {new: f"has the weights of {old}" for new, old in of.items() if new != old and new in source.shapes}
    for name, shape in target.shapes.items():
        if name not in of and name in places and source.shapes.get(name) == shape:
            wrong[name] = f"is new, and the layer that had this name is now {places[name]}"
    return Origins(of, "contents", with_block=silent, contradicted=wrong)


class _Aligner:
    """Compares the layers of two models, and infers from which layers of the source those of the target come."""

    def __init__(self, source: Contents, target: Contents) -> None:
        self._source, self._target = source, target
        self._blocks = _blocks(source.shapes, target.shapes)
        self._members: dict[str, list[str]] = defaultdict(list)
        """Block of the target -> its layers."""
        for name in target.shapes:
            self._members[self._blocks.get(name, name)].append(name)
        self._z: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
        """Layer of the target -> layer of the source -> Fisher's z of n values, and its weight n - 3."""
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
        """Store Fisher's z of the rank correlation, and its weight, for each pair of layers of ``size`` elements.

        Nothing is stored if samples that are not empty differ in length, or if a model has only empty ones.
        """
        ours, theirs = (
            {n: v for n in names if len(v := np.asarray(c.values(n), np.float64))}
            for c, names in ((self._source, sources), (self._target, targets))
        )
        length = len(next(iter({**ours, **theirs}.values()), ()))
        if not ours or not theirs or {*map(len, [*ours.values(), *theirs.values()])} != {length}:
            return
        r: Table = np.stack([_ranks(v) for v in ours.values()]) @ np.stack([_ranks(v) for v in theirs.values()]).T
        zero = [np.stack([v == 0 for v in side.values()]).astype(np.float64) for side in (ours, theirs)]
        n = np.minimum(length - zero[0] @ zero[1].T, size)  # values may have been pruned to zero in both models
        n[(n < FEWEST) | np.isnan(r)] = 0
        z = np.arctanh(np.clip(np.nan_to_num(r), -1 + 1e-12, 1 - 1e-12))
        for j, new in enumerate(theirs):
            self._z[new] |= {old: (float(z[i, j]), max(float(n[i, j]) - 3, 0.0)) for i, old in enumerate(ours)}

    def shows(self, old: str, new: str) -> bool:
        """Return whether the weights show that the target's layer ``new`` comes from the source's layer ``old``."""
        z, weight = self._z[new].get(old, (0.0, 0.0))
        return z * math.sqrt(weight) > TIED

    def origin(self, name: str) -> str | None:
        """Return the layer of the source from which the layer ``name`` of the target comes, or None without evidence.

        The layer's own values decide, or those of its block if several layers match them equally well or none does. If
        there are still several candidates, the layer of the same name is preferred, or else the best match.
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
        """Return the layers or blocks of the source from which ``part`` of the target may come, the best first.

        ``part`` is a layer or a block, and ``layers`` are the layers in it. The result is empty if the evidence is too
        weak. Several candidates that match equally well are returned only if their correlation is high and another
        candidate matches less well.
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
    """Return the ranks of values, centred and with norm 1; all NaN if the values are constant or one is not finite."""
    if not np.isfinite(values).all() or (values == values[0]).all():
        return np.full(len(values), np.nan)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    ranks = ranks - ranks.mean()
    return np.asarray(ranks / np.linalg.norm(ranks))


def _blocks(source: Mapping[str, Shape], target: Mapping[str, Shape]) -> dict[str, str]:
    """Return the block of each target layer that belongs to a block.

    Blocks are numbered modules, such as layers.3 and layers.7, that contain the same layers; the innermost one counts.
    """
    # layers.3 for layers.3.attn.to_out.0: several layers.N contain the same layers, but there is only one to_out.N
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
    """Return the prefixes of a layer's name that end in a number, the shortest first."""
    return [name[: m.end()] for m in re.finditer(r"(?:^|(?<=\.))\d+(?=\.|$)", name)]


def _numberless(name: str, count: int = 0) -> str:
    """Return the name with # for its first ``count`` numbers (all if 0), as in layers.#.to_q for layers.3.to_q."""
    return re.sub(r"(?:^|(?<=\.))\d+(?=\.|$)", "#", name, count=count)
