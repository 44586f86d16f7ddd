"""Adapter files of others, read into our adapters: PEFT folders, diffusers, kohya and LyCORIS files.

Everything is checked on the header first; numbers are read layer by layer, when an entry's ``adapter`` is called.
"""

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules.fingerprint import recorded
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, Name
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError
from ioadapt_theory.formats.build import KINDS, build, kind_of, rank_of, sketch
from ioadapt_theory.formats.kinds import base_changes, diffusers, iolora, peanut, peft
from ioadapt_theory.formats.kinds.base_changes import Change
from ioadapt_theory.formats.kinds.ioadapt import FILE
from ioadapt_theory.formats.kinds.keys import FOREIGN, UNKNOWN, parse
from ioadapt_theory.formats.kinds.kohya import Scale, file_scale
from ioadapt_theory.formats.tensor_writer import BAKED_FOR
from ioadapt_theory.formats.tensors import TensorFile, is_name, read_json


@dataclass(frozen=True)
class Entry:
    """The adapter of one layer, in a file.

    Attributes:
        name: the layer as the file names it.
        kind: "lora", "loha", "lokr", "glora", "full" or "peanut", by its parts.
        roles: part -> key of its tensor.
        scaling: factor on the learned change.
        source: the file.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.formats import read
        >>> path, layer = tempfile.mkdtemp() + "/lora.safetensors", "lora_unet_mid_block_attentions_0_proj_in"
        >>> down, up = torch.zeros(2, 16), torch.zeros(8, 2)
        >>> save_file({f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}, path)
        >>> entry = read(path).entries[0]
        >>> entry.kind, entry.scaling, entry.adapter().family
        ('lora', 1.0, 'lora')
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

    @functools.cached_property
    def _sketch(self) -> Adapter:
        shapes = {role: self.source.shapes[key] for role, key in self.roles.items()}
        with located(self.source.path, self.name):
            return sketch(self.kind, shapes, self.scaling)

    def sketch(self) -> Adapter:
        """The adapter without numbers, from the shapes alone."""
        return self._sketch


MOST_GROWTH, MOST_BYTES = 9, 1 << 27
"""How many times its file an adapter may take in memory, and what is allowed to the smallest."""
AnyEntry = Entry | iolora.PluginEntry | iolora.DescribedEntry


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

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.formats import read
        >>> path, layer = tempfile.mkdtemp() + "/lora.safetensors", "lora_unet_mid_block_attentions_0_proj_in"
        >>> down, up = torch.zeros(2, 16), torch.zeros(8, 2)
        >>> save_file({f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}, path)
        >>> found = read(path)
        >>> len(found.entries), dict(found.unread), found.base  # the file does not say its base
        (1, {}, None)
    """

    path: Path
    format: str
    entries: tuple[AnyEntry, ...]
    changes: tuple[Change, ...]
    unread: Mapping[str, str]
    base: str | None
    metadata: Mapping[str, str]
    prints: Mapping[str, object]


def read(path: Path | str, source: TensorFile | None = None, *, scaled: bool = True) -> AdapterFile:
    """Look into an adapter file or folder; no numbers are read but alphas.

    Args:
        path: a PEFT folder, a folder with diffusers' file, a safetensors file, or a pickle of tensors.
        source: the file, if it is open already.
        scaled: see ``open_adapter``.

    Raises:
        FileFormatError: missing, truncated, contradictory, or without any adapter.
        UnsupportedError: a method that is recognised and has no counterpart here.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.formats import read
        >>> path, layer = tempfile.mkdtemp() + "/lora.safetensors", "lora_unet_mid_block_attentions_0_proj_in"
        >>> down, up = torch.zeros(2, 16), torch.zeros(8, 2)
        >>> save_file({f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}, path)
        >>> read(path).format
        'kohya/LyCORIS'
    """
    path, config = locate(Path(path))
    source = TensorFile(path) if source is None or source.path != path else source
    entries: list[AnyEntry] = []
    altered: list[Change] = []
    described = diffusers.packed(source) if config is None else config
    if described.get("peft_type") == iolora.TYPE:  # diffusers' save_lora_adapter puts it into the header
        groups: dict[Name, dict[str, str]] = {}
        found, unread = iolora.plugin_entries(described, path, source)
        entries.extend(found)
    elif config is None and (spoken := iolora.described_entries(source))[0]:
        groups, unread = {}, spoken[1]
        entries.extend(spoken[0])
    else:
        if config is None and scaled:
            _require_no_config(source)
        groups, unread = _grouped(source)
        scale = file_scale(source) if config is None else _folder_scale(path.parent, config)
        for name, roles in groups.items():
            with located(path, name):
                _sort(name, roles, source, scale, entries, altered, unread)
    if config is not None:
        whole = base_changes.of_peft(config, source, [key for key, why in unread.items() if why == UNKNOWN])
        read_whole = {key for change in whole for key in change.keys}
        unread = {key: why for key, why in unread.items() if key not in read_whole}
        altered.extend(whole)
    if not entries:
        raise _without_adapter(path, unread, altered)
    _require_bounded(source, entries)
    format_ = "PEFT" if config else "kohya/LyCORIS" if any(name.flat for name in groups) else "diffusers"
    metadata = source.metadata
    base = (config or {}).get("base_model_name_or_path") or metadata.get("ss_sd_model_name") or metadata.get(BAKED_FOR)
    named = base if isinstance(base, str) and is_name(base) else None
    prints = (config or {}).get("base_fingerprints")  # of our plug-in
    prints = prints if isinstance(prints, dict) else recorded(metadata, path)
    return AdapterFile(path, format_, tuple(entries), tuple(altered), unread, named, metadata, prints)


