"""The function `report`, which tells on inputs how far apart two models are, and what an adapter keeps of its gain."""

import os
from collections.abc import Mapping
from typing import Any

from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.errors import InvalidValueError, require_positive, require_whole
from ioadapt_theory.reporting.layers import paired, sizes
from ioadapt_theory.reporting.predictions import advise, predict_move
from ioadapt_theory.reporting.result import Report


def report(
    source: nn.Module,
    target: nn.Module,
    adapter: str | None = None,
    inputs: Any = None,
    *,
    target_inputs: Any = None,
    call: Call | None = None,
    need: str | None = None,
    explained: float = 0.5,
    batch: int = 64,
    names: tuple[str, str, str | None] = ("source", "target", None),
    lost: Mapping[str, str] | None = None,
) -> Report:
    """Return how much of its gain (loss reduction) an adapter keeps if it is copied to another model, and what to do.

    For how far apart the weights of two models are, see ``compare``.

    Args:
        source: the model that the adapter was trained on.
        target: the other model.
        adapter: the name of an adapter on the source; by default, the only one. If there are none or several, and none
            is given, the report tells only how far apart the models are.
        inputs: unlabelled inputs of the models, from the adapter's domain: a tensor, a tuple, a mapping, or an iterable
            of such batches.
        target_inputs: the same samples as inputs of the target, if these differ.
        call: ``call(model, batch)`` runs a model and returns the output to compare; by default a plain call.
        need: what both models need: "labels" if the outputs are logits, the same "change" of the outputs, or the
            adapted source's "outputs"; by default told by the name of the output, and asked for if that is not enough.
        explained: share in (0, 1] of the source's loss that the adapter removed, for the prediction's error bound.
        batch: maximum number of rows in a batch.
        names: names of the source, the target and the adapter in the report.
        lost: for each layer of an adapter file that does not fit the source, the reason.

    Raises:
        InvalidValueError: the models have no common layer, there are no inputs, outputs are not finite or have
            different shapes, the adapter has no effect, the target has an adapter of the same name, a model is not in
            memory, or ``explained`` is out of range.
        UnknownNameError: the source has no adapter of this name.

    Example:
        >>> import copy
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, report
        >>> model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        >>> tuned = adapt(copy.deepcopy(model), target_modules=["0"], placement="input", init="random")
        >>> print(report(tuned, model, inputs=torch.randn(64, 64), need="change"))
        Copy the adapter unchanged: a copy is predicted to keep 1.00 of the adapter's gain (R), ...
    """
    require_positive("explained", explained, "share", 1)
    require_whole("batch", batch, 1)
    if not isinstance(source, nn.Module) or not isinstance(target, nn.Module):
        msg = "report needs models in memory; for files use `ioadapt report [ADAPTER] SOURCE TARGET --inputs BATCH`."
        raise InvalidValueError(msg)
    if isinstance(adapter, os.PathLike) or str(adapter).endswith(".safetensors"):
        msg = f"adapter must be the name of an adapter on the source, not the file {adapter}; load(source, file) first."
        raise InvalidValueError(msg)
    if inputs is None:
        msg = "Give unlabelled inputs=, since weights alone do not show how much of its gain an adapter inside a"
        msg += " network keeps (claim effect-weights-only); compare(source, target) compares the weights."
        raise InvalidValueError(msg)
    adapters, name = _adapters(source, adapter)
    one, two = ModelWeights(source), ModelWeights(target)
    pairs, here, there = paired(one, two, adapters), sizes(one), sizes(two)
    if not pairs:
        some = [f"{len(m)}, such as {next(iter(m))}" if m else "none" for m in (here, there)]
        msg = f"The two models have no layer in common. Layers of the source: {some[0]}; of the target: {some[1]}."
        raise InvalidValueError(msg)
    common, reached = {p.name: p.counterpart for p in pairs}, {p.counterpart for p in pairs}
    given: dict[str, Any] = {"target_inputs": target_inputs, "call": call, "need": need, "batch": batch}
    moved = {p.name: p.counterpart for p in pairs if p.placements}
    predictions = predict_move(source, target, inputs, moved, adapter=name, explained=explained, **given)
    gone = {n: "no layer of the target corresponds to it" for n in adapters if n not in common}
    gone |= {n: why for n in adapters if n in common and (why := adapters[n].misfit(two.outline(common[n])))}
    return Report(
        names=names if adapters or names[2] is None else (*names[:2], None),
        layers=tuple(pairs),
        missing=tuple(n for n in here if n not in common),
        extra=tuple(n for n in there if n not in reached),
        lost={**gone, **(lost or {})},
        predictions=predictions,
        advice=tuple(advise(predictions, adapted=bool(adapters))),
    )


def _adapters(source: nn.Module, adapter: str | None) -> tuple[dict[str, Adapter], str | None]:
    """Return the adapters by layer, and their name; if none is named, the only one on the source, or nothing."""
    there = sorted({key for layer in layers(source).values() for key in layer.adapters})
    name = adapter or (there[0] if len(there) == 1 else None)
    given: Any = {} if name is None else {n: layer.adapters[name] for n, layer in layers(source, name).items()}
    return given, name
