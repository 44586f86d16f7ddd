"""Moving an adapter by the map of two models, without running a model."""

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.layer import walk
from ioadapt_theory.adapters.model import function_of, layers, naming
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.maps.model_map import Change, ModelMap
from ioadapt_theory.maps.moments import Factors
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport
from ioadapt_theory.moving.carrying.parts import BIAS, Part, built, parts_of
from ioadapt_theory.moving.carrying.trial import put
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
    """Put an adapter on the target as the map moves it; ``transfer`` calls this function if a map is given.

    Returns:
        A report with the share of the gain that the map foretells.

    Raises:
        InvalidValueError: the map is for other models, or the target already has an adapter of this name.
        TransferError: a layer cannot be moved and ``strict`` is set, or none can; the target is unchanged.
    """
    model_map.require(source, target)
    given = layers(source, name)
    if any(name in layer.adapters for layer in layers(target).values()):
        msg = f"The target already has an adapter {name!r}; remove it first."
        raise InvalidValueError(msg)
    for layer, module in given.items():
        with naming(layer):
            module.adapters[name].require_whole()  # type: ignore[operator]
    modules, lost = dict(walk(target)), dict[str, str]()
    parts, truncated = dict[Change, Part](), dict[str, float]()
    for part in parts_of(given, name):
        if why := _misfit(part, model_map, modules):
            lost[part.layer] = why
        elif part.low and (rank is None or part.factors[0].shape[1] <= rank):
            parts[part.layer, part.placement] = part
        else:
            change = part.factors[0] @ part.factors[1] if part.low else part.factors[0]
            options = {"rank": rank, "share": None if rank else share}
            a, b, truncated[part.key] = model_map.reduced(part.layer, part.placement, change, **options)  # type: ignore[arg-type]
            parts[part.layer, part.placement] = Part(part.layer, part.placement, (a, b), True, 1.0, part.dtype)
    parts = {key: part for key, part in parts.items() if part.layer not in lost}
    if not parts or (strict and lost):
        raise TransferError(TransferReport(tuple(dict.fromkeys(p.layer for p in parts.values())), lost))
    changes: dict[Change, Factors] = {key: part.factors for key, part in parts.items()}
    carried = model_map.carry(changes)
    sides: dict[str, dict[str, Part]] = {}
    for (layer, placement), part in parts.items():
        to = model_map.layers[layer]
        moved_part = Part(layer, placement, carried[to, placement], True, part.scaling, part.dtype)
        sides.setdefault(to, {})[placement] = moved_part
    adapters = {layer: built(modules[layer], made) for layer, made in sides.items() if made.keys() - {BIAS}}
    origins = {layer: next(iter(made.values())).layer for layer, made in sides.items()}
    report = CarryReport(
        matched=tuple(adapters),
        unmatched=lost,
        sources={layer: origins[layer] for layer in adapters},
        how="map",
        chosen="two-way map",
        foretold=model_map.foretold(changes),
        layers={n: _described(adapter, origins[n], model_map, changes) for n, adapter in adapters.items()},
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


def _described(adapter: Adapter, origin: str, model_map: ModelMap, changes: Mapping[Change, Factors]) -> CarriedLayer:
    own = {key: factors for key, factors in changes.items() if key[0] == origin}
    side = "+".join(str(placement) for placement, _ in adapter.parts())
    rank = max((phi.rank or 0) for _, phi in adapter.parts())
    rows = model_map.places[next(n for n in model_map.places if n.rpartition(":")[0] == origin)].rows
    phi = next(phi for _, phi in adapter.parts())
    return CarriedLayer(origin, side, rank, rows, (phi.size[0], phi.size[1]), model_map.foretold(own).R)