def _require_bounded(source: TensorFile, entries: Iterable[AnyEntry]) -> None:
    """Refuse small files that make huge adapters, as products of long vectors do."""
    bytes_ = 4 * sum(p.numel() for entry in entries for p in entry.sketch().parameters())
    if bytes_ > MOST_GROWTH * source.size + MOST_BYTES:
        msg = f"{source.path}: {source.size:,} bytes would become an adapter of {bytes_:,}; it is not read."
        raise FileFormatError(msg)


def locate(path: Path) -> tuple[Path, dict[str, Any] | None]:
    """The file of the tensors, and PEFT's configuration where it is one of a PEFT folder.

    Raises:
        FileFormatError: a folder without an adapter, or a configuration that is not what it has to be.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    if path.name in peft.WEIGHTS and (path.parent / peft.CONFIG).exists():
        path = path.parent
    if not os.path.isdir(path):  # unlike Path's, it has no error for a name that no system takes
        return path, None
    config = None
    if (path / peft.CONFIG).exists():
        config = read_json(path / peft.CONFIG)
        peft.require_readable(path / peft.CONFIG, config)
        if config["peft_type"] == "PEANUT":
            peanut.require_linear(path / peft.CONFIG, config)
    files = [path / f for f in (peft.WEIGHTS if config else (diffusers.FILE,)) if (path / f).exists()]
    if not files:
        inside = sorted(f"{p.parent.name}/" for p in path.glob(f"*/{peft.CONFIG}"))
        more = f" It has adapters in {', '.join(inside[:5])}." if inside else ""
        msg = (
            f"{path}: a saved adapter is a folder with {FILE}, with {peft.CONFIG} and {peft.WEIGHTS[0]}, or with"
            f" {diffusers.FILE}; name any other file itself.{more}"
        )
        raise FileFormatError(msg)
    return files[0], config


def _require_no_config(source: TensorFile) -> None:
    """Refuse the tensors alone where the scale, or everything, is in the configuration beside them."""
    if any(key.startswith(PEFT_PREFIX) for key in source.shapes) or source.metadata.get("made_by") == "ioadapt_theory":
        msg = f"{source.path}: belongs to a folder with {peft.CONFIG}, which says how to scale it; name that folder."
        raise FileFormatError(msg)


def _folder_scale(folder: Path, config: Mapping[str, Any]) -> Scale:
    """The rule for a PEFT folder; PEFT has no alpha beside the factors."""
    path = folder / peft.CONFIG
    if config["peft_type"] == "PEANUT":
        fixed = peft.number(path, "scaling", config.get("scaling", 1.0))
        return lambda *_: fixed
    found = peft.rule(path, config)
    whole = config["peft_type"] == "LOKR"  # its rank need not show
    return lambda name, rank, *_: found(str(name), None if whole else rank)


@contextmanager
def located(path: Path, name: Name) -> Iterator[None]:
    """Put file and layer before an error's sentence, unless it has the file already."""
    try:
        yield
    except IoAdaptError as error:
        if not str(error).startswith((str(path), str(path.parent / peft.CONFIG))):
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
    unread = dict.fromkeys(source.left_out, "a tensor of a type that is not read")
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
    entries: list[AnyEntry],
    altered: list[Change],
    unread: dict[str, str],
) -> None:
    """What the parts of one layer are: an adapter, changes of the base, or nothing that is read."""
    source.require_floats(roles.values())
    shapes = {role: source.shapes[key] for role, key in roles.items()}
    direct = {role for role in roles if role in base_changes.ADDED or (role == "diff" and len(shapes[role]) == 1)}
    if set(base_changes.EMBEDDING) <= set(roles):
        down = {"down": shapes[base_changes.EMBEDDING[0]]}
        altered.append(base_changes.embedding(name, roles, source, scale(name, rank_of("lora", down), down, None)))
        direct.update(base_changes.EMBEDDING)
    rest = {role: key for role, key in roles.items() if role not in direct}
    factors = {role: key for role, key in rest.items() if role != "alpha"}
    if factors:
        kind = kind_of(rest)
        optional = KINDS[kind].optional
        for role in direct & optional:  # beside an adapter a bias is a part of it
            factors[role] = roles[role]
        direct -= optional
        alpha = _number(source, rest["alpha"]) if "alpha" in rest else None
        scaling = scale(name, rank_of(kind, shapes), shapes, alpha)
        entries.append(Entry(name, kind, factors, scaling, source))
        entries[-1].sketch()
    elif not direct:
        unread |= dict.fromkeys(rest.values(), "a part without the rest of its adapter")
    for role in direct - set(base_changes.EMBEDDING):
        altered.append(base_changes.added(name, base_changes.ADDED.get(role, "weight"), source, roles[role]))


def _number(source: TensorFile, key: str) -> float:
    if source.shapes[key] not in {(), (1,)}:
        msg = f"{source.path}: {key} has to be one number, found {list(source.shapes[key])}."
        raise FileFormatError(msg)
    return float(source[key])
