"""Any adapter file or folder, ours included, as layers to be read one at a time."""

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ioadapt_theory.adapters.families.family import Ranges
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.formats import own
from ioadapt_theory.formats.build import cut
from ioadapt_theory.formats.kinds.base_changes import Change
from ioadapt_theory.formats.kinds.ioadapt import FORMAT
from ioadapt_theory.formats.read import read
from ioadapt_theory.formats.tensors import TensorFile, is_name


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


def open_adapter(path: Path | str, *, scaled: bool = True) -> Opened:
    """Open our file or its folder, PEFT's folder, or a diffusers, kohya or LyCORIS file; no numbers are read.

    Args:
        path: of the file or folder.
        scaled: refuse PEFT's tensors without the configuration that says how to scale them; otherwise alpha = rank.

    Raises:
        FileFormatError: the file is not what it has to be; file, key, expected and found are named.
        UnsupportedError: a method that is recognised and has no counterpart here.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, save
        >>> from ioadapt_theory.formats.open import open_adapter
        >>> folder = save(adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"]), tempfile.mkdtemp())
        >>> [item.name.path for item in open_adapter(folder).items]
        ['0']
    """
    path = Path(path)
    with _no_collection():
        return _opened(path, scaled)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Tens of thousands of modules are made here and none is garbage; looking for that takes as long as making them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _opened(path: Path, scaled: bool) -> Opened:
    source = None if os.path.isdir(path) else TensorFile(path)
    if (ours := own.find(path, source)) is not None:
        items = [Item(Name("", n), s, partial(ours.adapter, n, s)) for n, s in ours.sketches().items()]
        header = ours.source.metadata
        base, prints = header.get(fingerprint.BASE_NAME), fingerprint.recorded(header, path)
        return Opened(path, FORMAT, base if is_name(base) else None, tuple(items), ours.changes(), {}, prints)
    file = read(path, source, scaled=scaled)
    entries = tuple(Item(e.name, e.sketch(), e.adapter, e.kind == "peanut") for e in file.entries)
    return Opened(file.path, file.format, file.base, entries, file.changes, file.unread, file.prints)
