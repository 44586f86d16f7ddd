"""Carrying an adapter over to another model: it is fitted, trained, selected and evaluated on separate sets of rows."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.effect.compared import first_rows
from ioadapt_theory.effect.passes import run
from ioadapt_theory.effect.retained import Prediction
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.counterparts import counterparts
from ioadapt_theory.maps.lineage import damaged
from ioadapt_theory.moving.carrying.extraction import compared_rows, extracted
from ioadapt_theory.moving.carrying.fitting import base_layers
from ioadapt_theory.moving.carrying.loop import Budget, race
from ioadapt_theory.moving.carrying.outcome import DISAGREEING, CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.moving.carrying.parts import BIAS
from ioadapt_theory.moving.carrying.starts import Starts
from ioadapt_theory.moving.carrying.trial import COPY, Adapters, Options, Trial, only, put, require_free
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
    inputs: list[Any],
    options: Options,
    *,
    name: str,
    strict: bool,
    rename: Mapping[str, str] | None,
    match: str,
    trainable: bool,
    tuned: nn.Module | None = None,
) -> CarryReport:
    """Return a report on the adapter that is put on the target; ``transfer`` calls this function if inputs are given.

    If ``tuned`` is given, a model fine-tuned from ``source``, an adapter is first extracted from the difference of the
    two models and then, unless ``target`` is ``source``, carried over.

    Raises:
        TransferError: a layer has no counterpart and ``strict`` is set, or no layer has one; the target is unchanged.
        InvalidValueError: an option has no effect, or the inputs are invalid.
    """
    if tuned is not None:
        if source is target:
            how = None if match == "name" else match
            given = {"placement": options.placement, "starts": options.starts, "rename": rename, "match": how}
            if odd := [key for key, value in given.items() if value]:
                msg = f"{odd[0]} has no effect if the change of tuned= is put on the source itself; leave it out."
                raise InvalidValueError(msg)
            return extracted(source, tuned, inputs, options, name, trainable=trainable)
        extracted(source, tuned, inputs, options, name)
        try:
            common: dict[str, Any] = {"strict": strict, "rename": rename, "match": match, "trainable": trainable}
            return carried(source, target, inputs, options, name=name, **common)
        finally:
            remove(source, name)
    adapted, first_names = layers(source, name), {n for n, _ in source.named_modules()}  # a module may have several
    require_free(target, name)
    places, lost = counterparts(source, target, [n for n in adapted if n in first_names], rename, match)
    if not places or (strict and lost):
        raise TransferError(TransferReport(tuple(places), lost))
    for role, model in {"source": source, "target": target}.items():
        _require_finite(model, role)
    rows, compared = compared_rows(source, target, inputs, options)

    def both() -> tuple[Tensor, Tensor]:
        few = first_rows(rows.fit[0][0], 2)
        with disable(source):
            plain = run(source, few, compared.call, 0)
        with only(layers(source), name):
            return plain, run(source, few, compared.call, 0)

    compared = compared.rounded(both, source)
    with undisturbed(source, precise=compared.coarse), undisturbed(target, precise=compared.coarse):
        here, there = base_layers(source, places), base_layers(target, {n for some in places.values() for n in some})
        copied = damaged((here[n], there[some[0]]) for n, some in places.items() if len(some) == 1)
        trial = Trial(source, target, name, rows, options, compared, damaged=copied)
        report, adapters = _best(trial, places, lost)
    put(target, adapters, name, trainable=trainable)
    for note in report.notes:
        warnings.warn(note, CarryWarning, stacklevel=3)
    return report


def _require_finite(model: nn.Module, role: str) -> None:
    for name, weight in model.named_parameters():
        tested = not weight.is_meta and weight.is_floating_point() and weight.element_size() > 1  # not float8
        if tested and not weight.isfinite().all():
            msg = f"Parameter {name} of the {role} contains NaN or infinity; give a model with finite weights."
            raise InvalidValueError(msg)


def _best(trial: Trial, places: Mapping[str, tuple[str, ...]], lost: Mapping[str, str]) -> tuple[CarryReport, Adapters]:
    """Train the starts; return a report and the adapters to add, {} if none is likely to keep any of the gain."""
    made, budget = Starts(trial, places), Budget(trial)
    runs = race(trial, made.by_rule, budget)
    found: dict[str, Adapters] = {run.label(rule): run.adapters() for rule, run in runs.items()}
    scores = {run.label(rule): run.score for rule, run in runs.items()}
    if made.copy:
        of_copy = trial.score(made.copy)
        found["copy"], scores["copy"] = made.copy, -math.inf if of_copy is None else of_copy.kept
    best = max(scores, key=lambda n: scores[n], default="")
    if scores.get("copy", 0.0) > 0 and scores[best] <= scores["copy"] + AS_GOOD:
        best = "copy"
    best = best if scores.get(best, 0.0) > 0 else ""
    steps = max((run.done for run in runs.values()), default=0)
    alone = [*made.by_rule] == [COPY]
    if trial.options.steps == 0 and alone:  # no row is used: all of them may predict
        trial.rows = trial.rows.all_to_predict()
        trial.goals.clear()
    shown = {n: found[n] for n in dict.fromkeys((best, "copy")) if n in found}
    learned = {run.label(rule) for rule, run in runs.items() if run.at}
    predicted = trial.predicted(shown, trial.rows.predict, learned)
    known = alone and not made.mapped  # the weights tell, too, that a copy is of use
    least = {n: one.sampled[0] if known and n == "copy" else one.least for n, one in predicted.items()}
    certain = [n for n in least if least[n] > 0] if best else []
    notes, chosen = [], certain[0] if certain else best
    if certain and chosen != best:
        why = f"which may keep none of the gain (lower bound {least.get(best, -math.inf):z.2f})"
        notes.append(f"The candidate {chosen!r} was added instead of the best one, {best!r}, {why}.")
    adapters = found[chosen] if certain else {}
    for rule, winner in runs.items():
        if adapters and winner.at and winner.label(rule) == chosen:
            winner.finish(budget)
            adapters, steps = winner.adapters(), winner.done
            last = winner.label(rule)
            scores[last], predicted[last] = scores.pop(chosen), predicted.pop(chosen)
            if trial.labelled:  # the last steps left out the rows of the prediction
                predicted |= trial.predicted({last: adapters}, trial.rows.predict)
            chosen = last
            break
    origins: dict[str, list[str]] = {}
    for key, layer, _ in made.fit.picked.values():
        origins.setdefault(layer, []).append(made.fit.parts[key].layer)
    for layer, (first, *_) in places.items():
        origins.setdefault(first, [layer])
    sources = {layer: ", ".join(dict.fromkeys(origins[layer])) for layer in adapters}
    unmatched = {**lost, **made.lost}
    for (key, layer, _), why in made.fit.lost.items():
        if layer not in adapters:
            unmatched.setdefault(made.fit.parts[key].layer, why)
    told = {}
    for layer, adapter in adapters.items():
        fit = next((made.fit.at[w] for w in made.fit.picked.values() if w[1] == layer and w[2] != BIAS), None)
        rows, features, kept = (0, (0, 0), None) if fit is None else (fit.rows, fit.features, fit.kept)
        told[layer] = CarriedLayer.of(adapter, sources[layer], rows, features, None if chosen == "copy" else kept)
    prediction, impossible = predicted.get(chosen), made.mapped and not made.fit.picked
    notes += _notes(prediction, trial.rows.rows, steps, put=bool(adapters), impossible=impossible)
    others = sorted({n for layer in layers(trial.target).values() for n in layer.active} - {trial.name})
    if adapters and others:
        notes.append(f"The prediction is for the adapter alone; {', '.join(others)} on the target stays active, too.")
    return CarryReport(
        matched=tuple(adapters),
        unmatched=unmatched,
        sources=sources,
        how="inputs",
        chosen=chosen if adapters else "zero",
        prediction=prediction,
        kept_copied=predicted["copy"].kept if "copy" in predicted else None,
        need=trial.need,
        compared=str(trial.compared),
        rows=trial.rows.counts,
        layers=told,
        scores={"zero": 0.0, **scores},
        steps=steps,
        truncated=made.truncated,
        notes=tuple(notes),
    ), adapters


def _notes(best: Prediction | None, rows: int, steps: int, *, put: bool, impossible: bool) -> list[str]:
    notes, more, train = list[str](), "give more inputs", "train the adapter on the target"
    test = "check the prediction on labelled data"
    if best is None:
        why = f"no candidate keeps any of the gain on the rows used for selection; {more}, or {train}"
        notes.append(f"No adapter was added: {IMPOSSIBLE if impossible else why}.")
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
