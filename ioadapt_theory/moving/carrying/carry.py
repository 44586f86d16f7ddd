"""Carrying an adapter over to another model: candidates are fitted, selected and evaluated on separate sets of rows."""

import warnings
from collections.abc import Mapping
from typing import Any

from torch import nn
from tqdm import tqdm

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.model import layers, naming, remove
from ioadapt_theory.effect.batches import divided
from ioadapt_theory.effect.retained import Prediction
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.moving.carrying.candidates import FEW, Candidates, counterparts
from ioadapt_theory.moving.carrying.extraction import extract
from ioadapt_theory.moving.carrying.gauss_newton import passes
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.moving.carrying.parts import BIAS
from ioadapt_theory.moving.carrying.refine import from_zero, refined
from ioadapt_theory.moving.carrying.trial import Adapters, Options, Trial, put
from ioadapt_theory.moving.put import TransferError, TransferReport

STEPS = 10
"""Default number of refinement steps."""
TOO_FEW = 16
"""Number of rows up to which a note says that they are too few for a reliable prediction."""
AS_GOOD = 0.02
"""Margin, in the share of the gain, by which a candidate must beat the copy, and a scaled candidate all others."""
LITTLE, APART, DISAGREEING = 0.3, 0.3, 0.15
"""Thresholds of notes: share of the gain kept, difference of two estimates of it, and disagreement of the models."""
IMPOSSIBLE = "the adapter cannot be fitted to the target (the report says why), and no copy keeps any of the gain"


def carried(
    source: nn.Module,
    target: nn.Module,
    inputs: Any,
    *,
    name: str = "default",
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
    match: str = "name",
    trainable: bool = False,
    tuned: nn.Module | None = None,
    **options: Any,
) -> CarryReport:
    """Carry an adapter over to another model; ``transfer`` calls this function if inputs are given.

    The target receives the best candidate that is likely to keep some of the gain (the adapter's reduction of the
    loss), or no adapter if there is none. If ``tuned`` is given, a model fine-tuned from ``source``, an adapter is
    first extracted from the difference of the two models and then, unless ``target`` is ``source``, carried over.

    Returns:
        A report on the adapter that was put on the target, with the share of the gain that it is predicted to keep.

    Raises:
        TransferError: a layer has no counterpart and ``strict`` is set, or no layer has one; the target is unchanged.
        InvalidValueError: the inputs, an option or a model's weights are invalid, or the target (or the source, with
            ``tuned``) already has an adapter of this name; the target is unchanged.
    """
    chosen = Options.of(options)
    if tuned is not None:
        extracted = extract(source, tuned, inputs, name=name, **options)
        if source is target:
            return extracted
        try:
            options |= {"strict": strict, "rename": rename, "match": match, "trainable": trainable}
            return carried(source, target, inputs, name=name, **options)
        finally:
            remove(source, name)
    given = layers(source, name)
    for layer, module in given.items():
        with naming(layer):
            module.adapters[name].require_whole()  # type: ignore[operator]
    if any(name in layer.adapters for layer in layers(target).values()):
        msg = f"The target already has an adapter {name!r}; remove it first."
        raise InvalidValueError(msg)
    places, lost = counterparts(source, target, given, rename, match)
    if not places or (strict and lost):
        raise TransferError(TransferReport(tuple(places), lost))
    for role, model in {"source": source, "target": target}.items():
        _require_finite(model, role)
    rows = divided(inputs, chosen.target_inputs, size=chosen.size, seed=chosen.seed)
    with undisturbed(source, precise=True), undisturbed(target, precise=True):
        report, adapters = _Carrying(Trial(source, target, name, rows, chosen), places, lost).done()
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


