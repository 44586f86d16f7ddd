"""The adapters for the target from which training can start: the copy, the closed forms, and zero."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import Spec
from ioadapt_theory.adapters.layer import base_of, walk
from ioadapt_theory.adapters.model import function_of, layers
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.maps.lineage import related
from ioadapt_theory.maps.solve import RULES, Rule
from ioadapt_theory.moving.carrying.blocks import by_blocks
from ioadapt_theory.moving.carrying.fitting import IDLE, Fit
from ioadapt_theory.moving.carrying.parts import BIAS, Part, assembled, parts_of
from ioadapt_theory.moving.carrying.reducing import reduced
from ioadapt_theory.moving.carrying.trial import BLOCKS, COPY, STARTS, ZERO, Adapters, Trial
from ioadapt_theory.moving.put import misfit


class Starts:
    """The adapters for the target from which training can start: ``by_rule`` has functions that return them.

    If the weights show that both models have the same bases in all adapted layers, this is the copy alone, unless the
    options say otherwise: no map is nearer, and none needs to be fitted. Nor is one if only zero is asked for.

    Attributes:
        copy: layer of the target -> the copied adapter; {} if none fits, or another placement is asked for.
        lost: layer of the source -> why its adapter cannot be copied, or cannot be fitted to one of the target layers.
        truncated: key of a part that was truncated to low rank -> share of its squared effect that remains.
    """

    def __init__(self, trial: Trial, places: Mapping[str, tuple[str, ...]]) -> None:
        self.trial, self.places = trial, places
        self.adapted = {n: layer for n, layer in layers(trial.source, trial.name).items() if n in places}
        self.modules = {"": trial.target, **dict(walk(trial.target))}
        self.lost, self.copy = dict[str, str](), dict[str, Adapter]()
        self.truncated, self.fit = dict[str, float](), Fit(trial, {})
        self.by_rule: dict[Rule, Callable[[], Adapters]]
        copies = self._copies()
        given = parts_of(self.adapted, trial.name)
        rules, self.mapped = {STARTS[name] for name in trial.options.starts or STARTS}, False
        copied = {places[layer][0]: adapter for layer, adapter in copies.items()}
        free = trial.options.starts is None and trial.options.placement is None
        known = free and copies.keys() == self.adapted.keys()
        if known and all(related(x.base_layer, base_of(self.modules[places[n][0]])) for n, x in self.adapted.items()):
            self.copy, self.by_rule = copied, {COPY: lambda: copied}
            return
        if rules == {ZERO} and all(part.low for part in given):
            self.by_rule = {ZERO: partial(self._fresh, given)}
            return
        self.mapped = True
        parts, self.truncated = reduced(given, trial, trial.source)
        idle = {part.layer for part in given if part.key not in parts}
        wanted = [(k, n, side) for k, p in parts.items() for n in places[p.layer] for side in self._sides(p, n)]
        self.fit = fit = Fit(trial, parts, wanted)
        made = {rule: self._assembled(rule) for rule in RULES.values()}
        self.lost |= dict.fromkeys(idle - copies.keys(), IDLE.format("source", "is never called"))
        unfitted = {parts[w[0]].layer for w in fit.lost if w[0] not in fit.picked}
        for layer in (unfitted | idle) & copies.keys():
            for adapters in made.values():  # parts that can only be copied
                adapters.setdefault(places[layer][0], copies[layer])
        sides = {part.placement for part in parts.values()} - {BIAS}
        if trial.options.placement in {None, "best", *(sides if len(sides) == 1 else ())}:
            self.copy = copied
        found: dict[Rule, Callable[[], Adapters]] = {rule: partial(made.__getitem__, rule) for rule in made}
        if first := made[RULES["two-way"]]:
            found[BLOCKS] = lambda: by_blocks(trial, first, fit)
            found[ZERO] = lambda: zeroed(first, trial.options.seed)
        if self.copy:
            found[COPY] = lambda: copied
        self.by_rule = {rule: function for rule, function in found.items() if rule in rules and (first or rule == COPY)}

    def _sides(self, part: Part, layer: str) -> list[str]:
        """Return the placements in which a part may be fitted to a target layer; if there is none, store the reason."""
        asked = self.trial.options.placement
        wanted = part.placement if asked is None or part.placement == BIAS else asked
        f = function_of(self.modules[layer])
        sides, refused = [], ""
        for side in [*Placement] if wanted == "best" else [wanted]:
            try:
                if side != BIAS:
                    f.check_placeable(side)
                sides.append(str(side))
            except UnsupportedError as error:
                refused = error.reason
        if not sides:
            self.lost[part.layer] = refused
        return sides

    def _fresh(self, given: list[Part]) -> dict[str, Adapter]:
        """Return new LoRAs with the placements and scalings, and by default the ranks, of the source's."""
        plans: dict[str, dict[Placement, Spec]] = {}
        for part in given:
            layer, rank = self.places[part.layer][0], self.trial.options.rank or part.rank
            for side in self._sides(part, layer)[:1] if part.placement != BIAS else ():
                plans.setdefault(layer, {})[Placement(side)] = Spec(rank=rank, scaling=part.scaling)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.trial.options.seed)
            fresh = {n: Adapter.fresh(function_of(self.modules[n]), "lora", plan) for n, plan in plans.items()}
        return {n: adapter.to(given[0].dtype) for n, adapter in fresh.items()}

    def _copies(self) -> dict[str, Adapter]:
        named = {n: m for n, m in self.modules.items() if n}
        found = {}
        for layer, module in self.adapted.items():
            adapter: Adapter = module.adapters[self.trial.name]  # type: ignore[assignment]
            (place, *more), rank = self.places[layer], self.trial.options.rank
            large = rank is not None and max(phi.rank or 0 for _, phi in adapter.parts()) > rank
            if not more and not large and misfit(named, place, adapter) is None:
                found[layer] = deepcopy(adapter).to(device=function_of(named[place]).like.device)
        return found

    def _assembled(self, rule: Rule) -> dict[str, Adapter]:
        fit = self.fit
        moved = [
            replace(fit.parts[w[0]], layer=w[1], placement=w[2], factors=fit.at[w].factors[rule])
            for w in fit.picked.values()
        ]
        return assembled(self.modules, moved)


def zeroed(adapters: Adapters, seed: int) -> dict[str, Adapter]:
    """Return new LoRAs of the same sizes, as they are before training; others are left out."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for layer, adapter in adapters.items():
        if adapter.family != "lora":
            continue
        made[layer] = new = deepcopy(adapter)
        for _, phi in new.parts():
            a = phi.A.data
            a.copy_((torch.rand(a.shape, generator=generator) * 2 - 1) / len(a) ** 0.5)  # type: ignore[operator, arg-type]
            phi.B.data.zero_()  # type: ignore[operator]
        if new.shift is not None:
            new.shift.data.zero_()
    return made
