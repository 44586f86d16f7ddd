"""Carrying an adapter over to another model: it is fitted, trained, selected and evaluated on separate sets of rows."""

import math
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.effect.compared import Compared, first_rows
from ioadapt_theory.effect.passes import run
from ioadapt_theory.effect.retained import Prediction
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.counterparts import counterparts
from ioadapt_theory.maps.lineage import damaged
from ioadapt_theory.moving.carrying.extraction import extracted
from ioadapt_theory.moving.carrying.fitting import base_layers
from ioadapt_theory.moving.carrying.loop import Budget, race
from ioadapt_theory.moving.carrying.outcome import DISAGREEING, CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.moving.carrying.parts import BIAS
from ioadapt_theory.moving.carrying.starts import Starts
from ioadapt_theory.moving.carrying.trial import COPY, Adapters, Options, Trial, compared_rows, only, put, require_free
from ioadapt_theory.moving.put import TransferError, TransferReport

TOO_FEW = 16
"""Number of rows up to which a note says that they are too few for a reliable prediction."""
AS_GOOD = 0.02
"""Share of the gain by which a trained start must beat the plain copy."""
LITTLE, APART = 0.3, 0.3
"""Thresholds of notes: share of the gain kept, and difference of two estimates of it."""
IMPOSSIBLE = "the adapter cannot be fitted to the target (the report says why), and no copy keeps any of the gain"


def carried(
    source: nn.Module,
    target: nn.Module,
    inputs: Any,
    options: Options,
    *,
    name: str = "default",
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
    match: str = "name",
    trainable: bool = False,
    tuned: nn.Module | None = None,
) -> CarryReport:
    """Carry an adapter over to another model; ``transfer`` calls this function if inputs are given.

    The target receives the best adapter if it is likely to keep some of the gain (the adapter's reduction of the loss),
    else none. If ``tuned`` is given, a model fine-tuned from ``source``, an adapter is first extracted from the
    difference of the two models and then, unless ``target`` is ``source``, carried over.

    Returns:
        A report on the adapter that was put on the target, with the share of the gain that it is predicted to keep.

    Raises:
        TransferError: a layer has no counterpart and ``strict`` is set, or no layer has one; the target is unchanged.
        InvalidValueError: the inputs, an option or a model's weights are invalid, or the target (or the source, with
            ``tuned``) already has an adapter of this name; the target is unchanged.
    """
    if tuned is not None:
        first = extracted(source, tuned, inputs, options, name)
        if source is target:
            return first
        try:
            common: dict[str, Any] = {"strict": strict, "rename": rename, "match": match, "trainable": trainable}
            return carried(source, target, inputs, options, name=name, **common)
        finally:
            remove(source, name)
    given_layers = layers(source, name)
    require_free(target, name)
    places, lost = counterparts(source, target, _once(source, given_layers), rename, match)
    if not places or (strict and lost):
        raise TransferError(TransferReport(tuple(places), lost))
    for role, model in {"source": source, "target": target}.items():
        _require_finite(model, role)
    rows, compared = compared_rows(source, target, inputs, options)
    compared = compared.rounded(partial(_both, source, name, rows.fit[0][0], compared), source)
    with undisturbed(source, precise=compared.coarse), undisturbed(target, precise=compared.coarse):
        here, there = base_layers(source, places), base_layers(target, {n for some in places.values() for n in some})
        copied = damaged((here[n], there[some[0]]) for n, some in places.items() if len(some) == 1)
        trial = Trial(source, target, name, rows, options, compared, damaged=copied)
        report, adapters = _Carrying(trial, places, lost).done()
    put(target, adapters, name, trainable=trainable)
    for note in report.notes:
        warnings.warn(note, CarryWarning, stacklevel=3)
    return report


def _both(model: nn.Module, name: str, batch: Any, compared: Compared) -> tuple[Tensor, Tensor]:
    """Return the outputs of a model without and with its adapter, for a few rows."""
    few = first_rows(batch, 2)
    with disable(model):
        plain = run(model, few, compared.call, 0)
    with only(layers(model), name):
        return plain, run(model, few, compared.call, 0)


def _once(model: nn.Module, names: Mapping[str, nn.Module]) -> list[str]:
    """Return the first name of each adapted layer, since a model may hold a module under several names."""
    first: dict[int, str] = {}
    for name, module in names.items():
        first.setdefault(id(module), name)
    return [*first.values()]


def _require_finite(model: nn.Module, role: str) -> None:
    for name, weight in model.named_parameters():
        tested = not weight.is_meta and weight.is_floating_point() and weight.element_size() > 1  # not float8
        if tested and not weight.isfinite().all():
            msg = f"Parameter {name} of the {role} contains NaN or infinity; give a model with finite weights."
            raise InvalidValueError(msg)


