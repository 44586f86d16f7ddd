"""Candidate adapters for the target model: the copy, and closed forms with different ridges and strengths."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import replace

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
from ioadapt_theory.moving.carrying.fitting import IDLE, Fit, Place, reduced
from ioadapt_theory.moving.carrying.parts import BIAS, Part, built, parts_of, stacked
from ioadapt_theory.moving.carrying.trial import Adapters, Trial
from ioadapt_theory.moving.put import misfit

FEW = 64
"""Number of rows up to which only ``SAFE`` and the copy are tried; a sample of n positions counts as √n rows."""
SAFE = ("ridge 0.1", "shrunk 10")
"""The candidates, besides the copy, that are tried if there are at most ``FEW`` rows."""
STRENGTHS = (2.0, 1.4, 0.7, 0.4)
NO_LAYER = "the target has no layer of this name, but match='effect' (--match effect) can choose a layer"


def counterparts(
    source: nn.Module, target: nn.Module, names: Collection[str], rename: Mapping[str, str] | None, match: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the possible target layers for each source layer, and for source layers without any, the reason.

    ``rename`` takes precedence over ``match``. If ``match`` is "effect", the layers for a source layer are all target
    layers of its type (linear or convolution) whose names end in the same word or, if there are none, all of its type.

    Raises:
        InvalidValueError: a target name in ``rename`` is not the name of a module of the target.
    """
    modules = dict(walk(target))
    renamed = {n: (new,) for n, new in (rename or {}).items() if n in names}
    if missing := sorted(new for (new,) in renamed.values() if new not in modules):
        msg = f"rename contains {missing[0]!r}, but the target has no module of this name; give an existing name."
        raise InvalidValueError(msg)
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


def _is_convolution(module: nn.Module) -> bool:
    return hasattr(base_of(module), "kernel_size")


class Candidates:
    """The candidate adapters for the target.

    Attributes:
        by_name: name of a candidate -> layer of the target -> adapter.
        parts: key -> part, what the source's adapter changes in one layer with one placement, as low-rank factors.
        idle: layers of the source with adapters other than LoRA that are never called on the inputs.
        fit: the parts fitted at places; a place is the key of a part, a layer of the target and a placement there.
        picked: key of a part -> the place where the part keeps the largest share of its gain (loss reduction).
        lost: layer of the source -> why its adapter cannot be copied, or cannot be fitted to one of the target layers.
        truncated: key of a part that was truncated to low rank -> share of its squared effect that remains.
    """

    def __init__(self, trial: Trial, places: Mapping[str, tuple[str, ...]], *, few: bool) -> None:
        self.trial, self.places, self.few = trial, places, few
        self.adapted = {n: layer for n, layer in layers(trial.source, trial.name).items() if n in places}
        self.modules = {"": trial.target, **dict(walk(trial.target))}
        self.lost: dict[str, str] = {}
        given = parts_of(self.adapted, trial.name)
        self.parts, self.truncated = reduced(given, trial, trial.source)
        self.idle = {part.layer for part in given if part.key not in self.parts}
        fitting = [(k, n, side) for k, p in self.parts.items() for n in places[p.layer] for side in self._sides(p, n)]
        self.fit = Fit(trial, self.parts, fitting)
        self.picked: dict[str, Place] = {}
        for place, one in self.fit.at.items():
            best = self.picked.get(place[0])
            if best is None or one.kept[one.best] > self.fit.at[best].kept[self.fit.at[best].best]:
                self.picked[place[0]] = place
        self.by_name = self._made()

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

    def _made(self) -> dict[str, Adapters]:
        fitted = {key: self.fit.at[place] for key, place in self.picked.items()}
        names = list(dict.fromkeys(n for one in fitted.values() for n in one.candidates if not self.few or n in SAFE))
        made = {
            n: self._assembled({key: n if n in one.candidates else SAFE[0] for key, one in fitted.items()})
            for n in names
        }
        if not self.few:
            made["by layer"] = self._assembled({key: one.best for key, one in fitted.items() if one.kept[one.best] > 0})
        copies = self._copies()
        closed = {self.parts[key].layer for key in self.fit.closed - self.picked.keys()}
        self.lost |= dict.fromkeys(self.idle - copies.keys(), IDLE.format("source", "is never called"))
        for layer in (closed | self.idle) & copies.keys():
            target = self.places[layer][0]  # for parts that can only be copied
            for adapters in made.values():
                adapters.setdefault(target, copies[layer])
        sides = {part.placement for part in self.parts.values()} - {BIAS}
        if copies and self.trial.options.placement in {None, "best", *(sides if len(sides) == 1 else ())}:
            made["copy"] = {self.places[layer][0]: adapter for layer, adapter in copies.items()}
        return {n: adapters for n, adapters in made.items() if adapters}

    def strengths(self, scores: Mapping[str, float]) -> dict[str, Adapters]:
        """Return the best fit with its LoRAs scaled by each of ``STRENGTHS``; {} if ``few`` or without a fit."""
        fitted = [n for n in self.by_name if n != "copy"]
        if self.few or not fitted:
            return {}
        made: dict[str, Adapters] = {}
        best = max(fitted, key=lambda n: scores[n])
        for strength in STRENGTHS:
            copied = deepcopy(dict(self.by_name[best]))
            made[f"{best}, strength {strength:g}"] = copied
            for adapter in copied.values():
                for _, phi in adapter.parts() if adapter.family == "lora" else ():
                    phi.B.data.mul_(strength)  # type: ignore[operator]
        return made

    def _copies(self) -> dict[str, Adapter]:
        named = {n: m for n, m in self.modules.items() if n}
        found = {}
        for layer, module in self.adapted.items():
            adapter: Adapter = module.adapters[self.trial.name]  # type: ignore[assignment]
            (place, *_) = self.places[layer]
            if len(self.places[layer]) == 1 and misfit(named, place, adapter) is None:
                found[layer] = deepcopy(adapter).to(device=function_of(named[place]).like.device)
        return found

    def _assembled(self, names: Mapping[str, str]) -> dict[str, Adapter]:
        """Return the LoRA for each target layer; ``names`` maps the key of a part to the candidate with its factors."""
        sides: dict[str, dict[str, list[Part]]] = {}
        for key, name in names.items():
            place = self.picked[key]
            part = replace(self.parts[key], factors=self.fit.at[place].candidates[name])
            sides.setdefault(place[1], {}).setdefault(place[2], []).append(part)
        return {
            layer: built(self.modules[layer], {side: stacked(many) for side, many in by_side.items()})
            for layer, by_side in sides.items()
            if by_side.keys() - {BIAS}
        }
