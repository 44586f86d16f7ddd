"""Adapters of lower rank: of an adapter, or of the weight difference between a tuned model and its base.

The low-rank matrix that replaces a change D of a layer is the one whose effect C^½ D K^½ is nearest to that of D, with
the Gram matrices C of the rows that D multiplies and K of the gradients of what it adds, both recorded without and with
D; a plain SVD has C = K = I. The two-sided form is that of GFWSVD (arXiv 2505.17974); CorDA has only C, and PEFT's
``convert_to_lora`` is the plain SVD. Both are starts: what one layer loses, others can make good, so that the better
one takes gradient steps towards the outputs with the whole change, without labels.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.layer import walk
from ioadapt_theory.adapters.matrices import is_supported, operator
from ioadapt_theory.adapters.model import disable, layers, remove
from ioadapt_theory.effect.batches import Parts, divided, listed
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.solve import Rule
from ioadapt_theory.moving.carrying.fitting import base_layers
from ioadapt_theory.moving.carrying.loop import Budget, race
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.moving.carrying.parts import BIAS, Part, assembled, parts_of
from ioadapt_theory.moving.carrying.reducing import FAINT, PLAIN, reductions
from ioadapt_theory.moving.carrying.trial import Options, Progress, Trial, put

EFFECT, SVD = Rule("effect"), Rule("plain SVD")
SHRINKAGE = 0.25
"""Shrinkage of the start for a given rank, nearly the best one of independent layers."""
NOTE = f"The LoRA approximates the {{}}; 'if copied' is the share that a {SVD.kind} of the same rank keeps."


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
        rows, compared = compared_rows(model, model, listed(inputs), chosen)
        trial = Trial(model, model, name, rows, chosen, compared)
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
    return extracted(base, tuned, listed(inputs), options, name)


def compared_rows(source: nn.Module, target: nn.Module, inputs: list[Any], options: Options) -> tuple[Parts, Compared]:
    """Return the rows, in batches whose outputs are not too large, and what is compared of the two models."""
    rows = divided(inputs, options.target_inputs, size=options.batch, seed=options.seed)
    with disable(source), disable(target):
        compared = Compared.of(source, target, rows.fit[0], call=options.call, need=options.need, seed=options.seed)
    size = compared.rows_at_once(options.batch)
    return divided(inputs, options.target_inputs, size=size, seed=options.seed), compared


def extracted(
    base: nn.Module, tuned: nn.Module, inputs: list[Any], options: Options, name: str, *, trainable: bool = False
) -> CarryReport:
    options = replace(options, target_inputs=None)
    with undisturbed(base, precise=True), undisturbed(tuned, precise=True):
        parts = [Part.of(n, "weight", change) for n, change in differences(base, tuned).items()]
        rows, compared = compared_rows(base, base, inputs, options)
        trial = Trial(base, base, name, rows, options, compared, tuned)
        report, winner = _best(trial, parts, (base, tuned), "weight difference")
    put(base, winner, name, trainable=trainable)
    return report


def _best(
    trial: Trial, parts: list[Part], models: tuple[nn.Module, ...], what: str
) -> tuple[CarryReport, dict[str, Adapter]]:
    """Return a report, and the best adapters of lower rank, by layer."""
    rank, share = trial.options.rank, None if trial.options.rank else trial.options.share
    starts = {EFFECT: SHRINKAGE if rank else FAINT, SVD: PLAIN}  # the metric that a share refers to is not shrunk
    biases = [part for part in parts if part.placement == BIAS]
    lower: dict[Rule, list[Part]] = {start: [*biases] for start in starts}
    kept: dict[Rule, dict[str, float]] = {start: {} for start in starts}
    for one in reductions([part for part in parts if part.placement != BIAS], trial, *models):
        r, layer = rank, one.part.layer
        for start, shrinkage in starts.items() if one.called or one.part.low else ():
            low, found = one.lower(shrinkage, rank=r, share=None if r else share)
            r = low.rank
            lower[start].append(low)
            kept[start][layer] = min(kept[start].get(layer, 1.0), found)
    if not any(lower.values()):
        which = f"that differs and can be adapted, such as {parts[0].layer}"
        msg = f"No layer {which}, is called on these inputs; give inputs on which one is."
        raise InvalidValueError(msg)
    modules = base_layers(trial.target, {part.layer for part in parts})
    candidates = {start: assembled(modules, some) for start, some in lower.items()}
    budget = Budget(trial)
    runs = race(trial, {start: partial(candidates.__getitem__, start) for start in starts}, budget)
    winner = max(runs, key=lambda start: runs[start].score)
    run = runs[winner]
    predicted = trial.predicted({"": run.adapters(), SVD.kind: candidates[SVD]}, trial.rows.predict)
    if run.at:
        run.finish(budget)
    told = {}
    for layer, adapter in candidates[winner].items():
        features = next(phi.size for _, phi in adapter.parts())[:2]
        told[layer] = CarriedLayer.of(adapter, layer, 0, features, kept[winner][layer])
    report = CarryReport(
        matched=tuple(told),
        unmatched={p.layer: "the layer is not called on these inputs" for p in parts if p.layer not in told},
        how="inputs",
        chosen=run.label(winner),
        prediction=predicted.get(""),
        kept_copied=predicted[SVD.kind].kept if SVD.kind in predicted else None,
        need=trial.need,
        rows=trial.rows.counts,
        layers=told,
        scores={one.label(start): one.score for start, one in runs.items()},
        steps=run.done,
        extracted=True,
        notes=(NOTE.format(what),),
    )
    return report, run.adapters()


def differences(base: nn.Module, tuned: nn.Module) -> dict[str, Tensor]:
    """Return W_tuned - W in float32, by name, for the linear layers and convolutions in which the models differ."""
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