class _Carrying:
    def __init__(self, trial: Trial, places: Mapping[str, tuple[str, ...]], lost: dict[str, str]) -> None:
        self.trial, self.rows, self.places, self.lost = trial, trial.rows, places, lost
        self.made = Starts(trial, places)

    def done(self) -> tuple[CarryReport, Adapters]:
        """Train the starts; return the report and the adapters to add, {} if none is likely to keep any of the gain."""
        copy = self.made.copy
        budget = Budget(self.trial)
        runs = race(self.trial, self.made.by_rule, budget)
        of_copy = self.trial.score(copy) if copy else None
        plain = -math.inf if of_copy is None else of_copy.kept
        found: dict[str, Adapters] = {run.label(rule): run.adapters() for rule, run in runs.items()}
        scores = {run.label(rule): run.score for rule, run in runs.items()}
        if copy:
            found["copy"], scores["copy"] = copy, plain
        best = max(scores, key=lambda n: scores[n], default="")
        steps = max((run.done for run in runs.values()), default=0)
        if copy and plain > 0 and scores[best] <= plain + AS_GOOD:
            best = "copy"
        if not best or scores[best] <= 0:
            best = ""
        alone = [*self.made.by_rule] == [COPY]
        if self.trial.options.steps == 0 and alone:  # no row is used: all of them may predict
            self.rows = self.trial.rows = self.rows.all_to_predict()
            self.trial.goals.clear()
        shown = {n: found[n] for n in dict.fromkeys((best, "copy")) if n in found}
        predicted = self.trial.predicted(shown, self.rows.predict)
        known = alone and not self.made.mapped  # the weights tell, too, that a copy is of use
        least = {n: one.sampled[0] if known and n == "copy" else one.least for n, one in predicted.items()}
        certain = [n for n in least if least[n] > 0] if best else []
        notes = []
        chosen = certain[0] if certain else best
        if certain and chosen != best:
            why = f"which may keep none of the gain (lower bound {least.get(best, -math.inf):z.2f})"
            notes.append(f"The candidate {chosen!r} was added instead of the best one, {best!r}, {why}.")
        put = found[chosen] if certain else {}
        if put and (rule := next((rule for rule, run in runs.items() if run.label(rule) == chosen and run.at), None)):
            runs[rule].finish(budget)
            put, steps = runs[rule].adapters(), runs[rule].done
            last = runs[rule].label(rule)
            scores[last], predicted[last] = scores.pop(chosen), predicted.pop(chosen)
            if self.trial.labelled:  # the last steps left out the rows of the prediction
                predicted |= self.trial.predicted({last: put}, self.rows.predict)
            chosen = last
        return self.report(
            chosen if put else "zero",
            predicted.get(chosen),
            put,
            predicted,
            scores,
            notes,
            steps,
        ), put

    def report(
        self,
        chosen: str,
        best: Prediction | None,
        put: Adapters,
        predicted: Mapping[str, Prediction],
        scores: Mapping[str, float],
        notes: list[str],
        steps: int,
    ) -> CarryReport:
        origins: dict[str, list[str]] = {}
        for key, (_, layer, _) in self.made.picked.items():
            origins.setdefault(layer, []).append(self.made.parts[key].layer)
        for layer, (first, *_) in self.places.items():
            origins.setdefault(first, [layer])
        sources = {layer: ", ".join(dict.fromkeys(origins[layer])) for layer in put}
        lost = self.lost | self.made.lost
        for (key, layer, _), why in self.made.fit.lost.items():
            if layer not in put:
                lost.setdefault(self.made.parts[key].layer, why)
        return CarryReport(
            matched=tuple(put),
            unmatched=lost,
            sources=sources,
            how="inputs",
            chosen=chosen,
            prediction=best,
            kept_copied=predicted["copy"].kept if "copy" in predicted else None,
            need=self.trial.need,
            compared=str(self.trial.compared),
            rows=self.rows.counts,
            layers={layer: self.layer(layer, adapter, chosen, sources[layer]) for layer, adapter in put.items()},
            scores={"zero": 0.0, **scores},
            steps=steps,
            truncated=self.made.truncated,
            notes=(*notes, *self.notes(best, steps, put=bool(put))),
        )

    def layer(self, layer: str, adapter: Adapter, chosen: str, origin: str) -> CarriedLayer:
        places = [place for place in self.made.picked.values() if place[1] == layer and place[2] != BIAS]
        if not places:
            return CarriedLayer.of(adapter, origin, 0, (0, 0), None)
        fitted = self.made.fit.at[places[0]]
        return CarriedLayer.of(adapter, origin, fitted.rows, fitted.features, None if chosen == "copy" else fitted.kept)

    def notes(self, best: Prediction | None, steps: int, *, put: bool) -> list[str]:
        rows, notes, test, more = self.rows.rows, [], "check the prediction on labelled data", "give more inputs"
        train = "train the adapter on the target"
        if best is None:
            why = f"no candidate keeps any of the gain on the rows used for selection; {more}, or {train}"
            notes.append(f"No adapter was added: {why if self.made.picked or not self.made.mapped else IMPOSSIBLE}.")
        elif not put:
            least = f"the best candidate may keep none of the gain (lower bound {best.least:z.2f})"
            notes.append(f"No adapter was added: {least}; {more}, or {train}.")
        if rows <= TOO_FEW:
            notes.append(f"{rows} rows are too few for a reliable prediction; give 256 or more.")
        if best is not None and put and best.kept < LITTLE:
            count = max(100, 4 * steps)
            way = f"check that the adapter is for this source, take more steps (steps={count}, --steps {count})"
            notes.append(f"Only {best.kept:z.2f} of the gain is kept; {way}, or {train}.")
        if best is None or best.told:
            return notes
        if put and best.R_KL is not None and abs(best.R_KL - best.R) > APART:
            both = f"{best.R_KL:z.2f} from the likelihoods, {best.R:z.2f} from the output changes"
            notes.append(f"The two estimates of the share of the gain that is kept differ ({both}); {test}.")
        if best.need == "labels" and 1 - best.agreement > DISAGREEING:
            differ = f"the two models predict different labels at {1 - best.agreement:.0%} of positions"
            notes.append(f"Without the adapter, {differ}; {test}.")
        return notes
