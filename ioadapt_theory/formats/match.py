"""An opened adapter held against a base: which layer of the base each of its layers is, by names and sizes."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ioadapt_theory.adapters.base_weights import TensorWeights, Weights
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import Operator
from ioadapt_theory.adapters.moving.correspondence import Correspondence, correspond
from ioadapt_theory.adapters.moving.neurons import reordered
from ioadapt_theory.checkpoints.names.authors import ranges
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnsupportedError
from ioadapt_theory.formats.build import refit
from ioadapt_theory.formats.kinds.base_changes import Change
from ioadapt_theory.formats.open import Item, Opened

NO_LAYER = "the {} has no such layer"


@dataclass(frozen=True, slots=True)
class Match:
    """An adapter's layers held against a base.

    Attributes:
        found: layers of the base, and what is for them.
        lost: layers of the adapter that do not fit, and why.
        component: of a pipeline's file, the one that the base is; "" where it names none.
        correspondence: how the layers were found.
    """

    found: Mapping[str, Item]
    lost: Mapping[Name, str]
    component: str
    correspondence: Correspondence


def match(
    opened: Opened,
    weights: Weights,
    component: str | None = None,
    *,
    called: str = "base",
    by: str = "name",
    source: Weights | None = None,
) -> Match:
    """Which layers of the base the adapter fits; no weights are read.

    Names of FLUX's and SD3's authors fit diffusers' models too, a layer being cut where the base has several for it.

    Args:
        opened: the adapter.
        weights: the base.
        component: of a pipeline's file, the one that the base is; the others are left out of account. By default the
            one whose layers the base has.
        called: what the sentences call the base.
        by: "name", "provenance" or "auto", see ``correspond``.
        source: the model that the adapter was trained on, if it is at hand; our own files have fingerprints of it.

    Raises:
        FileFormatError: the file has no such component, or none or several fit the base alike.
    """
    items = {item.name: item for item in opened.items}
    places = correspond(items, weights, by, source=source, prints=opened.prints)
    taken = {name: _taken(items[name], layers, weights, places) for name, layers in places.layers.items()}
    component = choose_component(opened.path, items, taken, component)
    found, lost = dict[str, Item](), dict[Name, str]()
    for name in items:
        if name.component == component:
            parts = taken.get(name) or places.reasons.get(name) or NO_LAYER.format(called)
            if isinstance(parts, str):
                lost[name] = parts
            elif twice := sorted(found.keys() & parts.keys()):
                lost[name] = f"{twice[0]} has an adapter from {found[twice[0]].name} already"
            else:
                found |= parts
    return Match(found, lost, component, places)


def fitted(item: Item, f: Operator) -> Adapter:
    """The item's adapter, read for the layer f."""
    adapter = item.adapter()
    refit(adapter, (f.rows, f.columns, f.channels))
    return adapter


def without_idle(opened: Opened, weights: TensorWeights) -> Opened:
    """The adapter without what it does to the base that changes nothing there, as a head that PEFT saves untrained."""
    modules = {name.rpartition(".")[0] for name in weights.shapes}
    places = resolve([change.name for change in opened.changes], modules, weights.rename, weights.aliases).layers

    def idle(change: Change) -> bool:
        (module, *_) = places.get(change.name, ("",))
        key = f"{module}.{change.leaf}"
        if key not in weights.shapes or change.size not in {None, weights.shapes[key]}:
            return False
        old = weights.read(key)
        return torch.equal(change.of(old).to(old), old)

    return replace(opened, changes=tuple(change for change in opened.changes if not idle(change)))


def require_complete(opened: Opened, matched: Match) -> None:
    """Refuse what would be only half an adapter.

    Raises:
        InvalidValueError: keys that are not read, changes of the base itself, or layers that do not fit.
    """
    lost = {str(name): why for name, why in matched.lost.items()}
    altered = {f"{change.name}.{change.leaf}": f"a change of the base ({change.what})" for change in opened.changes}
    problems = [f"{key}: {why}" for key, why in {**opened.unread, **altered, **lost}.items()]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        msg = f"{opened.path}: not all of it can be used ({'; '.join(problems[:3])}{more}); --partial does without."
        raise InvalidValueError(msg)
    if warning := matched.correspondence.warning():
        msg = f"{opened.path}: {warning} --partial takes the names."
        raise InvalidValueError(msg)
    if not matched.found:
        msg = f"{opened.path}: none of its layers is in the base."
        raise InvalidValueError(msg)


def choose_component(path: Path, names: Collection[Name], taken: Mapping[Name, object], component: str | None) -> str:
    """The component of a file's layers that a model is: as told, the only one, or the one of which most layers fit.

    ``taken`` has the layers whose names the model has, with a sentence for those whose sizes do not fit: SD-XL's two
    text encoders have the same names. Where no sizes fit, names decide.

    A file that names no components is taken as it is; kohya's files call a transformer unet.

    Raises:
        FileFormatError: the file has no such component, or none or several of them fit the model alike.
    """
    components = {name.component for name in names}
    if components == {""}:
        return ""
    if component is None:
        fits = Counter(name.component for name, parts in taken.items() if not isinstance(parts, str))
        named = Counter(name.component for name in taken)
        counts = {c: (fits[c], named[c]) for c in components}
        best = [c for c, count in counts.items() if count == max(counts.values())]
        if len(best) > 1:
            listed = ", ".join(sorted(components))
            msg = f"{path}: holds {listed}, and it is not clear which of them the model is; name the component."
            raise FileFormatError(msg)
        return best[0]
    if component == "transformer" and component not in components:
        component = "unet"
    if component not in components:
        msg = f"{path}: holds no component {component!r}, but {', '.join(sorted(components))}."
        raise FileFormatError(msg)
    return component


def _parts(item: Item, layers: tuple[str, ...]) -> dict[str, Item]:
    """The item, or its parts, by layer."""
    (_, phi), *_ = item.sketch.parts()
    *_, (_, last) = item.sketch.parts()
    outputs = ranges(item.name.path, phi.size[2], last.size[1], len(layers))
    if outputs == [[(0, last.size[1])]]:
        return {layers[0]: item}
    return {layer: item.part(edges) for layer, edges in zip(layers, outputs, strict=True)}


def _taken(item: Item, layers: tuple[str, ...], weights: Weights, places: Correspondence) -> dict[str, Item] | str:
    """The parts of the item by layer, or why it does not fit."""
    try:
        parts = {layer: _ordered(part, layer, places) for layer, part in _parts(item, layers).items()}
    except UnsupportedError as error:
        return str(error)
    return next((why for layer, part in parts.items() if (why := _misfit(part, weights, layer))), parts)


def _ordered(item: Item, layer: str, places: Correspondence) -> Item:
    """The item for the neurons that the layer faces, where layers follow the weights."""
    order = None if places.how == "name" else places.neurons.get(layer)
    if order is None:
        return item
    return replace(item, sketch=reordered(item.sketch, order), adapter=lambda: reordered(item.adapter(), order))


def _misfit(item: Item, weights: Weights, layer: str) -> str | None:
    try:
        f = weights.outline(layer)
    except UnsupportedError as error:
        return str(error)
    if item.spares_bias and f.bias is not None:
        return "it has a bias, which PEANUT leaves alone and an output adapter acts on"
    refit(item.sketch, (f.rows, f.columns, f.channels))
    return item.sketch.misfit(f)
