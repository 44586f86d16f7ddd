"""Moving an adapter by the map of two models, without running a model."""

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from ioadapt_theory.adapters.layer import walk
from ioadapt_theory.adapters.model import function_of, layers
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.maps.model_map import Change, ModelMap
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.moving.carrying.parts import BIAS, Part, assembled, parts_of
from ioadapt_theory.moving.carrying.trial import put, require_free
from ioadapt_theory.moving.put import TransferError, TransferReport

NOTE = (
    "To first order, the share is {:z.2f}, which can be far too low for close models; with inputs instead of a map, the"
    " models are run, and the share is predicted."
)


def moved_by_map(
    source: nn.Module,
    target: nn.Module,
    model_map: ModelMap,
    *,
    name: str,
    strict: bool,
    trainable: bool,
    rank: int | None,
    share: float,
) -> CarryReport:
    """Return a report on the adapter that the map moves to the target, with the share of the gain that it foretells.

    Raises:
        InvalidValueError: the map is for other models, or the target already has an adapter of this name.
        TransferError: a layer cannot be moved and ``strict`` is set, or none can; the target is unchanged.
    """
    model_map.require(source, target)
    require_free(target, name)
    modules, lost = dict(walk(target)), dict[str, str]()
    parts, truncated = dict[Change, Part](), dict[str, float]()
    for part in parts_of(layers(source, name), name):
        key = part.layer, part.placement
        if why := _misfit(part, model_map, modules):
            lost[part.layer] = why
        elif part.low and (rank is None or part.rank <= rank):
            parts[key] = part
        else:
            change = part.factors[0] @ part.factors[1] if part.low else part.factors[0]
            a, b, truncated[part.key] = model_map.reduced(*key, change, rank=rank, share=None if rank else share)
            parts[key] = Part(*key, (a, b), True, 1.0, part.dtype)
    parts = {key: part for key, part in parts.items() if part.layer not in lost}
    if not parts or (strict and lost):
        raise TransferError(TransferReport(tuple(dict.fromkeys(p.layer for p in parts.values())), lost))
    changes = {key: part.factors for key, part in parts.items()}
    moved, origins = list[Part](), dict[str, list[str]]()
    for key, part in parts.items():
        [((to, _), factors)] = model_map.carry({key: part.factors}).items()
        moved.append(replace(part, layer=to, factors=factors))
        origins.setdefault(to, []).append(part.layer)
    adapters, from_ = assembled(modules, moved), {to: ", ".join(dict.fromkeys(some)) for to, some in origins.items()}
    described = {}
    for layer, adapter in adapters.items():
        own = {key: factors for key, factors in changes.items() if key[0] in origins[layer]}
        rows = next(place.rows for n, place in model_map.places.items() if n.rpartition(":")[0] in origins[layer])
        features = next(phi.size for _, phi in adapter.parts())[:2]
        described[layer] = CarriedLayer.of(adapter, from_[layer], rows, features, model_map.foretold(own).R)
    report = CarryReport(
        matched=tuple(adapters),
        unmatched=lost,
        sources={layer: from_[layer] for layer in adapters},
        how="map",
        chosen="two-way map",
        foretold=model_map.foretold(changes),
        layers=described,
        truncated=truncated,
    )
    if report.unsure:
        report = replace(report, notes=(NOTE.format(report.kept),))
    put(target, adapters, name, trainable=trainable)
    return report


def _misfit(part: Part, model_map: ModelMap, modules: Mapping[str, nn.Module]) -> str | None:
    if why := model_map.lacks(part.layer, part.placement):
        return why
    if part.placement != BIAS:
        try:
            function_of(modules[model_map.layers[part.layer]]).check_placeable(part.placement)
        except UnsupportedError as error:
            return error.reason
    return None
