"""Matching of the layers of an adapter file with the layers of a base, by name or origin, and by size."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.families.family import Ranges
from ioadapt_theory.adapters.matrices import Operator
from ioadapt_theory.adapters.rules.correspondence import Correspondence, Place, correspond
from ioadapt_theory.checkpoints.names.flux_sd3 import ranges
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnsupportedError
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.build import cut, refit, widened

NO_LAYER = "the {} has no layer of this name"
HEADS = ("lm_head", "embed_out")
"""Last parts of the names of layers whose outputs are tokens; a model with added tokens has more of them."""


@dataclass(frozen=True, slots=True)
class Match:
    """An adapter file matched with a base.

    Attributes:
        file: the adapter file.
        weights: the weights of the base.
        layers: layer of the base -> the stored adapter that fits it.
        lost: layer of the file that was not matched -> the reason; without the layers of other components.
        component: the component of a pipeline that was matched, or "" if the file names none.
        correspondence: how the layers were matched.
        chosen: whether the caller chose the component.
    """

    file: AdapterFile
    weights: Weights
    layers: Mapping[str, StoredLayer]
    lost: Mapping[Name, str]
    component: str
    correspondence: Correspondence
    chosen: bool = False

    @property
    def notes(self) -> list[str]:
        """A sentence for each head whose number of tokens is not that of the adapter."""
        return [
            f"{layer}: the {min(stored.cut_from, phi.size[1])} common tokens of {phi.size[1]} in the model are adapted."
            for layer, stored in self.layers.items()
            for _, phi in stored.sketch.parts()
            if stored.cut_from is not None
        ]

    @property
    def left_out(self) -> dict[str, int]:
        """The number of layers in each of the file's other components."""
        return self.file.left_out(self.component)

    def adapters(self) -> Iterator[tuple[str, Adapter, BaseLayer]]:
        """Yield the name, the adapter and the weights of each matched layer of the base, read one at a time."""
        for layer, stored in self.layers.items():
            yield layer, fitted(stored, self.weights.outline(layer)), self.weights.layer(layer)

    def require_complete(self, *components: str, kept: Collection[str] = ()) -> None:
        """Raise InvalidValueError if a layer or key of the file is not used; ``components`` and keys ``kept`` are."""
        left_out = {} if self.chosen else self.file.left_out(self.component, *components)
        altered = {change.key: "a new value for a tensor of the base" for change in self.file.changes}
        rest = {k: why for k, why in {**self.file.unread, **altered}.items() if k not in kept}
        problems = [f"{k}: {why}" for part in (self.lost, rest) for k, why in part.items()]
        if not self.layers:  # --partial cannot help
            why = f"no layer fits the base ({problems[0]}); give the model that the adapter was trained on."
        elif left_out:
            why = f"{told(left_out)}; choose one part with --component, or pass --partial."
        elif problems:
            more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
            why = f"parts of the file are unused ({'; '.join(problems[:3])}{more}); pass --partial to leave them out."
        elif warning := self.correspondence.warning():
            why = f"{warning} Pass --partial to match by name anyway."
        else:
            return
        msg = f"{self.file.path}: {why}"
        raise InvalidValueError(msg)


def match(
    file: AdapterFile,
    weights: Weights,
    component: str | None = None,
    *,
    called: str = "base",
    by: str = "name",
    source: Weights | None = None,
) -> Match:
    """Match an adapter file with a base. ``by``: see ``match`` of ``load``; ``called``: what messages call the base."""
    # The names of FLUX's and SD3's authors also match diffusers' models, in which a layer may be split.
    stored = {layer.name: layer for layer in file.layers}
    places = correspond(stored, weights, by, source=source)
    parts = {name: _everywhere(stored[name], several, weights) for name, several in places.places.items()}
    chosen = component is not None
    component = _component(file, parts, component)
    places = replace(places, deeper=tuple(name for name in places.deeper if name.component == component))
    layers, lost = dict[str, StoredLayer](), dict[Name, str]()
    for name in stored:
        if name.component == component:
            here = parts.get(name) or places.reasons.get(name) or NO_LAYER.format(called)
            if isinstance(here, str):
                lost[name] = here
            elif twice := sorted(layers.keys() & here.keys()):
                lost[name] = f"{twice[0]} already gets the adapter of {layers[twice[0]].name}"
            else:
                layers |= here
    return Match(file, weights, layers, lost, component, places, chosen)


