"""The candidates: the closed form over its grids, layer by layer, at less strength, and the copy."""

from collections.abc import Mapping
from copy import deepcopy

import torch

from ioadapt_theory.adapters.carrying.fitting import Fit, Passes, Place, base_layers, reduced
from ioadapt_theory.adapters.carrying.options import Options
from ioadapt_theory.adapters.carrying.parts import BIAS, Part, built, parts_of, stacked
from ioadapt_theory.adapters.carrying.trial import Adapters
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import AdaptedLayer, Adapter
from ioadapt_theory.adapters.model import function_of
from ioadapt_theory.adapters.moving.transfer import misfit
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.batches import Parts
from ioadapt_theory.effect.translation import Factors
from ioadapt_theory.errors import UnsupportedError

FEW = 64
"""Rows that are too few to choose much by; a row of n positions, of a text or an image, counts as √n."""
SAFE = ("ridge 0.1", "shrunk 10")
"""The candidates beside the copy where rows are few."""
STRENGTHS = (2.0, 1.4, 0.7, 0.4)


class Candidates:
    """What may be put on the target.

    Attributes:
        by_name: name -> layer of the target -> adapter.
        parts: of the source's adapter, by key.
        fit: the translations.
        picked: the place that each part goes to.
        lost: layers of the source that nothing can be made for, and why.
        truncated: parts that had no low rank, and the share of their effect that it keeps.
    """

    def __init__(
        self,
        adapted: Mapping[str, AdaptedLayer],
        name: str,
        passes: Passes,
        rows: Parts,
        places: Mapping[str, tuple[str, ...]],
        options: Options,
        *,
        few: bool,
    ) -> None:
        """Fit on ``rows.fit``, weigh on ``rows.choose``.

        Args:
            adapted: layers of the source that have the adapter.
            name: of the adapter.
            passes: of the two models; the layers to watch are set here.
            rows: divided.
            places: layers of the target for each of the source's.
            options: see ``Options``.
            few: whether the rows are too few to choose much by.
        """
        self.adapted, self.name, self.places, self.options = adapted, name, places, options
        self.modules = {"": passes.target, **dict(walk(passes.target))}
        self.few, self.lost = few, dict[str, str]()
        given = parts_of(self.adapted, self.name)
        there = {layer for layers_ in self.places.values() for layer in layers_}
        passes.here = base_layers(passes.source, {part.layer for part in given})
        passes.there = base_layers(passes.target, there)
        given, self.truncated = reduced(given, [passes], rows.fit, self.options.rank, self.options.rank_share)
        self.parts = {part.key: part for part in given}
        fitting = [
            (k, layer, side)
            for k, p in self.parts.items()
            for layer in self.places[p.layer]
            for side in self._sides(p, layer)
        ]
        self.fit = Fit.of(self.parts, fitting)
        origin = {key: part.layer for key, part in self.parts.items()}
        self.fit.add(passes(rows.fit), origin)
        self.fit.solve()
        self.fit.weigh(passes(rows.choose), self.parts)
        self.picked: dict[str, Place] = {}
        for key in self.parts:
            own = [place for place in self.fit.candidates if place[0] == key]
            if own:
                self.picked[key] = max(own, key=lambda place: self.fit.best(place)[1])
        self.by_name = self._made()

    def _sides(self, part: Part, layer: str) -> list[str]:
        """Return the sides of a layer of the target that may take a part over."""
        wanted = part.placement if self.options.placement is None or part.placement == BIAS else self.options.placement
        f = function_of(self.modules[layer])
        found = []
        for side in [*Placement] if wanted == "best" else [wanted]:
            try:
                if side != BIAS:
                    f.check_placeable(side)
                found.append(str(side))
            except UnsupportedError as error:
                self.lost[part.layer] = str(error)
        return found

    def _made(self) -> dict[str, Adapters]:
        """Return adapters for the target's layers by the name of the candidate."""
        names = list(dict.fromkeys(n for place in self.picked.values() for n in self.fit.candidates[place]))
        if self.few:
            names = [n for n in names if n in SAFE]
        made = {
            n: self._assembled(
                {key: (n if n in self.fit.candidates[place] else SAFE[0]) for key, place in self.picked.items()}
            )
            for n in names
        }
        if not self.few:
            best = {key: self.fit.best(place) for key, place in self.picked.items()}
            made["by layer"] = self._assembled({key: n for key, (n, share) in best.items() if share > 0})
        copies = self._copies()
        for layer in {self.parts[key].layer for key in self.fit.closed - self.picked.keys()} & copies.keys():
            target = self.places[layer][0]  # what cannot be fitted is copied: convolutions in groups
            for adapters in made.values():
                adapters.setdefault(target, copies[layer])
        sides = {part.placement for part in self.parts.values()} - {BIAS}
        if copies and self.options.placement in {None, "best", *(sides if len(sides) == 1 else ())}:
            made["copy"] = {self.places[layer][0]: adapter for layer, adapter in copies.items()}
        return {n: adapters for n, adapters in made.items() if adapters}

    def strengths(self, scores: Mapping[str, float]) -> dict[str, Adapters]:
        """Return the best closed form at other strengths: ridges weaken it, several large parts at once overshoot."""
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
        """Return the adapters that fit the target's layers as they are, by the source's layers."""
        named = {n: m for n, m in self.modules.items() if n}
        found = {}
        for layer, module in self.adapted.items():
            adapter: Adapter = module.adapters[self.name]  # type: ignore[assignment]
            (place, *_) = self.places[layer]
            if len(self.places[layer]) == 1 and misfit(named, place, adapter) is None:
                found[layer] = deepcopy(adapter).to(device=function_of(named[place]).like.device)
        return found

    def _assembled(self, names: Mapping[str, str]) -> dict[str, Adapter]:
        """Return the adapters made of one candidate for each part."""
        sides: dict[str, dict[str, list[tuple[Factors, float, torch.dtype]]]] = {}
        for key, name in names.items():
            place, part = self.picked[key], self.parts[key]
            one = self.fit.candidates[place][name], part.scaling, part.dtype
            sides.setdefault(place[1], {}).setdefault(place[2], []).append(one)
        made = {}
        for layer, by_side in sides.items():
            joined = {side: (stacked([f for f, _, _ in many]), *many[0][1:]) for side, many in by_side.items()}
            if joined.keys() - {BIAS}:
                made[layer] = built(self.modules[layer], joined)
        return made
