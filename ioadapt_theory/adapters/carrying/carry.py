"""An adapter carried over: fitted on most rows, chosen on some, told on others; nothing is put where none is kept."""

import warnings
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from ioadapt_theory.adapters.carrying.fitting import Fit, Passes, Place, base_layers, reduced
from ioadapt_theory.adapters.carrying.options import Options
from ioadapt_theory.adapters.carrying.outcome import CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.adapters.carrying.parts import BIAS, Part, built, parts_of, stacked
from ioadapt_theory.adapters.carrying.refine import from_zero, refined
from ioadapt_theory.adapters.carrying.trial import Adapters, Trial
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import function_of, install, layers
from ioadapt_theory.adapters.moving.transfer import misfit
from ioadapt_theory.adapters.rules.target_modules import walk
from ioadapt_theory.effect.batches import Pair, Parts, divided, row_count
from ioadapt_theory.effect.foretold import Foretold, RowSums, foretold, needed
from ioadapt_theory.effect.measure import require_comparable
from ioadapt_theory.effect.passes import undisturbed
from ioadapt_theory.effect.translation import Factors
from ioadapt_theory.errors import InvalidValueError, UnsupportedError

FEW, TOO_FEW = 64, 16
"""Rows that are too few to choose by much, and to foretell anything."""
AS_GOOD = 0.02
"""How much more than a copy a candidate has to keep to be taken instead."""
LITTLE, APART, DISAGREEING = 0.3, 0.3, 0.15
"""What is warned of: kept below, R and R_KL apart by more, positions at which the plain models disagree above."""
ENOUGH, DRAWS = 512, 4
"""Fitted samples below which so many cotangents are sent back, to have more rows on the writing side."""
STRENGTHS = (0.7, 0.4)
SAFE = ("ridge 0.1", "shrunk 0.1")
"""The candidates beside the copy where rows are few."""


def carry(
    source: nn.Module,
    target: nn.Module,
    inputs: Any,
    places: Mapping[str, tuple[str, ...]],
    lost: Mapping[str, str],
    name: str,
    options: Options,
) -> CarryReport:
    """Carry an adapter over; see ``transfer``.

    Args:
        source: the model with the adapter.
        target: the model to put it on.
        inputs: batches without labels.
        places: the source's layers, and for each the target's that may take its adapter over.
        lost: layers of the source that have none, and why.
        name: of the adapter.
        options: all else.
    """
    rows = divided(inputs, options.target_inputs, size=options.size, seed=options.seed)
    with undisturbed(source), undisturbed(target):
        report, adapters = _Carrying(source, target, rows, places, dict(lost), name, options).done()
    if adapters:
        flags = {p: p.requires_grad for p in target.parameters()}
        install(target, adapters, name)
        for p, flag in flags.items():
            p.requires_grad_(flag)
    for note in report.notes:
        warnings.warn(note, CarryWarning, stacklevel=4)
    return report


