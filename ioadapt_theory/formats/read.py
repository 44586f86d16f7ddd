"""Adapter files of others, read into our adapters: PEFT folders, diffusers, kohya and LyCORIS files.

Everything is checked on the header first; numbers are read layer by layer, when an entry's ``adapter`` is called.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules.fingerprint import recorded
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError
from ioadapt_theory.formats.folders import PEFT_CONFIG, locate, require_no_config
from ioadapt_theory.formats.kinds import base_changes as changes
from ioadapt_theory.formats.kinds.base_changes import Change
from ioadapt_theory.formats.kinds.keys import FOREIGN, UNKNOWN, parse
from ioadapt_theory.formats.kinds.layouts import OPTIONAL, build, kind_of
from ioadapt_theory.formats.kinds.plugin import PLUGIN_TYPE, PluginEntry, plugin_entries
from ioadapt_theory.formats.kinds.scaling import DIFFUSERS_METADATA, Scale, file_scale, header_json, peft_scale
from ioadapt_theory.formats.storing import BAKED_FOR
from ioadapt_theory.formats.tensors import TensorFile, is_name


@dataclass(frozen=True, slots=True)
class Entry:
    """The adapter of one layer, in a file.

    Attributes:
        name: the layer as the file names it.
        kind: "lora", "loha", "lokr", "glora", "full" or "peanut", by its parts.
        roles: part -> key of its tensor.
        scaling: factor on the learned change.
        source: the file.
    """

    name: Name
    kind: str
    roles: Mapping[str, str]
    scaling: float
    source: TensorFile

    def adapter(self) -> Adapter:
        """Read the tensors and build the adapter, in float32 (float64 if stored so)."""
        with located(self.source.path, self.name):
            return build(self.kind, {role: self.source[key] for role, key in self.roles.items()}, self.scaling)

    def sketch(self) -> Adapter:
        """The adapter without numbers, from the shapes alone."""
        shapes = {role: self.source.shapes[key] for role, key in self.roles.items()}
        with located(self.source.path, self.name):
            return build(self.kind, {r: torch.empty(s, device="meta") for r, s in shapes.items()}, self.scaling)


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """What a file holds.

    Attributes:
        path: of the tensors.
        format: "PEFT", "diffusers" or "kohya/LyCORIS".
        entries: one for each layer.
        changes: what it does to tensors of the base itself.
        unread: keys that are neither, and what they are.
        base: name of the model that it was trained on, or baked for, where the file says it.
        metadata: the header's strings.
        prints: fingerprints of the base's layers, where it has them.
    """

    path: Path
    format: str
    entries: tuple[Entry | PluginEntry, ...]
    changes: tuple[Change, ...]
    unread: Mapping[str, str]
    base: str | None
    metadata: Mapping[str, str]
    prints: Mapping[str, object]


def read(path: Path | str) -> AdapterFile:
    """Look into an adapter file or folder; no numbers are read but alphas.

    Args:
        path: a PEFT folder, a folder with diffusers' file, a safetensors file, or a pickle of tensors.

    Raises:
        FileFormatError: missing, truncated, contradictory, or without any adapter.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    path, config = locate(Path(path))
    source = TensorFile(path)
    entries: list[Entry | PluginEntry] = []
    altered: list[Change] = []
    packed = header_json(source, DIFFUSERS_METADATA) if config is None else config  # of diffusers' save_lora_adapter
    if packed.get("peft_type") == PLUGIN_TYPE:
        groups: dict[Name, dict[str, str]] = {}
        found, unread = plugin_entries(packed, path, source)
        entries.extend(found)
    else:
        if config is None:
            require_no_config(source)
        scale = file_scale(source) if config is None else peft_scale(path.parent / PEFT_CONFIG, config)
        groups, unread = _grouped(source)
        for name, roles in groups.items():
            with located(path, name):
                _sort(name, roles, source, scale, entries, altered, unread)
    if config is not None:
        whole = changes.replaced(config, source, [key for key, why in unread.items() if why == UNKNOWN])
        unread = {key: why for key, why in unread.items() if not any(key in change.keys for change in whole)}
        altered.extend(whole)
    if not entries:
        raise _without_adapter(path, unread, altered)
    format_ = "PEFT" if config else "kohya/LyCORIS" if any(name.flat for name in groups) else "diffusers"
    metadata = source.metadata
    base = (config or {}).get("base_model_name_or_path") or metadata.get("ss_sd_model_name") or metadata.get(BAKED_FOR)
    named = base if isinstance(base, str) and is_name(base) else None
    prints = (config or {}).get("base_fingerprints")  # of our plug-in
    prints = prints if isinstance(prints, dict) else recorded(metadata, path)
    return AdapterFile(path, format_, tuple(entries), tuple(altered), unread, named, metadata, prints)


