"""Which layer of a target is meant by each layer that an adapter was trained on: by its name, or by its weights."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.adapters.base_weights import Weights
from ioadapt_theory.adapters.moving.neurons import Order, orders
from ioadapt_theory.adapters.rules.fingerprint import SAMPLE, sample
from ioadapt_theory.checkpoints.alignment import Contents, Origins, by_contents
from ioadapt_theory.checkpoints.names.layer_name import Name, unwrapped
from ioadapt_theory.checkpoints.names.resolve import Resolved, resolve
from ioadapt_theory.checkpoints.provenance import by_layout, of_teacher, require_match
from ioadapt_theory.checkpoints.renaming import same_start
from ioadapt_theory.errors import FileFormatError, IoAdaptError

MANY = 4096
"""Values of a matrix that are compared where both models are at hand."""


class RenumberedWarning(UserWarning):
    """Layers of a target have the names of other layers of the source."""


class NoProvenanceError(IoAdaptError, ValueError):
    """match="provenance" where nothing tells where the target's layers come from."""

    def __init__(self) -> None:
        """Name what would tell it."""
        super().__init__(
            "match='provenance': nothing tells which layers of the source the model's are. Neither their weights (name"
            " the model that the adapter was trained on as source; our own files keep fingerprints) nor a known layout"
            " do; match='auto' takes equal names then."
        )


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What was found.

    Attributes:
        layers: the target's layers for each name; several where together they are what the name means.
        reasons: names for which there is none, and why, where there is more to say than that.
        other: layers that are matched by name and hold the weights of another layer, and of which.
        how: "name", or "contents" or "layout" where that decided.
        deeper: names whose numbers go beyond the target's, where nothing tells which of its layers were kept.
        neurons: layers of the target whose MLP's neurons stand in another order than the source's, and in which.
    """

    layers: Mapping[Name, tuple[str, ...]]
    reasons: Mapping[Name, str]
    other: Mapping[str, str] = field(default_factory=dict)
    how: str = "name"
    deeper: tuple[Name, ...] = ()
    neurons: Mapping[str, Order] = field(default_factory=dict)

    def warning(self) -> str | None:
        """What has to be said of layers that are matched by name against, or without, the evidence."""
        if self.deeper and not self.other:
            return (
                f"The adapter has layers beyond the model's, such as {self.deeper[0]}: if some were removed in between,"
                " equal numbers are other layers. match='provenance' with the adapter's own model as source tells it."
            )
        if not self.other and self.neurons and self.how == "name":
            return (
                f"{len(self.neurons)} layers face neurons in another order than in the source, such as"
                f" {next(iter(self.neurons))}. match='provenance' puts adapters into that order."
            )
        if not self.other:
            return None
        (layer, origin), *more = self.other.items()
        return (
            f"{len(self.other)} layers have the name of another layer of the source, because layers were removed and"
            f" renumbered: {layer} holds what was {origin}{f', and {len(more)} more' if more else ''}."
            " match='provenance' follows the weights."
        )


def correspond(
    names: Collection[Name],
    target: Weights,
    match: str = "name",
    *,
    source: Weights | None = None,
    prints: Mapping[str, Any] | None = None,
) -> Correspondence:
    """The layer of the target for each name.

    Args:
        names: layers that an adapter was trained on.
        target: the model.
        match: "name"; "provenance": the layer that was made from the one that the adapter was trained on; "auto":
            provenance where it is known, names otherwise.
        source: the model that the adapter was trained on, if it is at hand.
        prints: otherwise fingerprints of its layers, see ``fingerprint``.

    Raises:
        NoProvenanceError: "provenance", and nothing tells it.
    """
    named = resolve(names, target.names, target.rename, target.aliases)
    origins, neurons = _origins(names, named, target, source, prints or {}), dict[str, Order]()
    if source and origins.how == "contents":
        actual = _spelled(source.names, target.names)
        neurons = orders(source, target, {new: actual[unwrapped(old)] for new, old in origins.of.items()})
    if require_match(match) == "name" or not origins.how:
        if match == "provenance":
            raise NoProvenanceError
        deeper = () if origins.how else _deeper(names, named, target)
        return Correspondence(named.layers, named.doubts, _others(named, origins), "name", deeper, neurons)
    back = {old: new for new, old in origins.of.items()}
    traced = resolve(names, back, target.rename, blocks=origins.blocks)
    layers = {name: tuple(back[old] for old in found) for name, found in traced.layers.items()}
    reasons = {name: "no layer of the target was made from it" for name in names if name not in layers}
    if match == "auto":
        known = {*origins.of, *(layer for found in layers.values() for layer in found)}
        unknown = {name: found for name, found in named.layers.items() if name not in layers and not known & {*found}}
        layers |= {} if origins.moved else unknown
        reasons = {name: why for name, why in (reasons | {**named.doubts}).items() if name not in layers}
    return Correspondence(layers, reasons, {}, origins.how, neurons=neurons)


def _deeper(names: Iterable[Name], named: Resolved, target: Weights) -> tuple[Name, ...]:
    """Names without a layer, while the target has such layers of other numbers."""
    ours = {_numberless(layer) for layer in target.names}
    missing = (name for name in names if name not in named.layers and name not in named.doubts)
    return tuple(name for name in missing if _numberless(name.path) in ours)


def _numberless(name: str) -> str:
    return re.sub(r"(?<=_)\d+(?=_)", "#", unwrapped(name).replace(".", "_"))


def _others(named: Resolved, origins: Origins) -> dict[str, str]:
    """Layers matched by name whose weights are those of another layer."""
    return {
        layer: origins.of[layer]
        for found in named.layers.values()
        for layer in found
        if origins.of.get(layer, layer) != layer
    }


def _origins(
    names: Collection[Name], named: Resolved, target: Weights, source: Weights | None, prints: Mapping[str, Any]
) -> Origins:
    """Where the target's layers come from, the source's layers in the target's spelling."""
    kinds = {_kind(name) for name in (source.names if source else prints or _meant(names, named))}
    here = _alike(target.names, kinds)
    there = _spelled(source.names if source else prints, target.names)
    found = None
    if there and any(re.search(r"(^|\.)\d+(\.|$)", name) for name in here):
        theirs = _contents(source, there, MANY) if source else _printed(prints, there)
        found = by_contents(theirs, _contents(target, here, MANY if source else SAMPLE))
    if found is None:
        plain = {unwrapped(name) for name in target.names}
        found = by_layout({unwrapped(n) for n in source.names}, plain) if source else _by_gaps(names, named, plain)
    if found is None:
        return Origins()
    actual = {unwrapped(name): name for name in target.names}
    of = {actual[new]: actual[new] if new == old else old for new, old in found.of.items() if new in actual}
    return Origins(of, found.how, found.correlations, found.blocks)


