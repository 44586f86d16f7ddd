"""The function ``transfer``, which copies an adapter to another model or fits one with a similar effect."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.model import layers, naming
from ioadapt_theory.adapters.rules.correspondence import correspond
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.effect.batches import listed
from ioadapt_theory.effect.passes import Call
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.counterparts import require_known, require_models
from ioadapt_theory.maps.model_map import ModelMap
from ioadapt_theory.moving.carrying import Options, carried
from ioadapt_theory.moving.carrying.by_map import moved_by_map
from ioadapt_theory.moving.carrying.trial import Progress
from ioadapt_theory.moving.put import NO_LAYER, TransferReport, put


def transfer(
    source: nn.Module,
    target: nn.Module,
    *,
    name: str = "default",
    strict: bool = True,
    trainable: bool = False,
    rename: Mapping[str, str] | None = None,
    match: str = "name",
    inputs: Any = None,
    map: ModelMap | None = None,
    target_inputs: Any = None,
    tuned: nn.Module | None = None,
    call: Call | None = None,
    need: str | None = None,
    starts: Sequence[str] | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    placement: str | None = None,
    rank: int | None = None,
    share: float = 0.98,
    batch: int = 64,
    memory: float = 4.0,
    draws: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TransferReport:
    """Copy an adapter to another model or, if inputs are given, fit an adapter with the most similar effect.

    An input adapter needs the same input size, an output adapter the same output size, a weight adapter both; an
    adapter that fits may still be useless on the target, see ``report``. The target is frozen; if it already has
    adapters, only the newly adapted layers are frozen. If inputs are given, the target is not frozen, and receives no
    adapter if none is likely to keep any of the gain, which is the adapter's reduction of the loss.

    Args:
        source: the model with the adapter.
        target: the model that receives it, changed in place.
        name: name of the adapter in both models.
        strict: raise an error unless every layer fits; if False, transfer the layers that fit.
        rename: source layer -> target layer, for names that differ; takes precedence over ``match``.
        match: "name"; "provenance", which follows the weights of pruned, renumbered and copied layers; "auto", by
            provenance if it is known and else by name. Without inputs, it is an error if strict, else a warning, if
            a layer matched by name has the weights of another layer. With inputs, also "effect": the layer on which the
            adapter keeps most of its gain; and "depth": the layer in the block of the same relative depth.
        trainable: whether the new adapter's parameters are trainable.
        inputs: unlabelled inputs of both models, from the adapter's domain, preferably 256 rows or more. The
            target then receives a fitted adapter, unless a copy keeps as much of the gain.
        map: the map of the two models, from ``map_models``; it moves the adapter without inputs and without running a
            model. Only ``rank``, ``share``, ``strict`` and ``trainable`` can be given with it.
        target_inputs: the samples of ``inputs`` as the target takes them, row for row and token for token; by default
            ``inputs``. This and all following options need ``inputs``.
        tuned: a model fine-tuned from ``source``, from which the adapter is first extracted.
        call: function; ``call(model, batch)`` returns the outputs to compare, if ``model(batch)`` does not.
        need: "labels" if outputs are logits and both models should predict the same labels, "change" if the outputs of
            both should change in the same way; by default inferred from the outputs.
        starts: what to start from, a selection of "copy", "two-way", "procrustes", "one-way", "blocks" and "zero"; by
            default all of them; no maps of the two models are fitted for "zero" alone.
        steps: number of gradient steps without labels that the best start takes, by default 20, or up to 100
            for small models, and 60 or more for two tokenizers; 0 for closed forms only. The last 30 % are on all
            rows, after the prediction or, where next tokens of two tokenizers' texts are labels, before it and without
            its rows.
        seconds: time for these steps, instead of their number.
        placement: "weight", "input" or "output" on the target, or "best" to choose one for each layer; by default the
            placement on the source.
        rank: maximum rank of the LoRA on the target, or its rank if "zero" is the only start.
        share: without ``rank``, the minimum share of each layer's squared effect that a LoRA keeps if it replaces
            an adapter of another family or the change of a tuned model.
        batch: maximum number of rows per batch.
        memory: gigabytes for the matrices of the fit; layers beyond this limit are fitted in further passes.
        draws: number of random cotangents per batch; by default from 4 for few positions to 1 for 1,000 or more.
        seed: seed of the split of the rows, the cotangents, the bootstrap, and random numbers in the models.
        progress: function that is called with a stage's name, the number of its parts that are done, and their number.

    Returns:
        The outcome for each layer.

    Raises:
        UnknownNameError: the source has no adapter of this name, or ``match`` does not exist.
        InvalidValueError: options of the fit are given without inputs, a value is invalid, or the name is taken.
        TransferError: a layer does not fit and ``strict`` is set, or no layer fits; the target is unchanged.
        NoProvenanceError: ``match="provenance"``, but no layer of the target comes from the source.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, transfer
        >>> source, target = nn.Sequential(nn.Linear(16, 8)), nn.Sequential(nn.Linear(16, 32))
        >>> _ = adapt(source, target_modules=["0"], placement="input")
        >>> transfer(source, target).matched
        ('0',)
    """
    require_models(source, target, "ioadapt transfer ADAPTER SOURCE TARGET")
    target_inputs = None if target_inputs is None else listed(target_inputs)
    fit: dict[str, Any] = {
        "target_inputs": target_inputs, "call": call, "need": need, "starts": starts and tuple(starts), "steps": steps,
        "seconds": seconds, "placement": placement, "rank": rank, "share": share, "batch": batch,
        "memory": memory, "draws": draws, "seed": seed, "progress": progress,
    }  # fmt: skip
    if tuned is None and not layers(source):
        msg = "The source has no adapter; put one on it with adapt(source, ...) or load(source, path)."
        raise InvalidValueError(msg)
    options = Options(**fit)
    given: Mapping[str, Adapter] = {}
    if tuned is None:
        given = {n: layer.adapters[name] for n, layer in layers(source, name).items()}  # type: ignore[misc]
    for layer, adapter in given.items():
        with naming(layer):
            adapter.require_whole()
    odd = {n for n, value in fit.items() if value != getattr(Options(), n)} | ({"tuned"} if tuned else set())
    if map is not None:
        if not isinstance(map, ModelMap):
            msg = f"map must be a ModelMap, not a {type(map).__name__}; read a file with ModelMap.load(path)."
            raise InvalidValueError(msg)
        mixed = sorted(odd - {"rank", "share"}) + ["inputs"] * (inputs is not None) + ["rename"] * bool(rename)
        if mixed or match != "name":
            msg = f"{(*mixed, 'match')[0]} cannot be used with map=, which already contains the layers; leave it out."
            raise InvalidValueError(msg)
        return moved_by_map(source, target, map, name=name, strict=strict, trainable=trainable, rank=rank, share=share)
    if inputs is not None:
        common: dict[str, Any] = {"strict": strict, "rename": rename, "match": match, "trainable": trainable}
        return carried(source, target, listed(inputs), options, name=name, tuned=tuned, **common)
    if odd:
        msg = f"{', '.join(sorted(odd))} can be used only with inputs=; give inputs= too."
        raise InvalidValueError(msg)
    require_known(rename or {}, given, ModelWeights(target).names)
    renamed = {new: n for n, new in (rename or {}).items()}
    names = [Name("", n) for n in given if n not in renamed.values()]
    correspondence = correspond(names, ModelWeights(target), match, source=ModelWeights(source))
    origins = replace(correspondence.origins, of={**correspondence.origins.of, **renamed})  # chosen by the caller
    correspondence = replace(correspondence, origins=origins)
    sources = {layer: key.path for key, places in correspondence.places.items() for place in places for layer in place}
    sources |= renamed
    lost = {n: correspondence.reasons.get(Name("", n), NO_LAYER) for n in given if n not in sources.values()}
    moved = {layer: given[n] for layer, n in sources.items()}
    matched: dict[str, Any] = {"correspondence": correspondence, "sources": sources, "lost": lost}
    return put(target, moved, name, strict=strict, trainable=trainable, **matched)
