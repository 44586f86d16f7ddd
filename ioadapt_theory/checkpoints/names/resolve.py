"""Which layer of a model a name means, however it is spelled: the one resolver that everybody asks."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ioadapt_theory.checkpoints.names import unet
from ioadapt_theory.checkpoints.names.layer_name import KOHYA_AROUND, Name, unwrapped
from ioadapt_theory.checkpoints.names.originals import in_diffusers
from ioadapt_theory.checkpoints.names.transformers import Rename


@dataclass(frozen=True, slots=True)
class Resolved:
    """What names mean.

    Attributes:
        layers: the model's layer for each name that the model has; several where together they are what the name means.
        doubts: names that might mean more than one layer, which therefore mean none, and why.
    """

    layers: Mapping[Name, tuple[str, ...]]
    doubts: Mapping[Name, str]


def resolve(
    names: Iterable[Name],
    modules: Iterable[str],
    rename: Rename | None = None,
    aliases: Mapping[str, str] = MappingProxyType({}),
    blocks: unet.Blocks | None = None,
) -> Resolved:
    """Return the layer of a model, or the layers, for each name.

    A file may come from a part of the model, or from a model that has this one inside: then the names differ by what
    stands before, and are taken if nothing else is meant by them. Two layers of a component are never one module.

    Args:
        names: as a file has them.
        modules: as in ``named_modules``.
        rename: how the model's library renames stored layers, see ``transformers``.
        aliases: other names of some modules, such as those that they are stored under.
        blocks: of the UNet that the file counts, where it is not that of the modules.
    """
    names = list(names)
    index = _Index(modules, rename or str, aliases, blocks)
    layers, doubts = dict[Name, tuple[str, ...]](), dict[Name, str]()
    for name in names:
        hits = index.hits(name)
        if len(hits) == 1:
            layers[name] = (hits[0],)
        elif hits:
            some = f"{', '.join(hits[:3])}{', ...' if len(hits) > 3 else ''}"
            doubts[name] = f"{len(hits)} layers could be meant: {some}"
        elif parts := index.parts(name):
            layers[name] = parts
    numbered = [name for name in names if unet.is_numbered(name.path, name.flat)]
    lost = [name for name in numbered if name not in layers and name not in doubts]
    if lost and blocks is None:
        counted = [name for name in numbered if name in layers and index.known.get(name.path) is None]
        for name in counted:
            doubts[name] = f"its number is that of another UNet, as this one has no {lost[0]}"
    counts = Counter((name.component, modules_of) for name, modules_of in layers.items())
    for name, modules_of in list(layers.items()):
        if counts[name.component, modules_of] > 1 and index.known.get(name.path) != [*modules_of]:
            others = [
                str(n) for n, f in layers.items() if f == modules_of and n.component == name.component and n != name
            ]
            doubts[name] = f"{others[0] if others else 'another layer of the file'} would be {modules_of[0]} too"
    return Resolved({n: f for n, f in layers.items() if n not in doubts}, doubts)


class _Index:
    """Modules by name, by flattened name, and by the ends of both."""

    def __init__(
        self, modules: Iterable[str], rename: Rename, aliases: Mapping[str, str], blocks: unet.Blocks | None
    ) -> None:
        self.rename = rename
        self.known: dict[str, list[str]] = {}
        self.spelled: dict[str, list[str]] = {}
        self.flat: dict[str, list[str]] = {}
        self.ends: dict[str, list[str]] = {}
        self.flat_ends: dict[str, list[str]] = {}
        modules = list(dict.fromkeys(modules))
        plain = _innermost(modules)
        self.blocks = blocks or unet.blocks_in_diffusers(plain)
        stability = unet.canonical(plain)
        for module in modules:
            self.known[module] = [module]
        for name, module in plain.items():
            for spelling in {name, rename(name), stability[name]}:
                self._add(spelling, module)
        for alias, module in aliases.items():
            self._add(alias, module)

    def _add(self, name: str, module: str) -> None:
        parts = name.split(".")
        for i in range(len(parts)):
            dotted, flat = (self.spelled, self.flat) if i == 0 else (self.ends, self.flat_ends)
            for table, dot in ((dotted, "."), (flat, "_")):
                meant = table.setdefault(dot.join(parts[i:]), [])
                if module not in meant:
                    meant.append(module)

    def hits(self, name: Name) -> list[str]:
        """Return the modules that the name means in the first reading that any fits."""
        return next((modules for modules in self._readings(name) if modules), [])

    def _readings(self, name: Name) -> Iterator[list[str]]:
        if name.flat:
            yield self.flat.get(name.path, [])
            yield self.flat.get(unet.to_diffusers(name.path, self.blocks, flat=True), [])
            yield self.flat_ends.get(name.path, [])
            for prefix in KOHYA_AROUND:
                if name.path.startswith(prefix):
                    yield self.flat.get(name.path.removeprefix(prefix), [])
            return
        plain = unwrapped(name.path)
        yield self.known.get(name.path, [])
        yield self.known.get(str(name), [])
        yield self.spelled.get(plain, [])
        yield self.spelled.get(self.rename(plain), [])
        yield self.spelled.get(unet.to_diffusers(plain.removeprefix(unet.PREFIX), self.blocks), [])
        for inner in dict.fromkeys((plain, self.rename(plain))):
            yield self.ends.get(inner, [])
            parts = inner.split(".")
            for i in range(1, len(parts) - 1):
                yield self.spelled.get(".".join(parts[i:]), [])

    def parts(self, name: Name) -> tuple[str, ...] | None:
        """Return the layers that together are what the authors of FLUX or SD3 have as one, or the one."""
        for targets in in_diffusers(name.path if name.flat else unwrapped(name.path)):
            modules = [self.hits(Name(name.component, target)) for target in targets]
            if all(len(hits) == 1 for hits in modules):
                return tuple(hits[0] for hits in modules)
        return None


def _innermost(modules: Collection[str]) -> dict[str, str]:
    """Return name without wrappers -> the module inside them."""
    plain: dict[str, str] = {}
    for module in sorted(modules, key=len):
        plain[unwrapped(module)] = module
    return {name: plain[name] for name in dict.fromkeys(unwrapped(module) for module in modules)}