def _by_gaps(names: Collection[Name], named: Resolved, target: Collection[str]) -> Origins:
    """Of a student of a known layout, if the adapter has layers that are not in it: then it is from the teacher."""
    components = {name.component for name in named.layers} | {name.component for name in named.doubts}
    strangers = any(name not in named.layers for name in names if name.component in components)
    return (of_teacher(target) if strangers else None) or Origins()


def _meant(names: Iterable[Name], named: Resolved) -> set[str]:
    paths = {name.path for name in names if not name.flat}
    return paths | {layer for found in named.layers.values() for layer in found}


def _spelled(names: Iterable[str], like: Iterable[str]) -> dict[str, str]:
    """Plain name, with the leading part that the others have -> name."""
    plain = {unwrapped(name): name for name in names if name}
    others = {unwrapped(name) for name in like if name}
    ours, theirs = same_start(others, plain) or ("", "")
    return {ours + n[len(theirs) :] if n.startswith(theirs) else n: name for n, name in plain.items()}


def _kind(name: str) -> str:
    """What stands after the last number that parts follow, without a number at the end: ``self_attn.q_proj``."""
    return re.sub(r"(^|\.)\d+$", "", re.split(r"(?:^|\.)\d+\.", unwrapped(name))[-1])


def _alike(names: Iterable[str], kinds: Collection[str]) -> dict[str, str]:
    """Plain name -> name, for layers of these kinds."""
    return {unwrapped(name): name for name in names if name and _kind(name) in kinds}


def _contents(weights: Weights, names: Mapping[str, str], count: int) -> Contents:
    """Some values of the matrices of layers, by their plain names."""
    shapes = {}
    for plain, name in names.items():
        try:
            f = weights.outline(name)
        except IoAdaptError:
            continue
        shapes[plain] = f.rows, f.columns

    def values(plain: str) -> Any:
        try:
            return _some(weights.layer(names[plain]).matrix, count)
        except (IoAdaptError, RuntimeError, TypeError):  # quantised, sharded or without numbers: it tells nothing
            return np.empty(0)

    return Contents(shapes, values)


def _some(m: Tensor, count: int) -> Any:
    """Values of a matrix, evenly spaced as in a fingerprint."""
    if m.is_meta or not m.numel():
        return np.empty(0)
    at = torch.linspace(0, m.numel() - 1, count, dtype=torch.float64).long().to(m.device)
    return m.detach()[at // m.shape[1], at % m.shape[1]].double().cpu().numpy()


def _printed(prints: Mapping[str, Any], names: Mapping[str, str]) -> Contents:
    sizes = {plain: prints[name].get("size") for plain, name in names.items() if isinstance(prints[name], dict)}
    whole = {plain: tuple(s) for plain, s in sizes.items() if isinstance(s, list) and all(type(n) is int for n in s)}

    def values(plain: str) -> Any:
        try:
            return sample(prints[names[plain]].get("sample", ""), names[plain]).double().numpy()
        except FileFormatError:
            return np.empty(0)

    return Contents(whole, values)