def told(left_out: Mapping[str, int]) -> str:
    """Return how many layers of which components are left out, as the beginning of a sentence."""
    counts = [f"{n} layer{'s' * (n != 1)} of {name or 'an unnamed component'}" for name, n in left_out.items()]
    return f"{' and '.join(counts)} {'is' if [*left_out.values()] == [1] else 'are'} left out"


def fitted(layer: StoredLayer, f: Operator) -> Adapter:
    """Return the adapter of a stored layer with its values; sizes that it lacks are taken from the base layer ``f``."""
    adapter = layer.adapter()
    refit(adapter, (f.rows, f.columns, f.channels))
    return adapter


def _component(file: AdapterFile, fits: Mapping[Name, object], chosen: str | None) -> str:
    """Return the chosen component or, if None, that with the most layers that fit; "" if the file names none."""
    components, listed = file.components, ", ".join(sorted(file.components))
    if components == {""}:
        return ""
    if chosen is None:  # SD-XL's two text encoders have the same names, so sizes are compared first
        by_size = Counter(name.component for name, parts in fits.items() if not isinstance(parts, str))
        by_name = Counter(name.component for name in fits)
        counts = {c: (by_size[c], by_name[c]) for c in components}
        best = [c for c, count in counts.items() if count == max(counts.values())]
        if len(best) > 1:
            msg = f"{file.path} has adapters for {listed}; choose one of these with component= (--component)."
            raise FileFormatError(msg)
        return best[0]
    other = "unet" if chosen == "transformer" else chosen  # the name of a transformer in kohya's files
    if not {chosen, other} & components:
        msg = f"{file.path} has no component {chosen!r}; choose one of {listed}."
        raise FileFormatError(msg)
    return chosen if chosen in components else other


def _everywhere(stored: StoredLayer, several: tuple[Place, ...], weights: Weights) -> dict[str, StoredLayer] | str:
    """Return the adapters for all layers of the base that a stored layer matches, or the reason why they do not fit."""
    try:
        everywhere = {layer: _sized(part, weights, layer) for p in several for layer, part in _parts(stored, p).items()}
    except UnsupportedError as error:
        return error.reason
    return next(filter(None, (_misfit(part, weights, layer) for layer, part in everywhere.items())), everywhere)


def _parts(stored: StoredLayer, place: Place) -> dict[str, StoredLayer]:
    """Return the adapter of each layer in ``place``: the whole one or, if the base splits the layer, its part."""
    (_, phi), *_ = stored.sketch.parts()
    *_, (_, last) = stored.sketch.parts()
    outputs = ranges(stored.name.path, phi.size[2], last.size[1], len(place))
    if outputs == [[(0, last.size[1])]]:
        return {place[0]: stored}
    return {layer: _cut(stored, edges) for layer, edges in zip(place, outputs, strict=True)}


def _cut(stored: StoredLayer, edges: Ranges) -> StoredLayer:
    return replace(
        stored, sketch=cut(stored.sketch, edges), adapter=lambda: cut(stored.adapter(), edges), rows=[*edges]
    )


def _sized(stored: StoredLayer, weights: Weights, layer: str) -> StoredLayer:
    """Return a head's adapter for the number of tokens of the base; other layers' adapters as they are."""
    last = layer.rpartition(".")[2]
    if last not in HEADS or layer not in weights.names or [*stored.sketch] != ["weight"]:
        return stored
    (_, phi), columns = *stored.sketch.parts(), weights.outline(layer).columns
    if stored.sketch.family != "lora" or phi.size[1] == columns:
        return stored
    new = partial(widened, columns=columns)
    return replace(stored, sketch=new(stored.sketch), adapter=lambda: new(stored.adapter()), cut_from=phi.size[1])


def _misfit(stored: StoredLayer, weights: Weights, layer: str) -> str | None:
    if layer not in weights.names:
        return "the weight of this layer in the base is not a floating-point matrix"
    try:
        f = weights.outline(layer)
    except UnsupportedError as error:
        return error.reason
    refit(stored.sketch, (f.rows, f.columns, f.channels))
    return stored.sketch.misfit(f)
