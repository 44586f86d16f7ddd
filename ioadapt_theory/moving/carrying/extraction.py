"""Adapters of lower rank: of an adapter, or of the weight difference between a tuned model and its base.

The low-rank matrix that replaces a change D of a layer is the one whose effect C^½ D K^½ is nearest to that of D, with
the Gram matrices C of the rows that D multiplies and K of the gradients of what it adds, both recorded without and with
D; a plain SVD has C = K = I. The two-sided form is that of GFWSVD (arXiv 2505.17974); CorDA has only C, and PEFT's
``convert_to_lora`` is the plain SVD. Both are starts: what one layer loses, others can make good, so that the better
one takes gradient steps towards the outputs with the whole change, without labels.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.layer import walk
from ioadapt_theory.adapters.matrices import is_supported, operator
from ioadapt_theory.adapters.model import layers, remove
from ioadapt_theory.effect.batches import Parts, divided
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.solve import Rule
from ioadapt_theory.moving.carrying.fitting import base_layers
from ioadapt_theory.moving.carrying.loop import Budget, race
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.moving.carrying.parts import BIAS, Part, built, parts_of
from ioadapt_theory.moving.carrying.reducing import FAINT, PLAIN, reductions
from ioadapt_theory.moving.carrying.trial import Options, Progress, Trial, put

EFFECT, SVD = "effect", "plain SVD"
SHRINKAGES = (0.25, PLAIN)
"""Shrinkages of the starts for a given rank: nearly the best ones of independent layers, and that of a plain SVD."""
NOTE = f"The LoRA approximates the {{}}; 'if copied' is the share that a {SVD} of the same rank keeps."


def resize(
    model: nn.Module,
    inputs: Any,
    *,
    rank: int | None = None,
    share: float | None = None,
    name: str = "default",
    call: Call | None = None,
    need: str | None = None,
    steps: int | None = None,
    batch: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> CarryReport:
    """Replace an adapter by a LoRA of lower rank with nearly the same effect.

    The start is the LoRA with the nearest effect layer by layer, or a plain SVD if that keeps more; it is then trained
    to give the outputs with the whole adapter, without labels.

    Args:
        model: the model with the adapter, which is replaced in place.
        inputs: unlabelled inputs from the adapter's domain, preferably 256 rows or more.
        rank: the largest rank of a layer.
        share: instead of a rank, the least share of its squared effect that each layer keeps.
        name: name of the adapter.
        call: function; ``call(model, batch)`` returns the output to compare, if ``model(batch)`` does not.
        need: "labels" or "change", as in ``transfer``.
        steps: number of gradient steps (default: 20 to 100, fewer for large models); 0 leaves the start as it is.
        batch: maximum number of rows per batch.
        seed: seed of the split of the rows and of the cotangents.
        progress: called with a stage's name, the number of its parts that are done, and their number.

    Returns:
        A report with the ranks, and with the shares of the gain that the LoRA and a plain SVD of the same ranks keep.

    Raises:
        UnknownNameError: the model has no adapter of this name.
        InvalidValueError: neither or both of rank and share are given, or an option or the inputs are invalid.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, resize
        >>> _ = torch.manual_seed(0)
        >>> options = {"rank": 4, "placement": "weight", "init": "random"}
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], **options)
        >>> resize(model, torch.randn(64, 16), rank=1, need="change").layers["0"].rank
        1
    """
    if (rank is None) == (share is None):
        msg = "resize needs a rank or a share of the effect, and not both."
        raise InvalidValueError(msg)
    more: dict[str, Any] = {} if share is None else {"share": share}
    more |= {"call": call, "need": need, "steps": steps, "batch": batch}
    chosen = Options(rank=rank, **more, seed=seed, progress=progress)
    parts = parts_of(layers(model, name), name)
    with undisturbed(model, precise=True):
        trial = Trial(model, model, name, *_compared(model, inputs, chosen))
        report, winner = _best(trial, parts, (model,), "adapter")
    remove(model, name)
    put(model, winner, name)
    return report


def extract(
    base: nn.Module,
    tuned: nn.Module,
    inputs: Any,
    *,
    rank: int | None = None,
    share: float = 0.98,
    name: str = "default",
    call: Call | None = None,
    need: str | None = None,
    steps: int | None = None,
    batch: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> CarryReport:
    """Put a LoRA on the base model, so that it approximates the tuned model.

    The base may also be a quantised or pruned copy of ``tuned``: then the LoRA gives back what it lost. It is found as
    in ``resize``. Changes of biases, norms and embeddings have no parts of their own in it.

    Args:
        base: the model before tuning; the adapter is added in place.
        tuned: the tuned model, with the same layers.
        inputs: inputs of the models, without labels.
        rank: maximum rank of a layer.
        share: without ``rank``, the minimum share of each layer's squared effect to keep.
        name: name of the adapter.
        call: function; ``call(model, batch)`` returns the outputs to compare, if ``model(batch)`` does not.
        need: "labels", "change" or "outputs", see ``transfer``; by default inferred from the outputs.
        steps: number of gradient steps, as in ``resize``.
        batch: maximum number of rows per batch.
        seed: seed of the split of the rows and of the cotangents.
        progress: called with a stage's name, the number of its parts that are done, and their number.

    Returns:
        A report with the ranks, and with the shares of the gain that the LoRA and a plain SVD of the same ranks keep.

    Raises:
        InvalidValueError: no layer differs, sizes differ, the name is taken, or an option or the inputs are invalid.

    Example:
        >>> import copy
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import extract
        >>> _ = torch.manual_seed(0)
        >>> base = nn.Sequential(nn.Linear(16, 8))
        >>> tuned = copy.deepcopy(base)
        >>> tuned[0].weight.data += torch.randn(8, 1) @ torch.randn(1, 16)
        >>> extract(base, tuned, torch.randn(64, 16), rank=1, need="change").kept > 0.99
        True
    """
    given: dict[str, Any] = {"call": call, "need": need, "steps": steps, "batch": batch, "seed": seed}
    options = Options(rank=rank, share=share, progress=progress, **given)
    return extracted(base, tuned, inputs, options, name)


def extracted(base: nn.Module, tuned: nn.Module, inputs: Any, options: Options, name: str) -> CarryReport:
    with undisturbed(base, precise=True), undisturbed(tuned, precise=True):
        parts = [Part.of(n, "weight", change) for n, change in differences(base, tuned).items()]
        trial = Trial(base, base, name, *_compared(base, inputs, options), tuned)
        report, winner = _best(trial, parts, (base, tuned), "weight difference")
    put(base, winner, name)
    return report


def _compared(model: nn.Module, inputs: Any, options: Options) -> tuple[Parts, Options, Compared]:
    """Return the rows, in batches whose outputs are not too large, the options, and what is compared."""
    rows = divided(inputs, size=options.batch, seed=options.seed)
    compared = Compared.of(model, model, rows.fit[0], call=options.call, need=options.need, seed=options.seed)
    return divided(inputs, size=compared.rows_at_once(options.batch), seed=options.seed), options, compared


def _best(
    trial: Trial, parts: list[Part], models: tuple[nn.Module, ...], what: str
) -> tuple[CarryReport, dict[str, Adapter]]:
    """Return a report, and the best adapters of lower rank, by layer."""
    rank, share = trial.options.rank, trial.options.share
    shrinkages = SHRINKAGES if rank else (FAINT, PLAIN)  # the metric that a share refers to is not shrunk
    modules = base_layers(trial.target, {part.layer for part in parts})
    biases = [part for part in parts if part.placement == BIAS]
    sides: dict[float, dict[str, dict[str, Part]]] = {s: {} for s in shrinkages}
    kept: dict[float, dict[str, float]] = {s: {} for s in shrinkages}
    for one in reductions([part for part in parts if part not in biases], trial, *models):
        r, layer = rank, one.part.layer
        for s in shrinkages if one.called or one.part.low else ():
            low, found = one.lower(s, rank=r, share=None if r else share)
            r = low.factors[0].shape[1]
            sides[s].setdefault(layer, {})[low.placement] = low
            kept[s][layer] = min(kept[s].get(layer, 1.0), found)
    for part in biases:
        for some in sides.values():
            some.setdefault(part.layer, {})[BIAS] = part
    rules = {s: Rule(SVD if s == PLAIN else EFFECT) for s in shrinkages}
    candidates = {s: {n: built(modules[n], some) for n, some in sides[s].items()} for s in shrinkages}
    budget = Budget(trial)
    runs = race(trial, {rules[s]: partial(candidates.__getitem__, s) for s in shrinkages}, budget)
    winner = max((s for s in shrinkages if rules[s] in runs), key=lambda s: runs[rules[s]].score)
    run = runs[rules[winner]]
    predicted = trial.predicted({"": run.adapters(), SVD: candidates[PLAIN]}, trial.rows.predict)
    if run.at:
        run.finish(budget)
    told = {}
    for layer, by_side in sides[winner].items():
        ranks = {side: part.factors[0].shape[1] for side, part in by_side.items() if side != BIAS}
        a, b = next(part.factors for side, part in by_side.items() if side != BIAS)
        size = len(a), b.shape[1]
        told[layer] = CarriedLayer(layer, "+".join(ranks), max(ranks.values()), 0, size, kept[winner][layer])
    lost = {part.layer: "the layer is not called on these inputs" for part in parts if part.layer not in told}
    report = CarryReport(
        matched=tuple(told),
        unmatched=lost,
        how="inputs",
        chosen=run.label(rules[winner]),
        prediction=predicted.get(""),
        kept_copied=predicted[SVD].kept if SVD in predicted else None,
        need=trial.need,
        rows=trial.rows.counts,
        layers=told,
        scores={one.label(rule): one.score for rule, one in runs.items()},
        steps=run.done,
        extracted=True,
        notes=(NOTE.format(what),),
    )
    return report, run.adapters()


def differences(base: nn.Module, tuned: nn.Module) -> dict[str, Tensor]:
    """Return W_tuned - W in float32, by layer name, for the linear layers and convolutions in which the models differ.

    Raises:
        InvalidValueError: no layer differs, a layer has a different size, or a model has an adapter.
    """
    for what, model in (("base", base), ("tuned model", tuned)):
        if layers(model):
            msg = f"The {what} has an adapter; merge or remove it first, since weights are compared."
            raise InvalidValueError(msg)
    others, found, same = dict(walk(tuned)), dict[str, Tensor](), 0
    for name, module in walk(base):
        if not is_supported(module) or name not in others or not is_supported(others[name]):
            continue
        w, w2 = operator(module).dense().detach().float(), operator(others[name]).dense().detach().float()
        if w.shape != w2.shape:
            sizes = "{} x {} in the base but {} x {} in the tuned model".format(*w.shape, *w2.shape)
            msg = f"The weight of {name} is {sizes} (inputs x outputs); give the base that the model was tuned from."
            raise InvalidValueError(msg)
        if torch.equal(w, w2):
            same += 1
        else:
            found[name] = w2 - w
    if not found:
        msg = "The models share no names of linear layers or convolutions; give a model tuned from the base."
        if same:
            kinds = f"linear layers and convolutions ({same} compared)"
            msg = f"The tuned model has the base's weights in all {kinds}; give one in which such layers were tuned."
        raise InvalidValueError(msg)
    return found
