"""`load` reads and checks an adapter file of any format, and then puts the adapter on a model."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ioadapt_theory.adapters.base_weights import ModelWeights, Weights
from ioadapt_theory.adapters.layer import AdaptedLayer, walk
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.names.transformers import of_model
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.formats import match as matching
from ioadapt_theory.formats.adapter_file import Change, StoredLayer
from ioadapt_theory.formats.own import ALTERED
from ioadapt_theory.formats.reading import located, open_adapter
from ioadapt_theory.moving.put import TransferError, TransferReport, put


def load(
    model: nn.Module,
    path: Path | str,
    name: str = "default",
    *,
    strict: bool = True,
    component: str | None = None,
    alter_base: bool = False,
    match: str = "name",
    source: nn.Module | Weights | None = None,
    trainable: bool = False,
) -> TransferReport:
    """Load a saved adapter on a model: our folder, PEFT's, or a diffusers, kohya or LyCORIS file.

    Args:
        model: the model, changed in place after all checks.
        path: the folder or file.
        name: name of the adapter on the model.
        strict: whether every key must be read and every layer of the component must fit; if False, load what fits.
        component: component to load from a pipeline's file ("unet", "text_encoder", "text_encoder_2", "transformer");
            by default the one with the most layers that fit the model.
        alter_base: whether to also replace those of the model's own tensors for which the file has new values (PEFT's
            modules_to_save, trained biases). Disabling or removing the adapter does not undo this, and ``save`` does
            not write these tensors.
        match: "name", "provenance" or "auto", as in ``transfer``. Provenance compares the model with the adapter's
            original base.
        source: the original base, or the weights of its checkpoint.
        trainable: whether the adapter is to be trained further. Other trainable parameters stay trainable.

    Returns:
        A report with the outcome for each layer.

    Raises:
        FileFormatError: the path does not exist, the file or folder is invalid or contains no adapter, or ``component``
            is not in a pipeline's file or must be given. With ``strict`` also: the file has keys that are not read,
            changes of the base without ``alter_base``, or layers of other components while ``component`` is None.
        SourceError: the path is a pipe or a device, or cannot be read.
        UnsupportedError: the adapter is of a kind that is recognised but not supported.
        TransferError: no layer fits or, with ``strict``, a layer or a change of the base does not fit.
        NoProvenanceError: ``match="provenance"``, but no layer of the model comes from the adapter's original base.
        InvalidValueError: ``model`` is not a module, the name is taken, ``match`` is "effect", or layers are merged.
        UnknownNameError: ``match`` is unknown.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, load, save
        >>> model = nn.Sequential(nn.Linear(16, 8))
        >>> folder = save(adapt(model, target_modules=["0"], placement="input"), tempfile.mkdtemp())
        >>> print(load(nn.Sequential(nn.Linear(16, 32)), folder))  # an input adapter needs only equal input sizes
        1 of 1 layers matched: 1 by name without evidence.
    """
    if not isinstance(model, nn.Module):
        parts = [n for n, part in getattr(model, "components", {}).items() if isinstance(part, nn.Module)]
        way = f"give one of its models, such as {' or '.join(f'.{n}' for n in parts[:3])}" if parts else "give a model"
        msg = f"load needs a torch.nn.Module, not {type(model).__name__}; {way}: load(model, path)."
        raise InvalidValueError(msg)
    file, weights = open_adapter(path), ModelWeights(model)
    known = ModelWeights(source) if isinstance(source, nn.Module) else source
    matched = matching.match(file, weights, component, called="model", by=match, source=known)
    if strict and file.unread:
        some = "; ".join(f"{key} ({why})" for key, why in list(file.unread.items())[:3])
        some += "; ..." * (len(file.unread) > 3)
        msg = f"{file.path} has keys that are not read ({len(file.unread)}): {some}. Pass strict=False to ignore them."
        raise FileFormatError(msg)
    if strict and matched.left_out and component is None and matched.layers:
        way = f"pass component={matched.component!r} or strict=False"
        msg = f"{file.path}: {matching.told(matched.left_out)} if only {matched.component} is loaded; {way}."
        raise FileFormatError(msg)
    changes, misfits = _changes(model, matched)
    lost = {str(name): why for name, why in matched.lost.items()} | (misfits if strict or alter_base else {})
    modules, places, chosen = dict(walk(model)), dict[int, str](), dict[str, StoredLayer]()
    for layer, stored in matched.layers.items():
        if (other := places.setdefault(id(modules.get(layer, layer)), layer)) != layer:
            lost[layer] = f"{layer} and {other} are the same module, which can take only one adapter"
        else:
            chosen[layer] = stored
    if lost and (strict or not chosen):
        raise TransferError(TransferReport(tuple(chosen), lost, warning=matched.correspondence.warning()))
    if strict and changes and not alter_base:
        some = "; ".join(str(change) for change, *_ in changes[:3])
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        msg = (
            f"{file.path} also replaces tensors of the base: {some}{more}. Pass alter_base=True to replace them,"
            " which removing the adapter does not undo, or strict=False to leave them unchanged."
        )
        raise FileFormatError(msg)
    for note in matched.notes:
        warnings.warn(note, stacklevel=2)
    adapters = {layer: matching.fitted(stored, weights.outline(layer)) for layer, stored in chosen.items()}
    sources = {layer: str(stored.name) for layer, stored in chosen.items()}
    options: dict[str, Any] = {"strict": strict, "trainable": trainable}
    report = put(model, adapters, name, correspondence=matched.correspondence, sources=sources, **options)
    for change, module, new in changes if alter_base else ():
        setattr(module, change.leaf, new)
    altered = tuple(str(change) for change, *_ in changes if alter_base)
    model.__dict__.setdefault(ALTERED, {})[name] = altered
    return replace(report, unmatched={**report.unmatched, **lost}, altered=altered, left_out=matched.left_out)


def _changes(
    model: nn.Module, matched: matching.Match
) -> tuple[list[tuple[Change, nn.Module, nn.Parameter]], dict[str, str]]:
    """Return the changes that alter a value, with module and new parameter, and those that do not fit, with reasons."""
    modules = dict(walk(model))
    wanted = [change for change in matched.file.changes if change.name.component == matched.component]
    places = resolve([change.name for change in wanted], modules, of_model(model)).layers
    ready, misfits = [], {}
    for change in wanted:
        with located(matched.file.path, change.name):
            place = places.get(change.name)
            prepared = matching.NO_LAYER.format("model") if place is None else _prepared(change, modules[place[0]])
        if isinstance(prepared, str):
            misfits[str(change)] = prepared
        elif not torch.equal(getattr(prepared[0], change.leaf), prepared[1]):  # PEFT also saves untrained embeddings
            ready.append((change, *prepared))
    return ready, misfits


def _prepared(change: Change, module: nn.Module) -> tuple[nn.Module, nn.Parameter] | str:
    if isinstance(module, AdaptedLayer):
        module.refuse_if_merged("altering its base")
        module = module.base_layer
    old, size = getattr(module, change.leaf, None), change.source.shapes[change.key]
    if not isinstance(old, torch.Tensor) or not old.is_floating_point():
        return f"the model's {type(module).__name__} has no floating-point {change.leaf}"
    if tuple(old.shape) != size:
        way = "; if it is an embedding, resize the model's first" if change.leaf == "weight" and len(size) > 1 else ""
        return f"the {change.leaf} has shape {list(old.shape)} in the model but {list(size)} in the file{way}"
    return module, nn.Parameter(change.source[change.key].to(old.detach()), requires_grad=False)
