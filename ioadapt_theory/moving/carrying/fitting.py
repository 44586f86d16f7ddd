"""Closed forms for an adapter, fitted batch by batch, and the share of its gain (loss reduction) that each keeps."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.adapters.model import disable
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.effect.passes import Recorded, record
from ioadapt_theory.effect.reads_writes import effects
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.moving.carrying.closed_form import EXACT, Translation, truncated
from ioadapt_theory.moving.carrying.parts import BIAS, Part
from ioadapt_theory.moving.carrying.trial import Trial

IDLE = "the {}'s layer {} on these inputs, so an adapter on it has no effect"
ENOUGH, DRAWS = 1000, 4
"""Number of rows below which more than one cotangent is drawn per batch, and the largest number drawn by default."""
Place = tuple[str, str, str]
"""Key of a part of the source's adapter, layer of the target, and placement there."""


def base_layers(model: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    modules = {"": model, **dict(walk(model))}
    return {name: base_of(modules[name]) for name in names}


def reduced(parts: list[Part], trial: Trial, *models: nn.Module) -> tuple[dict[str, Part], dict[str, float]]:
    """Return parts as low-rank factors, and the share of its squared effect that each truncated part keeps, by key.

    A part is the change by an adapter in one layer and placement. Parts of full rank are truncated so that their effect
    on ``models`` changes least; those of layers that are never called are left out.
    """
    todo = {part.key: part for part in parts if not part.low}
    grams: dict[str, tuple[Tensor, Tensor]] = {}
    options, draws = trial.options, trial.options.draws or 2
    for number, (one, _) in enumerate(trial.rows.fit if todo else ()):
        for model in models:
            watched = base_layers(model, {part.layer for part in todo.values()})
            with disable(model):
                rows = record(
                    model, watched, one, call=trial.compared.call, seed=options.seed + number, draws=draws
                ).rows
            for key, part in todo.items():
                if part.layer in rows:
                    r, g = (x.flatten(0, -2).float() for x in rows[part.layer].both(part.placement))
                    c, k = grams.get(key, (0, 0))
                    grams[key] = c + r.mT @ r, k + g.mT @ g
    made, kept = {part.key: part for part in parts if part.low}, {}
    share = None if options.rank else options.rank_share
    for key, (c, k) in grams.items():
        a, b, kept[key] = truncated(todo[key].factors[0], c, k, rank=options.rank, share=share)
        made[key] = replace(todo[key], factors=(a, b), low=True)
    return made, kept


class Fit:
    """The parts of an adapter (its changes, each in one layer and placement) fitted to layers of the target.

    Attributes:
        at: place (key of a part, layer of the target, placement there) -> the fit of the part to this layer.
        lost: place where no fit is possible -> the reason.
        closed: keys of parts that lack usable activations at some place, for example if a layer is never called.
    """

    def __init__(self, trial: Trial, parts: Mapping[str, Part], places: Iterable[Place]) -> None:
        self.trial, self.parts = trial, parts
        self.at, self.lost, self.closed = dict[Place, Translation](), dict[Place, str](), set[str]()
        count = trial.rows.counts[0] * trial.positions
        self.draws = trial.options.draws or min(DRAWS, math.ceil(ENOUGH / count))
        for group in self._groups([*places]):
            made = self._translations(group, trial.rows.fit)
            for one in made.values():
                one.solve()
            self._weigh(made, trial.rows.select)
            self.at |= made

    def _groups(self, places: list[Place]) -> list[list[Place]]:
        """Return groups of places whose Gram matrices fit into ``options.memory``; a single place may need more."""
        groups: list[list[Place]] = [[]]
        used, layers = 0.0, base_layers(self.trial.target, {layer for _, layer, _ in places})
        for place in places:
            f = operator(layers[place[1]])
            base = f if place[2] == BIAS else Placement(place[2]).base(f)
            sizes = (1 if place[2] == BIAS else base.rows, base.columns)
            bytes_ = sum(n * n * (8 if n <= EXACT else 4) for n in sizes)
            if groups[-1] and used + bytes_ > self.trial.options.memory * 1e9:
                groups.append([])
                used = 0.0
            groups[-1].append(place)
            used += bytes_
        return groups

    def _recorded(self, places: Iterable[Place], pairs: Iterable[Pair]) -> Iterator[tuple[Recorded, Recorded]]:
        """Yield the inputs and output gradients of both models' layers, without adapters, for each pair of batches."""
        source, target = self.trial.source, self.trial.target
        here = base_layers(source, {self.parts[key].layer for key, _, _ in places})
        there = base_layers(target, {layer for _, layer, _ in places})
        for number, (one, two) in enumerate(pairs):
            options: dict[str, Any] = {"call": self.trial.compared.call, "draws": self.draws}
            options["seed"] = self.trial.options.seed + number
            if self.trial.need == "labels":  # the class probabilities that define the metric
                options["chances"] = Goal(*self.trial.outputs((one, two), number), self.trial.need).chances()
            with disable(source), disable(target):
                yield record(source, here, one, **options), record(target, there, two, **options)

    def _translations(self, places: list[Place], pairs: list[Pair]) -> dict[Place, Translation]:
        parts = self.parts
        fits = {p: Translation(parts[p[0]].factors, parts[p[0]].placement, p[2]) for p in places}
        for here, there in self._recorded(places, pairs):
            for place in [*fits]:
                key, layer, _ = place
                origin = self.parts[key].layer
                try:
                    if origin in here.silent or layer in there.silent:
                        role = "source" if origin in here.silent else "target"
                        self.lost[place] = IDLE.format(role, "is never called")
                    else:
                        fits[place].add(here.rows[origin], there.rows[layer])
                except IoAdaptError as error:
                    self.lost[place] = error.reason
                if place in self.lost:
                    self.closed.add(key)
                    del fits[place]
        for place in [place for place, one in fits.items() if one.is_idle()]:
            self.lost[place] = IDLE.format("target", "does not influence the compared outputs")
            del fits[place]
        return fits

    def _weigh(self, made: Mapping[Place, Translation], pairs: list[Pair]) -> None:
        """Set ``kept``, the share of the gain that each candidate keeps at its place, estimated to first order."""
        sums: dict[tuple[Place, str], Tensor] = {}
        for here, there in self._recorded([*made], pairs) if made else ():
            for place, one in made.items():
                part, rows = self.parts[place[0]], there.rows[place[1]].both(place[2])
                e = effects(*here.rows[part.layer].both(part.placement), *part.factors).double().flatten()
                for name, factors in one.candidates.items():
                    e2 = effects(*rows, *factors).double().flatten().to(e)
                    both = torch.stack([2 * e @ e2 - e2 @ e2, e @ e]).cpu()
                    sums[place, name] = sums.get((place, name), torch.zeros_like(both)) + both
        for (place, name), (top, bottom) in sums.items():
            made[place].kept[name] = float(top / bottom) if bottom > 0 else 0.0
