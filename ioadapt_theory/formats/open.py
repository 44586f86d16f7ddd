"""Any adapter file or folder, ours included, as layers to be read one at a time."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.folders import PEFT_CONFIG
from ioadapt_theory.formats.kinds.base_changes import Change
from ioadapt_theory.formats.kinds.cutting import Ranges, cut
from ioadapt_theory.formats.read import read
from ioadapt_theory.formats.tensors import is_name, read_json


@dataclass(frozen=True, slots=True)
class Item:
    """One layer of an opened adapter.

    Attributes:
        name: as the file has it.
        sketch: the adapter, of which only sizes and settings count.
        adapter: reads it.
        spares_bias: whether it acts on XW alone, as PEANUT does, not on XW + b.
    """

    name: Name
    sketch: Adapter
    adapter: Callable[[], Adapter]
    spares_bias: bool = False

    def part(self, ranges: Ranges) -> "Item":
        """Some of its outputs; see ``cut``."""
        return Item(self.name, cut(self.sketch, ranges), lambda: cut(self.adapter(), ranges), self.spares_bias)


@dataclass(frozen=True, slots=True)
class Opened:
    """An adapter file or folder.

    Attributes:
        path: what was opened.
        format: "ioadapt_theory", or see ``AdapterFile``.
        base: name of the base it was trained on, or baked for, where the file says it.
        items: its layers.
        changes: what it does to tensors of the base itself.
        unread: keys that are not read, and what they are.
        prints: fingerprints of the base's layers, where it has them.
    """

    path: Path
    format: str
    base: str | None
    items: tuple[Item, ...]
    changes: tuple[Change, ...]
    unread: Mapping[str, str]
    prints: Mapping[str, object]

    def check(self) -> None:
        """Read every number, one layer at a time.

        Raises:
            FileFormatError: a tensor that cannot be read or is not finite.
        """
        for item in self.items:
            item.adapter()
        for change in self.changes:
            change.check()


def open_adapter(path: Path | str) -> Opened:
    """Open our folder, PEFT's, or a diffusers, kohya or LyCORIS file; of foreign ones only the header is read.

    Raises:
        FileFormatError: the file is not what it has to be; file, key, expected and found are named.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    path = Path(path)
    if _is_own(path):
        header = own.header(path)
        kept = own.read(path)
        items = [Item(Name("", layer), a, lambda kept=a: kept) for layer, a in kept.items()]  # type: ignore[misc]
        prints = fingerprint.recorded(header, path)
        base = header.get(fingerprint.BASE_NAME)
        return Opened(path, own.FORMAT, base if is_name(base) else None, tuple(items), (), {}, prints)
    file = read(path)
    entries = tuple(Item(e.name, e.sketch(), e.adapter, e.kind == "peanut") for e in file.entries)
    return Opened(file.path, file.format, file.base, entries, file.changes, file.unread, file.prints)


def _is_own(path: Path) -> bool:
    """Whether a folder's config is ours, or too broken to tell: the sentence about that is the same for both."""
    config = path / PEFT_CONFIG
    try:
        content = read_json(config)
    except FileFormatError:
        return os.path.isdir(path) and os.path.exists(config)
    return not (isinstance(content, dict) and "peft_type" in content)
