"""The closed form fitted on a batch after the other, and what its candidates keep layer by layer, to first order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.carrying.parts import Part
from ioadapt_theory.adapters.layer import base_of
from ioadapt_theory.adapters.model import disable
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import Call, Recorded, record
from ioadapt_theory.effect.single import Single, effects, single
from ioadapt_theory.effect.translation import Factors, Translation, truncated
from ioadapt_theory.errors import IoAdaptError

IDLE = "the adapter has no effect there on these inputs: the layer {}"
Wanted = Callable[[object, int], tuple[Tensor, Tensor]]
Place = tuple[str, str, str]
"""Key of a part, layer of the target, side of the target."""


@dataclass(slots=True)
class Passes:
    """Records both models on pairs of batches, adapters off.

    Attributes:
        source: the model with the adapter.
        target: the other one.
        here: the source's layers that are watched.
        there: the target's.
        call: runs a model.
        seed: of the cotangents.
        draws: how many.
        wanted: where outputs are logits, gives the source's outputs without and with its adapter.
    """

    source: nn.Module
    target: nn.Module
    here: Mapping[str, nn.Module]
    there: Mapping[str, nn.Module]
    call: Call | None
    seed: int
    draws: int
    wanted: Wanted | None = None

    def __call__(self, pairs: Iterable[Pair]) -> Iterator[tuple[Recorded, Recorded]]:
        """Yield the two records of each pair."""
        for number, (one, two) in enumerate(pairs):
            options: dict[str, Any] = {"call": self.call, "seed": self.seed + number, "draws": self.draws}
            if self.wanted is not None:  # the cotangents of both are in the metric of what the source says
                s, sa = self.wanted(one, number)
                options["chances"] = (s.softmax(-1) + sa.softmax(-1)) / 2
            with disable(self.source), disable(self.target):
                here = record(self.source, self.here, one, **options)
                yield here, record(self.target, self.there, two, **options)


def base_layers(model: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    """Return the layers of these names, below any adapters of ours."""
    modules = {"": model, **dict(walk(model))}
    found = {name: modules[name] for name in names}
    return {name: base_of(module) for name, module in found.items()}


def reduced(
    parts: list[Part], looks: list[Passes], pairs: list[Pair], rank: int | None, share: float
) -> tuple[list[Part], dict[str, float]]:
    """Return parts of low rank, changes that have none truncated by their effect; and the share of its square kept.

    Args:
        parts: of the adapter.
        looks: the models in which the effect counts; their ``source`` is looked at.
        pairs: batches to weigh the effect on.
        rank: of the result, at most.
        share: of the square of the effect, kept by the least rank that does.
    """
    todo = {part.key: part for part in parts if part.matrix is not None}
    grams: dict[str, tuple[Tensor, Tensor]] = {}
    for number, (one, _) in enumerate(pairs if todo else ()):
        for look in looks:
            options: dict[str, Any] = {"call": look.call, "seed": look.seed + number, "draws": look.draws}
            with disable(look.source):
                rows = record(look.source, look.here, one, **options).rows
            for key, part in todo.items():
                if part.layer in rows:
                    r, g = (x.flatten(0, -2).float() for x in rows[part.layer].both(part.placement))
                    c, k = grams.get(key, (0, 0))
                    grams[key] = c + r.mT @ r, k + g.mT @ g
    made, kept = [], {}
    for part in parts:
        if part.matrix is None:
            made.append(part)
        elif part.key in grams:
            bounds = {"rank": rank, "share": None if rank else share}
            a, b, kept[part.key] = truncated(part.matrix, *grams[part.key], **bounds)  # type: ignore[arg-type]
            made.append(replace(part, factors=(a, b), matrix=None))
    return made, kept


@dataclass(slots=True)
class Fit:
    """Translations of parts of an adapter to places of the target.

    Attributes:
        translations: what is fitted, by place.
        lost: places where nothing can be, and why.
        closed: parts that cannot be looked into: layers that are never called, convolutions in groups.
        candidates: factors by name, for each place.
        single: what each candidate keeps there to first order, on the rows to choose by.
    """

    translations: dict[Place, Translation]
    lost: dict[Place, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    candidates: dict[Place, dict[str, Factors]] = field(default_factory=dict)
    single: dict[Place, dict[str, Single]] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Mapping[str, Part], places: Iterable[Place]) -> "Fit":
        """Begin one for each place; parts have factors."""
        return cls({p: Translation(parts[p[0]].factors, parts[p[0]].placement, p[2]) for p in places})  # type: ignore[arg-type]

    def add(self, recorded: Iterable[tuple[Recorded, Recorded]], layer_of: Mapping[str, str]) -> None:
        """Take in batches; ``layer_of`` has the source's layer of each part."""
        for here, there in recorded:
            for place in [*self.translations]:
                key, layer, _ = place
                try:
                    if layer_of[key] in here.silent or layer in there.silent:
                        self._lose(place, IDLE.format("is never called"))
                        self.closed.add(key)
                        continue
                    self.translations[place].add(here.rows[layer_of[key]], there.rows[layer])
                except IoAdaptError as error:
                    self._lose(place, str(error))
                    self.closed.add(key)
        for place, translation in [*self.translations.items()]:
            if translation.is_idle():
                self._lose(place, IDLE.format("writes nothing on the outputs that are compared"))

    def _lose(self, place: Place, why: str) -> None:
        del self.translations[place]
        self.lost[place] = why

    def solve(self) -> None:
        """Make the candidates."""
        for place, translation in self.translations.items():
            self.candidates[place] = translation.ridged() | translation.shrunk()

    def weigh(self, recorded: Iterable[tuple[Recorded, Recorded]], parts: Mapping[str, Part]) -> None:
        """Measure each candidate of each place on other rows."""
        sums: dict[Place, dict[str, Tensor]] = {place: {} for place in self.candidates}
        samples = dict.fromkeys(self.candidates, 0)
        for here, there in recorded:
            for place, candidates in self.candidates.items():
                part, rows = parts[place[0]], there.rows[place[1]]
                assert part.factors is not None
                e = effects(here.rows[part.layer], part.placement, part.factors).double().flatten()
                samples[place] += len(e)
                for name, factors in candidates.items():
                    e2 = effects(rows, place[2], factors).double().flatten().to(e)
                    row = torch.stack([e @ e2, e @ e, e2 @ e2])
                    sums[place][name] = sums[place].get(name, torch.zeros(3, dtype=row.dtype)) + row.cpu()
        for place, by_name in sums.items():
            self.single[place] = {
                n: single(*map(float, s), total=1.0, samples=samples[place]) for n, s in by_name.items()
            }

    def best(self, place: Place) -> tuple[str, float]:
        """Return the candidate that keeps most there and how much, by the effect of this layer alone."""
        return max(((name, one.R) for name, one in self.single[place].items()), key=lambda found: found[1])
