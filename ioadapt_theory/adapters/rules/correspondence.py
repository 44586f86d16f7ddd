"""The target layers that correspond to the layers of an adapter, matched by name or by weights."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.checkpoints.alignment import Contents, Origins, by_contents
from ioadapt_theory.checkpoints.names.layer_name import Name, unwrapped
from ioadapt_theory.checkpoints.names.resolve import Resolved, resolve
from ioadapt_theory.checkpoints.renaming import same_start
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, UnknownNameError

MATCHES = ("name", "provenance", "auto")
"""Ways to match the layers of two models: by name, by origin, or by origin if known and else by name."""
MANY = 4096
"""Number of values per matrix that are compared."""
NO_ORIGIN = "no layer of the target is known to come from this layer of the adapter"

Place = tuple[str, ...]
"""A layer of the target, or the several layers that correspond to one fused layer of the source, such as qkv."""


class RenumberedWarning(UserWarning):
    """Warning: layers of the same name are, or may be, different layers in the source and in the target."""


class NoProvenanceError(IoAdaptError, ValueError):
    """Error: match="provenance" finds no evidence of where the target's layers come from."""


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The target's layers for an adapter's layers.

    Attributes:
        places: name of a layer -> the corresponding layers of the target: one tuple for each copy of the layer, with
            several layers if the target stores a fused layer, such as qkv, as several.
        reasons: name of a layer without a counterpart -> the reason, if known.
        origins: the evidence from the weights; ``how`` is "contents" if it decided, else "name"; ``contradicted``
            contains the target's layers that are matched by name against the evidence.
        deeper: names with block numbers that the target does not have, if there is no evidence of which blocks it kept.
    """

    places: Mapping[Name, tuple[Place, ...]]
    reasons: Mapping[Name, str]
    origins: Origins
    deeper: tuple[Name, ...] = ()

    @property
    def layers(self) -> dict[Name, Place]:
        return {name: places[0] for name, places in self.places.items()}

    def unproven(self, layers: Iterable[str]) -> tuple[str, ...]:
        """Return the given target layers that are matched by name, with no evidence for or against the match."""
        return tuple(n for n in layers if n not in self.origins.of and n not in self.origins.contradicted)

    def warning(self) -> str | None:
        if wrong := self.origins.contradicted:
            (layer, why), *more = wrong.items()
            return (
                "Layers were moved, removed or copied, so the same name means different layers in the two models"
                f" ({layer} {why}{f'; and {len(more)} more' if more else ''}); use match='provenance' (--match"
                " provenance) to match by weights."
            )
        if self.deeper:
            return (
                f"The model lacks layers of the adapter, such as {self.deeper[0]}. If earlier layers were removed from"
                " this model, the same number means different layers: then use match='provenance' (--match provenance),"
                " and as the source give the model that the adapter was trained on."
            )
        return None


def correspond(
    names: Collection[Name],
    target: Weights,
    match: str = "name",
    *,
    source: Weights | None = None,
) -> Correspondence:
    """Return the target's layers for each name, and the evidence for them.

    Args:
        names: layers that an adapter was trained on.
        target: the weights of the model that receives the adapter.
        match: "name"; "provenance": the layers whose weights come from the adapter's layer; "auto": like "provenance",
            but by name for layers without evidence, unless layers were renumbered.
        source: the weights of the model that the adapter was trained on, if available.

    Raises:
        NoProvenanceError: ``match`` is "provenance", and there is no evidence.
        UnknownNameError: ``match`` is not one of MATCHES.
        InvalidValueError: ``match`` is "effect" or "depth".
    """
    if match not in MATCHES:
        if match in {"effect", "depth"}:
            msg = f"match={match!r} works only in transfer with inputs=; otherwise, use 'name', 'provenance' or 'auto'."
            raise InvalidValueError(msg)
        raise UnknownNameError("match", match, (*MATCHES, "effect", "depth"))
    named = resolve(names, target.names, target.rename, target.aliases)
    origins = _origins(target, source)
    by_name = {name: (layers,) for name, layers in named.layers.items()}
    if match == "name" or not origins.how:
        if match == "provenance":
            more = "" if source else ", or give that model as source= (for inspect and bake, --source)"
            what = "no layer whose weights come from the model that the adapter was trained on"
            msg = f"match='provenance' found {what}; match by name{more}."
            raise NoProvenanceError(msg)
        layers = {layer for several in named.layers.values() for layer in several}
        wrong = {layer: why for layer, why in origins.contradicted.items() if layer in layers}
        deeper = () if origins.how else _deeper(names, named, target)
        return Correspondence(by_name, named.doubts, replace(origins, contradicted=wrong, how="name"), deeper)
    traced = resolve(names, {*origins.of.values()}, target.rename)
    places = {name: tuple(_places(layers, origins.of)) for name, layers in traced.layers.items()}
    if match == "auto" and not origins.moved:
        taken = {*origins.of, *(layer for several in places.values() for place in several for layer in place)}
        places |= {n: p for n, p in by_name.items() if n not in places and not taken & {*p[0]}}
    reasons = {name: NO_ORIGIN for name in names if name not in places}
    reasons |= {n: why for n, why in named.doubts.items() if match == "auto" and n not in places}
    return Correspondence(places, reasons, replace(origins, contradicted={}))


def _places(layers: Place, origins: Mapping[str, str]) -> Iterable[Place]:
    """Return the target's copies of a group of source layers: the first copy of each layer, then the second, etc."""
    copies = [[new for new, old in origins.items() if old == layer] for layer in layers]
    return zip(*copies, strict=False)