class _Carrying:
    """The steps, with what they share."""

    def __init__(
        self,
        source: nn.Module,
        target: nn.Module,
        rows: Parts,
        places: Mapping[str, tuple[str, ...]],
        lost: dict[str, str],
        name: str,
        options: Options,
    ) -> None:
        self.target, self.rows, self.places, self.lost, self.options = target, rows, places, lost, options
        self.adapted = {n: layer for n, layer in layers(source, name).items() if n in places}
        self.trial = Trial(source, target, name, options.call, options.seed)
        self.name = name
        self.modules = {"": target, **dict(walk(target))}
        s, sa = self.trial.wanted(rows.fit[0][0], 0)
        require_comparable(s, self.trial.plain(rows.fit[0][1], 0))
        if torch.equal(s, sa):
            msg = "The adapter changes no output of the source on these inputs: is it trained, and active?"
            raise InvalidValueError(msg)
        self.need = options.need or needed(s)
        count = sum(row_count(one) for one, _ in rows.fit)
        draws = options.draws or (DRAWS if count < ENOUGH else 1)
        self.passes = Passes(source, target, {}, {}, options.call, options.seed, draws)
        self.few = rows.rows <= FEW
        self.truncated: dict[str, float] = {}
        self.parts: dict[str, Part] = {}
        self.fit = Fit({})
        self.picked: dict[str, Place] = {}

    def done(self) -> tuple[CarryReport, dict[str, Adapter]]:
        """Fit, choose, refine and tell; return the outcome and what is to be put on the target."""
        self.fitted()
        candidates = self.candidates()
        scores = {"zero": 0.0} | self.scores(candidates, self.rows.choose)
        weaker = self.weaker(candidates, scores)
        scores |= self.scores(weaker, self.rows.choose)
        candidates |= weaker
        chosen = max(scores, key=lambda n: scores[n])
        if "copy" in scores and scores["copy"] > 0 and scores["copy"] >= scores[chosen] - AS_GOOD:
            chosen = "copy"
        steps = None
        if self.options.refine:
            steps = self.refined(candidates, scores, chosen)
            if scores.get("refined", -1.0) > scores[chosen]:
                chosen = "refined"
        return self.told(candidates, scores, chosen, steps)

    def fitted(self) -> None:
        """Fit the translations and pick a place for each part."""
        given = parts_of(self.adapted, self.name)
        there = {layer for layers_ in self.places.values() for layer in layers_}
        self.passes.here = base_layers(self.passes.source, {part.layer for part in given})
        self.passes.there = base_layers(self.target, there)
        given, self.truncated = reduced(given, self.passes, self.rows.fit, self.options.rank, self.options.share)
        self.parts = {part.key: part for part in given}
        places = [
            (k, layer, side)
            for k, p in self.parts.items()
            for layer in self.places[p.layer]
            for side in self.sides(p, layer)
        ]
        self.fit = Fit.of(self.parts, places)
        origin = {key: part.layer for key, part in self.parts.items()}
        self.fit.add(self.passes(self.rows.fit), origin)
        self.fit.solve(shrink=True)
        self.fit.weigh(self.passes(self.rows.choose), self.parts)
        for key in self.parts:
            fitting = [place for place in self.fit.candidates if place[0] == key]
            if fitting:
                self.picked[key] = max(fitting, key=lambda place: self.fit.best(place)[1])

    def sides(self, part: Part, layer: str) -> list[str]:
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

    def candidates(self) -> dict[str, dict[str, Adapter]]:
        """Return adapters for the target's layers by the name of the candidate."""
        names = list(dict.fromkeys(n for place in self.picked.values() for n in self.fit.candidates[place]))
        if self.few:
            names = [n for n in names if n in SAFE]
        made = {
            n: self.assembled(
                {key: (n if n in self.fit.candidates[place] else SAFE[0]) for key, place in self.picked.items()}
            )
            for n in names
        }
        if not self.few:
            best = {key: self.fit.best(place) for key, place in self.picked.items()}
            made["by layer"] = self.assembled({key: n for key, (n, share) in best.items() if share > 0})
        copies = self.copies()
        for layer in {self.parts[key].layer for key in self.parts.keys() - self.picked.keys()} & copies.keys():
            target = self.places[layer][0]  # what has no closed form is copied: convolutions in groups
            for adapters in made.values():
                adapters.setdefault(target, copies[layer])
        if copies:
            made["copy"] = {self.places[layer][0]: adapter for layer, adapter in copies.items()}
        return {n: adapters for n, adapters in made.items() if adapters}

    def weaker(self, candidates: Mapping[str, Adapters], scores: Mapping[str, float]) -> dict[str, dict[str, Adapter]]:
        """Return the best closed form at less than its strength: several large parts at once overshoot."""
        fitted = [n for n in candidates if n != "copy"]
        if self.few or not fitted:
            return {}
        best, made = max(fitted, key=lambda n: scores[n]), {}
        for strength in STRENGTHS:
            made[f"{best}, strength {strength:g}"] = copied = deepcopy(dict(candidates[best]))
            for adapter in copied.values():
                for _, phi in adapter.parts():
                    phi.scaling *= strength
        return made

    def copies(self) -> dict[str, Adapter]:
        """Return the adapters that fit the target's layers as they are, by the source's layers."""
        named = {n: m for n, m in self.modules.items() if n}
        found = {}
        for layer, module in self.adapted.items():
            adapter: Adapter = module.adapters[self.name]  # type: ignore[assignment]
            (place, *_) = self.places[layer]
            if len(self.places[layer]) == 1 and misfit(named, place, adapter) is None:
                found[layer] = deepcopy(adapter).to(device=function_of(named[place]).like.device)
        return found

    def assembled(self, names: Mapping[str, str]) -> dict[str, Adapter]:
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

    def scores(self, candidates: Mapping[str, Adapters], pairs: list[Pair]) -> dict[str, float]:
        """Return what each candidate keeps on some rows."""
        sums = self.trial.sums(candidates, pairs)
        return {name: self.share(rows) for name, rows in sums.items()}

    def share(self, rows: RowSums) -> float:
        """Return R_KL or R, by what is needed; minus infinity where it is no number."""
        share = foretold(rows, self.need, seed=self.options.seed).kept
        return share if share == share else -float("inf")

    def refined(
        self, candidates: dict[str, dict[str, Adapter]], scores: dict[str, float], chosen: str
    ) -> tuple[int, float] | None:
        """Add the refined candidate; return the steps and what they keep from zero, on the rows to choose by."""
        plain = {n for n, adapters in candidates.items() if all(a.family == "lora" for a in adapters.values())}
        if not plain:
            return None
        start = chosen if chosen in plain else max(plain, key=lambda n: scores[n])
        steps = self.options.refine
        with tqdm(total=2 * steps, desc="refining", delay=10, disable=None, leave=False) as bar:

            def score(adapters: Adapters) -> float:
                return self.scores({"": adapters}, self.rows.choose)[""]

            common = {"need": self.need, "steps": steps, "progress": bar.update}
            best, scores["refined"] = refined(self.trial, candidates[start], self.rows.fit, score, **common)
            zero = from_zero(candidates[start], self.options.seed)
            candidates["from zero"], scores["from zero"] = refined(self.trial, zero, self.rows.fit, score, **common)
        candidates["refined"] = best
        return steps, scores["from zero"]

    def told(
        self,
        candidates: dict[str, dict[str, Adapter]],
        scores: dict[str, float],
        chosen: str,
        steps: tuple[int, float] | None,
    ) -> tuple[CarryReport, dict[str, Adapter]]:
        """Foretell on the untouched rows, and decide whether anything is put."""
        shown = {n: candidates[n] for n in (chosen, "copy", "from zero") if n in candidates}
        sums = self.trial.sums(shown, self.rows.tell)
        found = {n: foretold(rows, self.need, seed=self.options.seed) for n, rows in sums.items()}
        best = found.get(chosen)
        notes, put = self.notes(best), {}
        if best is not None and best.interval[0] > 0:
            put = candidates[chosen]
        elif best is not None:
            notes.insert(
                0, f"Nothing is put there: the lower end of what is kept, {best.interval[0]:.2f}, is not above zero."
            )
        else:
            notes.insert(0, "Nothing is put there: no candidate keeps anything on the rows to choose by.")
        origins = {place[1]: self.parts[key].layer for key, place in self.picked.items()}
        if chosen == "copy":
            origins = {self.places[layer][0]: layer for layer in self.adapted if self.places[layer][0] in put}
        lost = {layer: why for layer, why in self.lost.items()}
        for (key, layer, _), why in self.fit.lost.items():
            if layer not in put:
                lost.setdefault(self.parts[key].layer, why)
        report = CarryReport(
            matched=tuple(put),
            unmatched=lost,
            sources={layer: origins.get(layer, layer) for layer in put},
            how="inputs",
            chosen=chosen if put else "zero",
            foretold=best,
            kept_copied=found["copy"].kept if "copy" in found else None,
            need=self.need,
            rows=tuple(
                sum(row_count(one) for one, _ in pairs) for pairs in (self.rows.fit, self.rows.choose, self.rows.tell)
            ),
            layers={layer: self.layer(layer, adapter, chosen, origins) for layer, adapter in put.items()},
            scores=scores,
            refined=None if steps is None else (steps[0], found["from zero"].kept),
            truncated=self.truncated,
            notes=tuple(notes),
        )
        return report, put

    def layer(self, layer: str, adapter: Adapter, chosen: str, origins: Mapping[str, str]) -> CarriedLayer:
        """Return what is told of one layer."""
        places = [place for place in self.picked.values() if place[1] == layer and place[2] != BIAS]
        side = "+".join(str(placement) for placement, _ in adapter.parts())
        rank = max((phi.rank or 0) for _, phi in adapter.parts())
        if not places:
            return CarriedLayer(origins.get(layer, layer), side, rank, 0, (0, 0), None)
        translation, singles = self.fit.translations[places[0]], self.fit.single[places[0]]
        name = self.fit.best(places[0])[0] if chosen in {"by layer", "refined"} else chosen.partition(",")[0]
        kept = singles[name].R if name in singles else None
        reader, writer = translation.reader, translation.writer
        features = (reader.features, writer.features) if reader and writer else (0, 0)
        return CarriedLayer(origins.get(layer, layer), side, rank, reader.rows if reader else 0, features, kept)

    def notes(self, best: Foretold | None) -> list[str]:
        """Return what has to be said."""
        notes, rows = [], self.rows.rows
        if rows <= TOO_FEW:
            notes.append(f"{rows} rows are too few to foretell anything: give 256 or more.")
        elif rows <= FEW:
            notes.append(f"{rows} rows are few: one ridge is tried instead of a grid; give 256 or more.")
        if best is None:
            return notes
        if best.kept < LITTLE:
            notes.append(f"Only {best.kept:.2f} of the gain is kept: train on the target from here, or give refine=50.")
        if best.R_KL is not None and abs(best.R_KL - best.R) > APART:
            notes.append(
                f"What is kept of the labels ({best.R_KL:.2f}) and of the change ({best.R:.2f}) is far apart: they"
                " do not want the same; test it on labels."
            )
        if self.need == "labels" and 1 - best.agreement > DISAGREEING:
            notes.append(f"The models disagree on {1 - best.agreement:.0%} of the positions: test it on labels.")
        return notes