class _Carrying:
    def __init__(self, trial: Trial, places: Mapping[str, tuple[str, ...]], lost: dict[str, str]) -> None:
        self.trial, self.rows, self.places, self.lost = trial, trial.rows, places, lost
        self.few = self.rows.rows * trial.positions <= FEW
        self.made = Candidates(trial, places, few=self.few)
        self.candidates = dict(self.made.by_name)
        self.scores = {"zero": 0.0} | self.trial.scores(self.candidates)

    def done(self) -> tuple[CarryReport, Adapters]:
        """Add scaled and refined candidates, and select the best; return the report and the adapters for the target."""
        scaled, plain = self.made.strengths(self.scores), max(self.scores.values())
        scores = self.trial.scores(scaled)
        self.candidates |= scaled
        self.scores |= {n: score for n, score in scores.items() if score > plain + AS_GOOD}
        asked = self.trial.options.refine
        if asked or (asked is None and not self.few):
            self.refine(asked or STEPS, compare=asked is not None)
        scores = {n: score for n, score in self.scores.items() if n != "from zero"}
        return self.report(max(scores, key=self.rank))

    def rank(self, candidate: str) -> float:
        score = self.scores.get(candidate, 0.0)
        return score + AS_GOOD if candidate == "copy" and score > 0 else score

    def refine(self, steps: int, *, compare: bool) -> None:
        """Train the best LoRA candidate; if ``compare``, try Gauss-Newton passes first, and also train a new LoRA."""
        named = self.candidates.items()
        scored = {n for n, score in self.scores.items() if score != 0}  # exactly 0: the candidate changes no output
        plain = [n for n, made in named if n in scored and all(a.family == "lora" for a in made.values())]
        if not plain:
            return
        start = self.candidates[max(plain, key=lambda n: self.scores[n])]
        if compare and (found := passes(self.trial, start)) is not None:
            start = self.candidates["Gauss-Newton"] = found[0]
            self.scores["Gauss-Newton"] = found[1]
        begin = {"refined": start} | ({"from zero": from_zero(start, self.trial.options.seed)} if compare else {})
        with tqdm(total=len(begin) * steps, desc="refining", delay=10, disable=None, leave=False) as bar:
            for name, adapters in begin.items():
                self.candidates[name], self.scores[name] = refined(self.trial, adapters, steps, bar.update)

    def report(self, chosen: str) -> tuple[CarryReport, Adapters]:
        """Predict the kept share of the gain on unused rows; return the report and the adapters to add ({} if none)."""
        fitted = max(self.made.by_name, key=lambda n: self.scores[n], default=chosen)
        shown = {n: self.candidates[n] for n in (chosen, "copy", fitted, "from zero") if n in self.candidates}
        predicted = self.trial.predicted(shown, self.rows.predict)
        ordered = (chosen, *sorted(("copy", fitted), key=self.rank, reverse=True))
        certain = [n for n in ordered if n in predicted and predicted[n].sampled[0] > 0 and chosen != "zero"]
        notes = []
        if certain and certain[0] != chosen:
            why = f"which may keep none of the gain (lower bound {predicted[chosen].sampled[0]:z.2f})"
            notes.append(f"The candidate {certain[0]!r} was added instead of the best one, {chosen!r}, {why}.")
            chosen = certain[0]
        best = predicted.get(chosen)
        put = self.candidates[chosen] if certain else {}
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
        zero = predicted.get("from zero")
        report = CarryReport(
            matched=tuple(put),
            unmatched=lost,
            sources=sources,
            how="inputs",
            chosen=chosen if put else "zero",
            prediction=best,
            kept_copied=predicted["copy"].kept if "copy" in predicted else None,
            need=self.trial.need,
            rows=self.rows.counts,
            layers={layer: self.layer(layer, adapter, chosen, sources[layer]) for layer, adapter in put.items()},
            scores=self.scores,
            refined=None if zero is None else (self.trial.options.refine or 0, zero.kept),
            truncated=self.made.truncated,
            notes=(*notes, *self.notes(best, put=bool(put))),
        )
        return report, put

    def layer(self, layer: str, adapter: Adapter, chosen: str, origin: str) -> CarriedLayer:
        places = [place for place in self.made.picked.values() if place[1] == layer and place[2] != BIAS]
        side = "+".join(str(placement) for placement, _ in adapter.parts())
        rank = max((phi.rank or 0) for _, phi in adapter.parts())
        if not places:
            return CarriedLayer(origin, side, rank, 0, (0, 0), None)
        fitted = self.made.fit.at[places[0]]
        name = fitted.best if chosen in {"by layer", "Gauss-Newton", "refined"} else chosen.partition(",")[0]
        return CarriedLayer(origin, side, rank, fitted.rows, fitted.features, fitted.kept.get(name))

    def notes(self, best: Prediction | None, *, put: bool) -> list[str]:
        rows, notes, test, more = self.rows.rows, [], "check the prediction on labelled data", "give more inputs"
        train = "train the adapter on the target"
        if best is None:
            why = f"no candidate keeps any of the gain on the rows used for selection; {more}, or {train}"
            notes.append(f"No adapter was added: {why if self.made.picked else IMPOSSIBLE}.")
        elif not put:
            least = f"the best candidate may keep none of the gain (lower bound {best.sampled[0]:z.2f})"
            notes.append(f"No adapter was added: {least}; {more}, or {train}.")
        if rows <= TOO_FEW:
            notes.append(f"{rows} rows are too few for a reliable prediction; give 256 or more.")
        elif self.few:
            notes.append(f"There are only {rows} rows, so fewer candidates were tried; give 256 or more.")
        if best is not None and put and best.kept < LITTLE:
            way = more if self.trial.options.refine else "take more gradient steps (refine=50, --refine 50)"
            notes.append(f"Only {best.kept:z.2f} of the gain is kept; {way}, or {train}.")
        if best is not None and put and best.R_KL is not None and abs(best.R_KL - best.R) > APART:
            both = f"{best.R_KL:z.2f} from the likelihoods, {best.R:z.2f} from the output changes"
            notes.append(f"The two estimates of the share of the gain that is kept differ ({both}); {test}.")
        if best is not None and best.need == "labels" and 1 - best.agreement > DISAGREEING:
            differ = f"the two models predict different labels at {1 - best.agreement:.0%} of positions"
            notes.append(f"Without the adapter, {differ}; {test}.")
        return notes