def _deeper(names: Collection[Name], named: Resolved, target: Weights) -> tuple[Name, ...]:
    """Return the unmatched names that end like the name of a target layer but for the block number."""

    def numberless(name: str) -> str:
        return re.sub(r"(?<=_)\d+(?=_)", "#", unwrapped(name).replace(".", "_"))

    there = tuple({end for layer in target.names if "#" in (end := numberless(layer))})
    missing = (name for name in names if name not in named.layers and name not in named.doubts)
    return tuple(name for name in missing if numberless(name.path).endswith(there))


def _origins(target: Weights, source: Weights | None) -> Origins:
    if source is None:
        return Origins()
    kinds = {_kind(name) for name in source.names}
    here = {unwrapped(name): name for name in target.names if name and _kind(name) in kinds}
    there = _by_plain_name(source.names, target.names)
    origins = by_contents(_contents(source, there), _contents(target, here)) if there and here else None
    if origins is None:
        return Origins()
    of = {here[new]: here[new] if new == old else old for new, old in origins.of.items()}
    contradicted = {here[new]: why for new, why in origins.contradicted.items()}
    with_block = frozenset(here[name] for name in origins.with_block)
    return replace(origins, of=of, with_block=with_block, contradicted=contradicted)


def _by_plain_name(names: Iterable[str], like: Iterable[str]) -> dict[str, str]:
    """Map each name, with wrappers removed and its prefix changed to that of ``like``, to the original name."""
    plain = {unwrapped(name): name for name in names if name}
    others = {unwrapped(name) for name in like if name}
    ours, theirs = same_start(others, plain) or ("", "")
    return {ours + n[len(theirs) :] if n.startswith(theirs) else n: name for n, name in plain.items()}


def _kind(name: str) -> str:
    """Return the part of a name after the last block number, such as ``self_attn.q_proj``, less a number at its end."""
    return re.sub(r"(^|\.)\d+$", "", re.split(r"(?:^|\.)\d+\.", unwrapped(name))[-1])


def _contents(weights: Weights, names: Mapping[str, str]) -> Contents:
    shapes = {}
    for plain, name in names.items():
        try:
            f = weights.outline(name)
        except IoAdaptError:
            continue
        shapes[plain] = f.rows, f.columns

    def values(plain: str) -> Any:
        try:
            m = weights.layer(names[plain]).matrix
            return np.empty(0) if m.is_meta or not m.numel() else _evenly_spaced(m).double().numpy()
        except (IoAdaptError, RuntimeError, TypeError):  # quantised, sharded or not loaded: no values
            return np.empty(0)

    return Contents(shapes, values)


def _evenly_spaced(w: Tensor) -> Tensor:
    at = torch.linspace(0, w.numel() - 1, MANY, dtype=torch.float64).long().to(w.device)
    return w.detach()[at // w.shape[1], at % w.shape[1]].cpu()
