"""Closed forms for an adapter: the maps of both models at the places that it reads and writes, and blocks' changes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.adapters.model import disable
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import Recorded, record
from ioadapt_theory.maps.lineage import related
from ioadapt_theory.maps.model_map import carried_factors
from ioadapt_theory.maps.moments import Factors, Gathered, Moments, Place, effects, places
from ioadapt_theory.maps.solve import RULES, TWO_WAY, Rule
from ioadapt_theory.moving.carrying.parts import BIAS, Part
from ioadapt_theory.moving.carrying.trial import Trial

IDLE = "the {}'s layer {} on these inputs, so an adapter on it has no effect"
Wanted = tuple[str, str, str]
"""Key of a part of the source's adapter, layer of the target, and placement there."""


def base_layers(model: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    modules = {"": model, **dict(walk(model))}
    return {name: base_of(modules[name]) for name in names}


@dataclass(slots=True)
class Fitted:
    """One part of an adapter, fitted to a layer of the target in a placement there; see ``CarriedLayer``.

    Attributes:
        factors: rule -> factors on the target.
        writes: the matrix Q that carries changes of what the part writes, and the Gram matrix of its gradients.
    """

    factors: dict[Rule, Factors]
    kept: float
    rows: int
    features: tuple[int, int]
    writes: tuple[Tensor, Tensor]


@dataclass(slots=True)
class Fit:
    """The parts of an adapter, fitted to layers of the target; where no fit is possible, ``lost`` has the reason."""

    trial: Trial
    parts: Mapping[str, Part]
    at: dict[Wanted, Fitted] = field(default_factory=dict)
    lost: dict[Wanted, str] = field(default_factory=dict)

    def run(self, wanted: list[Wanted]) -> None:
        """Fit the parts at all wanted places; if a part has several, its shares ``kept`` are those on held-out rows."""
        source = base_layers(self.trial.source, {part.layer for part in self.parts.values()})
        target = base_layers(self.trial.target, {layer for _, layer, _ in wanted})
        asked = {
            w: places(source, target, self.parts[w[0]].layer, w[1], self.parts[w[0]].placement, w[2]) for w in wanted
        }
        chosen = len({w[0] for w in wanted}) < len(wanted)
        for group in self._groups(asked, target):
            gathered = self._gathered(group, self.trial.rows.fit)
            held = self._gathered(group, self.trial.rows.select) if chosen else gathered
            maps: dict[tuple[Place, str, Rule], Tensor] = {}
            for w, (reads, writes) in group.items():
                if w not in self.lost:
                    self._fit(w, reads, writes, gathered, held, maps)

    def _groups(self, asked: Mapping[Wanted, tuple[Place, Place]], target: Mapping[str, nn.Module]) -> Iterator[Any]:
        """Yield groups whose moments fit into ``options.memory``; a single place may need more."""
        group: dict[Wanted, tuple[Place, Place]] = {}
        seen: set[Place] = set()
        used = 0.0
        for w, both in asked.items():
            f = operator(target[w[1]])
            new = {*both} - seen
            bytes_ = sum(6.0 * 4 * (f.columns if place[3] == "output" else f.channels or 0) ** 2 for place in new)
            if group and used + bytes_ > self.trial.options.memory * 1e9:
                yield group
                group, used, seen = {}, 0.0, set()
            group[w] = both
            seen |= new
            used += bytes_
        if group:
            yield group

    def _gathered(self, group: Mapping[Wanted, tuple[Place, Place]], pairs: list[Pair]) -> Gathered:
        gathered = Gathered([*dict.fromkeys(place for both in group.values() for place in both)])
        silent: tuple[set[str], set[str]] = set(), set()
        for here, there in recorded(self.trial, gathered.places, pairs):
            silent[0].update(here.silent)
            silent[1].update(there.silent)
            gathered.add(here.rows, there.rows)
        for w, both in group.items():
            for place in both:
                if why := gathered.lost.get(place):
                    self.lost[w] = why
                if place[0] in silent[0] or place[2] in silent[1]:
                    self.lost[w] = IDLE.format("source" if place[0] in silent[0] else "target", "is never called")
        return gathered

    def _fit(
        self,
        w: Wanted,
        reads: Place,
        writes: Place,
        gathered: Gathered,
        held: Gathered,
        maps: dict[tuple[Place, str, Rule], Tensor],
    ) -> None:
        reads, writes = gathered.of[reads], gathered.of[writes]
        read, written, part = gathered.moments[reads], gathered.moments[writes], self.parts[w[0]]
        if written.idle:
            self.lost[w] = IDLE.format("target", "does not influence the compared outputs")
            return
        known = related(
            *(base_layers(m, [n])[n] for m, n in ((self.trial.source, part.layer), (self.trial.target, w[1])))
        )

        def mapped(place: Place, moments: Moments, role: str, rule: Rule) -> Tensor:
            key = place, role, rule
            if key not in maps:
                maps[key] = moments.map(role, rule, same=known and place[1] == place[3])
            return maps[key]

        made: dict[Rule, Factors] = {}
        for rule in RULES.values():
            q = mapped(writes, written, "writes", rule)
            p = None if part.placement == BIAS else mapped(reads, read, "reads", rule)
            made[rule] = carried_factors(part.factors, p, q)
        a, b = made[TWO_WAY]
        kept = 1.0
        if part.placement != BIAS:
            c, k = held.moments[reads].C, held.moments[writes].K
            own, both, other = effects(part.factors, (a, b), c, k)  # type: ignore[arg-type]
            kept = (2 * both - other) / own if own > 0 else 0.0
        q = mapped(writes, written, "writes", TWO_WAY)
        self.at[w] = Fitted(made, kept, read.rows, (len(a), b.shape[1]), (q, written.K[0]))  # type: ignore[index]


def recorded(trial: Trial, wanted: Iterable[Place], pairs: Iterable[Pair]) -> Iterator[tuple[Recorded, Recorded]]:
    """Yield the activations and output gradients of both models' layers, without adapters, for each pair of batches."""
    wanted, pairs = [*wanted], [*pairs]
    here = base_layers(trial.source, {place[0] for place in wanted})
    there = base_layers(trial.target, {place[2] for place in wanted})
    for number, pair in enumerate(pairs):
        trial.progress("recording", number, len(pairs))
        options = trial.recording(pair, number)
        with disable(trial.source), disable(trial.target):
            yield record(trial.source, here, pair[0], **options), record(trial.target, there, pair[1], **options)
