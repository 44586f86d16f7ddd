"""The name resolver, which finds the layers of a model to which names in any known naming scheme refer."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ioadapt_theory.checkpoints.names import unet
from ioadapt_theory.checkpoints.names.flux_sd3 import in_diffusers
from ioadapt_theory.checkpoints.names.layer_name import KOHYA_AROUND, Name, unwrapped
from ioadapt_theory.checkpoints.names.transformers import Rename


class Resolved(NamedTuple):
    """The layers to which names refer, several for a fused layer, and the reasons why other names are doubtful.

    Names that match no layer are in neither mapping.
    """

    layers: Mapping[Name, tuple[str, ...]]
    doubts: Mapping[Name, str]


def resolve(
    names: Iterable[Name],
    modules: Iterable[str],
    rename: Rename | None = None,
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> Resolved:
    """Return the layers of a model to which ``names`` in any known naming scheme refer, and why some are doubtful.

    ``modules`` are the names of its modules; ``rename`` and ``aliases`` map other names of layers to them.
    """
    # A file may come from a part of the model, or from a model that contains this one: then the names differ by a
    # prefix, and are accepted if they are unambiguous. Two names of one component cannot mean the same module.
    names = list(names)
    index = _Index(modules, rename or str, aliases)
    layers, doubts = dict[Name, tuple[str, ...]](), dict[Name, str]()
    for name in names:
        hits = index.hits(name)
        if len(hits) == 1:
            layers[name] = (hits[0],)
        elif hits:
            some = f"{', '.join(hits[:3])}{', ...' if len(hits) > 3 else ''}"
            doubts[name] = f"the name matches {len(hits)} layers of the model: {some}"
        elif parts := index.parts(name):
            layers[name] = parts
    numbered = [name for name in names if unet.is_numbered(name.path, name.flat)]
    lost = [name for name in numbered if name not in layers and name not in doubts]
    if lost:
        counted = [name for name in numbered if name in layers and name.path not in index.known]
        why = f"the block numbers are those of a UNet with other blocks, since this model has no {lost[0]}"
        doubts |= dict.fromkeys(counted, why)
    groups: dict[tuple[str, tuple[str, ...]], list[Name]] = {}
    for name, meant in layers.items():
        groups.setdefault((name.component, meant), []).append(name)
    for (_, meant), alike in groups.items():
        for name in alike:
            if len(alike) > 1 and meant != (name.path,):
                other = next(one for one in alike if one != name)
                doubts[name] = f"another name, {other}, matches the same layer, {meant[0]}"
    return Resolved({name: meant for name, meant in layers.items() if name not in doubts}, doubts)


class _Index:
    """An index of modules by name and by flattened name, and by the endings of both."""

    def __init__(self, modules: Iterable[str], rename: Rename, aliases: Mapping[str, str]) -> None:
        self.known = dict.fromkeys(modules)
        plain = {unwrapped(module): module for module in sorted(self.known, key=len)}  # prefers the wrapped module
        self._rename, self._blocks = rename, unet.blocks_in_diffusers(plain)
        self._whole: dict[str, dict[str, list[str]]] = {".": {}, "_": {}}
        self._ends: dict[str, dict[str, list[str]]] = {".": {}, "_": {}}
        stability = unet.canonical(plain)
        for name, module in plain.items():
            for one in {name, rename(name), stability[name]}:
                self._add(one, module)
        for alias, module in aliases.items():
            self._add(alias, module)

    def _add(self, name: str, module: str) -> None:
        parts = name.split(".")
        for i in range(len(parts)):
            for dot, table in (self._ends if i else self._whole).items():
                modules = table.setdefault(dot.join(parts[i:]), [])
                if module not in modules:
                    modules.append(module)

    def hits(self, name: Name) -> list[str]:
        """Return the modules that match a name in the first known naming scheme in which there is a match."""
        return next((modules for modules in self._readings(name) if modules), [])

    def _readings(self, name: Name) -> Iterator[list[str]]:
        whole, ends, path = self._whole["_" if name.flat else "."], self._ends["_" if name.flat else "."], name.path
        if name.flat:
            yield whole.get(path, [])
            yield whole.get(unet.to_diffusers(path, self._blocks, flat=True), [])
            yield ends.get(path, [])
            yield from (whole.get(path.removeprefix(start), []) for start in KOHYA_AROUND if path.startswith(start))
            return
        yield from ([one] for one in (path, str(name)) if one in self.known)
        plain = unwrapped(path)
        inner = dict.fromkeys((plain, self._rename(plain)))
        yield from (whole.get(one, []) for one in inner)
        yield whole.get(unet.to_diffusers(plain.removeprefix(unet.PREFIX), self._blocks), [])
        for one in inner:
            yield ends.get(one, [])
            parts = one.split(".")
            yield from (whole.get(".".join(parts[i:]), []) for i in range(1, len(parts) - 1))

    def parts(self, name: Name) -> tuple[str, ...] | None:
        """Return the model's layers that replace a FLUX or SD3 layer of this name, or None if there are none."""
        for targets in in_diffusers(name.path if name.flat else unwrapped(name.path)):
            modules = [self.hits(Name(name.component, target)) for target in targets]
            if all(len(hits) == 1 for hits in modules):
                return tuple(hits[0] for hits in modules)
        return None
