"""Closed forms for an adapter: the maps of both models at the places that it reads and writes, and blocks' changes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.model import disable
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import record
from ioadapt_theory.maps.lineage import related
from ioadapt_theory.maps.model_map import carried_factors
from ioadapt_theory.maps.moments import Factors, Gathered, Moments, Place, effects, grouped, places
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


class Fit:
    """The parts of an adapter, fitted to layers of the target; where no fit is possible, ``lost`` has the reason.

    ``picked`` maps the key of a part to the place on the target where it keeps the largest share of its gain.
    """

    def __init__(self, trial: Trial, parts: Mapping[str, Part], wanted: Collection[Wanted] = ()) -> None:
        """Fit the parts at all wanted places; if a part has several, its shares ``kept`` are those on held-out rows."""
        self.trial, self.parts = trial, parts
        self.at, self.lost = dict[Wanted, Fitted](), dict[Wanted, str]()
        self.source = base_layers(trial.source, {parts[key].layer for key, _, _ in wanted})
        self.target = base_layers(trial.target, {layer for _, layer, _ in wanted})
        asked = {}
        for key, layer, side in wanted:
            part = parts[key]
            asked[key, layer, side] = places(self.source, self.target, part.layer, layer, part.placement, side)
        chosen = len({w[0] for w in wanted}) < len(wanted)
        for some in grouped(asked, self.target, trial.options.memory):
            group = {w: asked[w] for w in some}
            gathered = self._gathered(group, trial.rows.fit)
            held = self._gathered(group, trial.rows.select) if chosen else gathered
            self.maps: dict[tuple[Place, str, Rule], Tensor] = {}
            for w, (reads, writes) in group.items():
                if w not in self.lost:
                    self._fit(w, gathered.of[reads], gathered.of[writes], gathered.moments, held.moments)
        self.picked: dict[str, Wanted] = {}
        for w, fitted in self.at.items():
            if w[0] not in self.picked or fitted.kept > self.at[self.picked[w[0]]].kept:
                self.picked[w[0]] = w

    def _gathered(self, group: Mapping[Wanted, tuple[Place, Place]], pairs: list[Pair]) -> Gathered:
        """Return the moments of both models, without adapters, at the places of a group."""
        trial = self.trial
        gathered = Gathered([*dict.fromkeys(place for both in group.values() for place in both)])
        here = {place[0]: self.source[place[0]] for place in gathered.places}
        there = {place[2]: self.target[place[2]] for place in gathered.places}
        silent = set[str](), set[str]()
        for number, pair in enumerate(pairs):
            trial.progress("recording", number, len(pairs))
            options = trial.recording(pair, number)
            with disable(trial.source), disable(trial.target):
                one = record(trial.source, here, pair[0], **options).rows
                two = record(trial.target, there, pair[1], **options).rows
            gathered.add(one, two)
            silent[0].update(here.keys() - one.keys())
            silent[1].update(there.keys() - two.keys())
        for w, both in group.items():
            for place in both:
                if why := gathered.lost.get(place):
                    self.lost[w] = why
                if place[0] in silent[0] or place[2] in silent[1]:
                    self.lost[w] = IDLE.format("source" if place[0] in silent[0] else "target", "is never called")
        return gathered

    def _fit(
        self, w: Wanted, reads: Place, writes: Place, moments: Mapping[Place, Moments], held: Mapping[Place, Moments]
    ) -> None:
        written, part = moments[writes], self.parts[w[0]]
        if written.idle:
            self.lost[w] = IDLE.format("target", "does not influence the compared outputs")
            return
        known = related(self.source[part.layer], self.target[w[1]])

        def mapped(place: Place, role: str, rule: Rule) -> Tensor:
            key = place, role, rule
            if key not in self.maps:
                self.maps[key] = moments[place].map(role, rule, same=known and place[1] == place[3])
            return self.maps[key]

        made: dict[Rule, Factors] = {}
        for rule in RULES.values():
            q = mapped(writes, "writes", rule)
            p = None if part.placement == BIAS else mapped(reads, "reads", rule)
            made[rule] = carried_factors(part.factors, p, q)
        a, b = made[TWO_WAY]
        kept = 1.0
        if part.placement != BIAS:
            own, both, other = effects(part.factors, (a, b), held[reads].C, held[writes].K)  # type: ignore[arg-type]
            kept = (2 * both - other) / own if own > 0 else 0.0
        onward = mapped(writes, "writes", TWO_WAY), written.K[0]  # type: ignore[index]
        self.at[w] = Fitted(made, kept, moments[reads].rows, (len(a), b.shape[1]), onward)
