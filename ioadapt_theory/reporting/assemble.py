"""The function `report`, which compares two models and recommends how to move an adapter between them."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import ModelWeights, Weights
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.effect.retained import require_share
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.reporting.advice import Advice, advise
from ioadapt_theory.reporting.kin.counterparts import corresponding, differing, matrices
from ioadapt_theory.reporting.kin.kinship import Kinship, kinship
from ioadapt_theory.reporting.kin.layers import LayerPair, pairs
from ioadapt_theory.reporting.predictions import Predictions, predict_move

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The relation of two models, what an adapter keeps on the target, and recommendations, as ``report`` returns them.

    Attributes:
        names: names of the source, the target and the adapter (or None).
        kinship: the relation of the two models, with the reason.
        layers: the layers that both models have, in the network's order.
        missing: layers that only the source has.
        extra: layers that only the target has.
        lost: for each layer of the adapter that cannot be moved, the reason.
        predictions: what running both models predicts for the adapter; None if no inputs were given.
        advice: the recommended actions, best first.

    Example:
        >>> model = nn.Sequential(nn.Linear(64, 48))
        >>> str(report(model, model))
        'Any adapter can be copied unchanged: the two models compute the same function.'
    """

    names: tuple[str, str, str | None]
    kinship: Kinship
    layers: tuple[LayerPair, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    lost: Mapping[str, str]
    predictions: Predictions | None
    advice: tuple[Advice, ...]

    def __str__(self) -> str:
        """Return the first recommendation; ``to_text`` returns the whole report."""
        return str(self.advice[0])

    def to_text(self, width: int = 100) -> str:
        """Return the report that ``ioadapt report`` prints, wrapped to ``width`` columns."""
        from ioadapt_theory.reporting.text import to_text

        return to_text(self, width)

    def to_json(self) -> dict[str, Any]:
        """Return the report as data for JSON."""
        from ioadapt_theory.reporting.as_json import to_json

        return to_json(self)

    def to_html(self) -> str:
        """Return the report as a self-contained HTML page."""
        from ioadapt_theory.reporting.page import to_html

        return to_html(self)


def report(
    source: nn.Module | Weights,
    target: nn.Module | Weights,
    adapter: str | Mapping[str, Adapter] | None = None,
    inputs: Any = None,
    *,
    target_inputs: Any = None,
    call: Call | None = None,
    need: str | None = None,
    explained: float = 0.5,
    batch: int = 64,
    names: tuple[str, str, str | None] = ("source", "target", None),
    lost: Mapping[str, str] | None = None,
    progress: Callable[[int], Progress] | None = None,
) -> Report:
    """Return how two models are related and, with inputs, how much of its gain (loss reduction) a copied adapter keeps.

    Args:
        source: the model that the adapter was, or will be, trained on, or its weights.
        target: the other model, or its weights.
        adapter: the name of an adapter on the source, or a mapping from layers to adapters; by default, the only
            adapter on the source. If there are none or several, and none is given, the report advises on a new one.
        inputs: unlabelled inputs of the models, from the adapter's domain: a tensor, a tuple, a mapping, or an iterable
            of such batches. Requires two models in memory; the adapter, if any, must be on the source.
        target_inputs: the same samples as inputs of the target, if these differ.
        call: ``call(model, batch)`` runs a model and returns the output to compare; by default a plain call.
        need: what both models need: "labels" if the outputs are logits, the same "change" of the outputs, or the
            adapted source's "outputs"; by default told by the name of the output, and asked for if that is not enough.
        explained: share in (0, 1] of the source's loss that the adapter removed, for the prediction's error bound.
        batch: maximum number of rows in a batch.
        names: names of the source, the target and the adapter in the report.
        lost: for each layer of an adapter file that does not fit the source, the reason.
        progress: called with the number of weights to compare; returns a function, which is called after each layer
            with its number of weights.

    Raises:
        InvalidValueError: the models have no common layer, weights or outputs are not finite, the outputs have
            different shapes, the adapter has no effect, the target has an adapter of the same name, inputs are
            given without two models in memory or with a mapping of adapters, ``adapter`` is a name but the source is
            not a model in memory, or ``explained`` is out of range.
        UnknownNameError: the source has no adapter of this name.

    Example:
        >>> import copy
        >>> from torch import nn
        >>> from ioadapt_theory import report
        >>> model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        >>> print(report(model, copy.deepcopy(model)))
        Any adapter can be copied unchanged: the two models compute the same function.
    """
    require_share(explained)
    if isinstance(source, str | os.PathLike) or isinstance(target, str | os.PathLike):
        msg = "report needs models in memory or their weights; for files use `ioadapt report [ADAPTER] SOURCE TARGET`."
        raise InvalidValueError(msg)
    if isinstance(adapter, os.PathLike) or str(adapter).endswith(".safetensors"):
        msg = f"adapter must be the name of an adapter on the source, not the file {adapter}; load(source, file) first."
        raise InvalidValueError(msg)
    adapters, name = _adapters(source, adapter)
    live = (source, target) if isinstance(source, nn.Module) and isinstance(target, nn.Module) else None
    if inputs is not None and live is None:
        msg = "With inputs=, source and target must be models in memory, since weights alone cannot be run."
        raise InvalidValueError(msg)
    if inputs is not None and adapters and name is None:
        msg = "With inputs=, adapter= must be the name of an adapter on the source, not a mapping of adapters."
        raise InvalidValueError(msg)
    one, two = (ModelWeights(m) if isinstance(m, nn.Module) else m for m in (source, target))
    here, there = matrices(one), matrices(two)
    places = corresponding(one, two)
    common = [n for n in here if places.layers.get(n) in there]
    if not common:
        some = [f"{len(m)}, such as {next(iter(m))}" if m else "none" for m in (here, there)]
        msg = f"The two models have no layer in common. Layers of the source: {some[0]}; of the target: {some[1]}."
        raise InvalidValueError(msg)
    advance = progress(sum(math.prod(here[n]) for n in common)) if progress else lambda _: None
    compared = []
    for pair in pairs(one, two, places, adapters):
        compared.append(pair)
        advance(math.prod(here[pair.name]))
    reached = {pair.counterpart for pair in compared}
    missing, extra = tuple(n for n in here if n not in common), tuple(n for n in there if n not in reached)
    on_inputs = None
    if inputs is not None and live is not None:
        asked = {p.name: p.counterpart for p in compared if not p.table and (p.placements or not adapters)}
        on_inputs = predict_move(
            *live,
            inputs,
            asked,
            target_inputs=target_inputs,
            adapter=name,
            call=call,
            need=need,
            explained=explained,
            batch=batch,
        )
    relation = kinship(
        compared,
        missing,
        extra,
        differing(one, two, places),
        orders=len(places.orders),
        difference=None if on_inputs is None else on_inputs.difference,
    )
    gone = {n: "no layer of the target corresponds to it" for n in adapters if n not in common}
    gone |= {
        p.name: why for p in compared if p.placements and (why := adapters[p.name].misfit(two.outline(p.counterpart)))
    }
    return Report(
        names=names if adapters or names[2] is None else (*names[:2], None),
        kinship=relation,
        layers=tuple(compared),
        missing=missing,
        extra=extra,
        lost={**gone, **(lost or {})},
        predictions=on_inputs,
        advice=tuple(advise(relation, on_inputs, adapted=bool(adapters))),
    )


def _adapters(
    source: nn.Module | Weights, adapter: str | Mapping[str, Adapter] | None
) -> tuple[Mapping[str, Adapter], str | None]:
    """Return the adapters by layer, and their name if it is known and they are on a model in memory, else None."""
    if isinstance(adapter, Mapping):
        return adapter, None
    if isinstance(source, nn.Module):
        there = sorted({key for layer in layers(source).values() for key in layer.adapters})
        name = adapter or (there[0] if len(there) == 1 else None)
        given = {} if name is None else {n: layer.adapters[name] for n, layer in layers(source, name).items()}
        return given, name  # type: ignore[return-value]
    if adapter is not None:
        msg = f"adapter={adapter!r} is a name, so source must be a model in memory with this adapter."
        raise InvalidValueError(msg)
    return {}, None
