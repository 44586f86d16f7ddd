"""The adapters for the target from which training can start: the copy, the closed forms, and zero."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import base_of
from ioadapt_theory.adapters.matrices import is_supported
from ioadapt_theory.adapters.model import function_of, layers
from ioadapt_theory.adapters.rules.correspondence import correspond
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.maps.solve import RULES, Rule
from ioadapt_theory.moving.carrying.blocks import by_blocks
from ioadapt_theory.moving.carrying.fitting import IDLE, Fit, Wanted, reduced
from ioadapt_theory.moving.carrying.parts import BIAS, Part, built, parts_of, stacked
from ioadapt_theory.moving.carrying.trial import BLOCKS, COPY, STARTS, ZERO, Adapters, Trial
from ioadapt_theory.moving.put import misfit

NO_LAYER = "the target has no layer of this name, but match='effect' (--match effect) can choose a layer"


def counterparts(
    source: nn.Module, target: nn.Module, names: Collection[str], rename: Mapping[str, str] | None, match: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the possible target layers for each source layer, and for source layers without any, the reason.

    ``rename`` takes precedence over ``match``. If ``match`` is "effect", the layers for a source layer are all target
    layers of its type (linear or convolution) whose names end in the same word or, if there are none, all of its type.

    Raises:
        InvalidValueError: a name in ``rename`` is not that of an adapted layer, or of a module of the target.
    """
    modules = dict(walk(target))
    require_known(rename or {}, names, modules)
    renamed = {n: (new,) for n, new in (rename or {}).items()}
    rest, lost = [n for n in names if n not in renamed], dict[str, str]()
    if match == "effect":
        for name in rest:
            leaf, kind = name.rpartition(".")[2], _is_convolution(source.get_submodule(name))
            fitting = [n for n, m in modules.items() if is_supported(m) and _is_convolution(m) == kind]
            same = [n for n in fitting if n.rpartition(".")[2] == leaf and not leaf.isdigit()]
            if fitting:
                renamed[name] = tuple(same or fitting)  # type: ignore[assignment]
            else:
                lost[name] = f"the target has no {'convolution' if kind else 'linear layer'}"
        return renamed, lost  # type: ignore[return-value]
    keys = [Name("", n) for n in rest]
    found = correspond(keys, ModelWeights(target), match, source=ModelWeights(source))
    places = {key.path: layers[:1] for key, layers in found.layers.items()}
    lost = {n: str(found.reasons.get(Name("", n), NO_LAYER)) for n in rest if n not in places}
    return renamed | places, lost


def require_known(rename: Mapping[str, str], names: Collection[str], modules: Collection[str]) -> None:
    """Raise InvalidValueError if ``rename`` contains a layer without an adapter, or an unknown layer of the target."""
    if missing := sorted(rename.keys() - {*names}):
        msg = f"rename contains {missing[0]!r}, but the source has no adapter on a layer of this name; remove it."
        raise InvalidValueError(msg)
    if missing := sorted({*rename.values()} - {*modules}):
        msg = f"rename contains {missing[0]!r}, but the target has no module of this name; give an existing name."
        raise InvalidValueError(msg)


def _is_convolution(module: nn.Module) -> bool:
    return hasattr(base_of(module), "kernel_size")


class Starts:
    """The adapters for the target from which training can start.

    Attributes:
        by_rule: rule -> layer of the target -> adapter.
        copy: layer of the target -> the copied adapter; {} if none fits, or another placement is asked for.
        parts: key -> part, what the source's adapter changes in one layer with one placement, as low-rank factors.
        fit: the parts fitted to layers of the target.
        picked: key of a part -> layer and placement of the target where it keeps the largest share of its gain.
        lost: layer of the source -> why its adapter cannot be copied, or cannot be fitted to one of the target layers.
        truncated: key of a part that was truncated to low rank -> share of its squared effect that remains.
    """

    def __init__(self, trial: Trial, places: Mapping[str, tuple[str, ...]]) -> None:
        self.trial, self.places = trial, places
        self.adapted = {n: layer for n, layer in layers(trial.source, trial.name).items() if n in places}
        self.modules = {"": trial.target, **dict(walk(trial.target))}
        self.lost, self.copy = dict[str, str](), dict[str, Adapter]()
        given = parts_of(self.adapted, trial.name)
        self.parts, self.truncated = reduced(given, trial, trial.source)
        self.idle = {part.layer for part in given if part.key not in self.parts}
        self.fit = Fit(trial, self.parts)
        self.fit.run(
            [(k, n, side) for k, p in self.parts.items() for n in places[p.layer] for side in self._sides(p, n)]
        )
        self.picked: dict[str, Wanted] = {}
        for place, one in self.fit.at.items():
            if place[0] not in self.picked or one.kept > self.fit.at[self.picked[place[0]]].kept:
                self.picked[place[0]] = place
        self.by_rule = self._made({STARTS[name] for name in trial.options.starts or STARTS})

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

    def _made(self, rules: Collection[Rule]) -> dict[Rule, Adapters]:
        made = {rule: self._assembled(rule) for rule in RULES.values()}
        copies = self._copies()
        self.lost |= dict.fromkeys(self.idle - copies.keys(), IDLE.format("source", "is never called"))
        unfitted = {self.parts[w[0]].layer for w in self.fit.lost if w[0] not in self.picked}
        for layer in (unfitted | self.idle) & copies.keys():
            for adapters in made.values():  # parts that can only be copied
                adapters.setdefault(self.places[layer][0], copies[layer])
        first = made[RULES["two-way"]]
        if BLOCKS in rules and first:
            made[BLOCKS] = by_blocks(self.trial, first, self.parts, self.fit, self.picked)
        if ZERO in rules and first:
            made[ZERO] = zeroed(first, self.trial.options.seed)
        sides = {part.placement for part in self.parts.values()} - {BIAS}
        if copies and self.trial.options.placement in {None, "best", *(sides if len(sides) == 1 else ())}:
            self.copy = made[COPY] = {self.places[layer][0]: adapter for layer, adapter in copies.items()}
        return {rule: adapters for rule, adapters in made.items() if adapters and rule in rules}

    def _copies(self) -> dict[str, Adapter]:
        named = {n: m for n, m in self.modules.items() if n}
        found = {}
        for layer, module in self.adapted.items():
            adapter: Adapter = module.adapters[self.trial.name]  # type: ignore[assignment]
            (place, *_) = self.places[layer]
            if len(self.places[layer]) == 1 and misfit(named, place, adapter) is None:
                found[layer] = deepcopy(adapter).to(device=function_of(named[place]).like.device)
        return found

    def _assembled(self, rule: Rule) -> dict[str, Adapter]:
        sides: dict[str, dict[str, list[Part]]] = {}
        for key, place in self.picked.items():
            part = replace(self.parts[key], factors=self.fit.at[place].factors[rule])
            sides.setdefault(place[1], {}).setdefault(place[2], []).append(part)
        return {
            layer: built(self.modules[layer], {side: stacked(many) for side, many in by_side.items()})
            for layer, by_side in sides.items()
            if by_side.keys() - {BIAS}
        }


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