@contextmanager
def located(path: Path, name: Name) -> Iterator[None]:
    """Put file and layer before an error's sentence, unless it has the file already."""
    try:
        yield
    except IoAdaptError as error:
        if not str(error).startswith((str(path), str(path.parent / PEFT_CONFIG))):
            error.args = (f"{path}: {name}: {str(error).removesuffix('.')}.",)
        raise


def _without_adapter(path: Path, unread: Mapping[str, str], altered: list[Change]) -> IoAdaptError:
    """A file of a method that is not read here, or of something else."""
    if strange := {why: key for key, why in unread.items() if why in FOREIGN.values()}:
        kinds, example = ", ".join(sorted(strange)), next(iter(strange.values()))
        msg = f"{path}: holds {kinds} ({example}), which is not read here; let the library that wrote it merge it."
        return UnsupportedError(msg)
    some = ", ".join(sorted({*unread.values(), *map(str, altered)})[:5]) or "no tensors at all"
    msg = f"{path}: no adapter that is read here; it holds {some}."
    return FileFormatError(msg)


def _grouped(source: TensorFile) -> tuple[dict[Name, dict[str, str]], dict[str, str]]:
    """Keys by layer and role, and those that are not read."""
    groups: dict[Name, dict[str, str]] = {}
    unread: dict[str, str] = {}
    for key in source.shapes:
        found = parse(key)
        if isinstance(found, str):
            unread[key] = found
            continue
        name, role = found
        other = groups.setdefault(name, {}).setdefault(role, key)
        if other != key:
            msg = f"{source.path}: {key} and {other} are the same part of the layer {name}."
            raise FileFormatError(msg)
    return groups, unread


def _sort(
    name: Name,
    roles: dict[str, str],
    source: TensorFile,
    scale: Scale,
    entries: list[Entry | PluginEntry],
    altered: list[Change],
    unread: dict[str, str],
) -> None:
    """What the parts of one layer are: an adapter, changes of the base, or nothing that is read."""
    source.require_floats(roles.values())
    shapes = {role: source.shapes[key] for role, key in roles.items()}
    direct = {role for role in roles if role in changes.ADDED or (role == "diff" and len(shapes[role]) == 1)}
    if set(changes.EMBEDDING) <= set(roles):
        scaling = scale(name, "lora", {"down": shapes[changes.EMBEDDING[0]]}, None)
        altered.append(changes.embedding(name, roles, source, scaling))
        direct.update(changes.EMBEDDING)
    rest = {role: key for role, key in roles.items() if role not in direct}
    factors = {role: key for role, key in rest.items() if role != "alpha"}
    if factors:
        kind = kind_of(set(rest))
        for role in direct & OPTIONAL[kind]:  # beside an adapter a bias is a part of it
            factors[role] = roles[role]
        direct -= OPTIONAL[kind]
        alpha = _number(source, rest["alpha"]) if "alpha" in rest else None
        entries.append(Entry(name, kind, factors, scale(name, kind, shapes, alpha), source))
        entries[-1].sketch()
    elif not direct:
        unread |= dict.fromkeys(rest.values(), "a part without the rest of its adapter")
    for role in direct - set(changes.EMBEDDING):
        altered.append(changes.added(name, role, source, roles[role]))


def _number(source: TensorFile, key: str) -> float:
    if source.shapes[key] not in {(), (1,)}:
        msg = f"{source.path}: {key} has to be one number, found {list(source.shapes[key])}."
        raise FileFormatError(msg)
    return float(source[key])
