"""Any adapter file or folder, ours included, as layers to be read one at a time, and held against a base."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ioadapt_theory.adapters import fingerprint
from ioadapt_theory.adapters.formats import own
from ioadapt_theory.adapters.formats.layouts import refit
from ioadapt_theory.adapters.formats.loading import choose_component, is_own
from ioadapt_theory.adapters.formats.names import Name, resolve
from ioadapt_theory.adapters.formats.reading import read
from ioadapt_theory.adapters.layers import Adapter
from ioadapt_theory.adapters.operators import Operator
from ioadapt_theory.adapters.weights import Weights
from ioadapt_theory.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Item:
    """One layer of an opened adapter.

    Attributes:
        name: as the file has it.
        sketch: the adapter, of which only sizes and settings count.
        adapter: reads it.
    """

    name: Name
    sketch: Adapter
    adapter: Callable[[], Adapter]


@dataclass(frozen=True, slots=True)
class Opened:
    """An adapter file or folder.

    Attributes:
        path: what was opened.
        format: "ioadapt_theory", or see ``AdapterFile``.
        base: name of the base it was trained on, where the file says it.
        items: its layers.
        unread: keys that are not read, and what they are.
        prints: fingerprints of the base's layers, in our own files.
    """

    path: Path
    format: str
    base: str | None
    items: tuple[Item, ...]
    unread: Mapping[str, str]
    prints: Mapping[str, object]


def open_adapter(path: Path | str) -> Opened:
    """Open what ``load`` would load.

    Raises:
        FileFormatError, UnsupportedError: see ``load``.
    """
    path = Path(path)
    if is_own(path):
        header = own.header(path)
        adapters = own.read(path)
        items = [Item(Name("", layer), a, lambda kept=a: kept) for layer, a in adapters.items()]  # type: ignore[misc]
        prints = fingerprint.recorded(header, path)
        return Opened(path, own.FORMAT, header.get(fingerprint.BASE_NAME), tuple(items), {}, prints)
    file = read(path)
    entries = tuple(Item(entry.name, entry.sketch(), entry.adapter) for entry in file.entries)
    return Opened(path, file.format, file.base, entries, file.unread, {})


@dataclass(frozen=True, slots=True)
class Match:
    """An adapter's layers held against a base.

    Attributes:
        found: layers that fit, and their names in the base.
        lost: layers that do not, and why.
    """

    found: Mapping[Name, str]
    lost: Mapping[Name, str]


def match(opened: Opened, weights: Weights, component: str | None = None) -> Match:
    """Which layers of the base the adapter fits, by names and sizes; no weights are read.

    Args:
        opened: the adapter.
        weights: the base.
        component: of a pipeline's file, the one that the base is; the others are left out of account. By default the
            one whose layers the base has.

    Raises:
        FileFormatError: the file has no such component, or none or several fit the base alike.
    """
    names = resolve([item.name for item in opened.items], weights.names)
    component = choose_component(opened.path, [item.name for item in opened.items], names, component)
    found, lost = {}, {}
    for item in opened.items:
        if item.name.component != component:
            continue
        if item.name not in names:
            lost[item.name] = "the base has no such layer"
        elif why := _misfit(item.sketch, weights.size(names[item.name])):
            lost[item.name] = why
        else:
            found[item.name] = names[item.name]
    return Match(found, lost)


def require_complete(opened: Opened, matched: Match) -> None:
    """Refuse what would be only half an adapter.

    Raises:
        InvalidValueError: keys that are not read, or layers that do not fit.
    """
    lost = {str(name): why for name, why in matched.lost.items()}
    problems = [f"{key}: {why}" for key, why in {**opened.unread, **lost}.items()]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        msg = f"{opened.path}: not all of it can be used ({'; '.join(problems[:3])}{more}); --partial does without."
        raise InvalidValueError(msg)
    if not matched.found:
        msg = f"{opened.path}: none of its layers is in the base."
        raise InvalidValueError(msg)


def _misfit(sketch: Adapter, size: tuple[int, int, int]) -> str | None:
    rows, columns, channels = size
    refit(sketch, size)
    return sketch.misfit(Operator(nn.Identity(), channels, columns, taps=rows // channels))
