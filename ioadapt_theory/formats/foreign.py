"""Files of other tools as our adapters: PEFT folders, diffusers, kohya and LyCORIS files.

Everything is checked on the header first; numbers are read layer by layer, when a layer's ``adapter`` is called.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.rules.fingerprint import recorded
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, Name
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.build import KINDS, build, kind_of, rank_of, sketch
from ioadapt_theory.formats.kinds import base_changes, iolora, peft
from ioadapt_theory.formats.kinds.base_changes import Change
from ioadapt_theory.formats.kinds.keys import FOREIGN, UNKNOWN, parse
from ioadapt_theory.formats.kinds.kohya import Scale, file_scale
from ioadapt_theory.formats.tensor_writer import BAKED_FOR
from ioadapt_theory.formats.tensors import TensorFile, is_name

MOST_GROWTH, MOST_BYTES = 9, 1 << 27
"""How many times its file an adapter may take in memory, and what is allowed to the smallest."""


def contents(opened: Path, source: TensorFile, config: Mapping[str, Any] | None, *, scaled: bool) -> AdapterFile:
    """Return what a file holds; no numbers are read but alphas.

    Args:
        opened: the file, or the folder that it is in.
        source: the tensors.
        config: PEFT's configuration, where they are of one of its folders.
        scaled: see ``open_adapter``.

    Raises:
        FileFormatError: contradictory, or without any adapter.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    path, changes = source.path, list[Change]()
    flat = False
    layers, unread = iolora.contents(source)
    if layers:
        if config is not None:
            iolora.require_agreement(path.parent / peft.CONFIG, config, layers)
    else:
        if config is None and scaled:
            _require_no_config(source)
        elif config is not None and config["peft_type"] == iolora.TYPE:
            msg = f"{path}: no layer has {iolora.SETTINGS}, which our plug-in writes for each; save the adapter again."
            raise FileFormatError(msg)
        groups, unread = _grouped(source)
        flat = any(name.flat for name in groups)
        scale = file_scale(source) if config is None else _folder_scale(path.parent / peft.CONFIG, config)
        for name, roles in groups.items():
            with located(path, name):
                _sort(name, roles, source, scale, layers, changes, unread)
    if config is not None:
        whole = base_changes.of_peft(config, source, [key for key, why in unread.items() if why == UNKNOWN])
        read_whole = {key for change in whole for key in change.keys}
        unread = {key: why for key, why in unread.items() if key not in read_whole}
        changes += whole
    if not layers:
        raise _without_adapter(path, unread, changes)
    _require_bounded(source, layers)
    format_ = "PEFT" if config else "kohya/LyCORIS" if flat else "diffusers"
    header, settings = source.metadata, config or {}
    base = settings.get("base_model_name_or_path") or header.get("ss_sd_model_name") or header.get(BAKED_FOR)
    prints = settings.get("base_fingerprints")  # of our plug-in
    prints = prints if isinstance(prints, dict) else recorded(header, path)
    named = base if isinstance(base, str) and is_name(base) else None
    return AdapterFile(opened, format_, tuple(layers), tuple(changes), unread, named, prints)


@contextmanager
def located(path: Path, name: Name) -> Iterator[None]:
    """Put file and layer before an error's sentence, unless it has the file already."""
    try:
        yield
    except IoAdaptError as error:
        if not str(error).startswith((str(path), str(path.parent / peft.CONFIG))):
            error.args = (f"{path}: {name}: {str(error).removesuffix('.')}.",)
        raise


def _require_bounded(source: TensorFile, layers: Iterable[StoredLayer]) -> None:
    """Refuse small files that make huge adapters, as products of long vectors do."""
    bytes_ = 4 * sum(p.numel() for layer in layers for p in layer.sketch.parameters())
    if bytes_ > MOST_GROWTH * source.size + MOST_BYTES:
        msg = f"{source.path}: {source.size:,} bytes would expand to an adapter of {bytes_:,} bytes: refused."
        raise FileFormatError(msg)


def _require_no_config(source: TensorFile) -> None:
    """Refuse the tensors alone where the scale, or everything, is in the configuration beside them."""
    if any(key.startswith(PEFT_PREFIX) for key in source.shapes):
        msg = f"{source.path}: belongs to a folder with {peft.CONFIG}, which says how to scale it; name that folder."
        raise FileFormatError(msg)


def _folder_scale(path: Path, config: Mapping[str, Any]) -> Scale:
    """The rule for a PEFT folder; PEFT has no alpha beside the factors."""
    if config["peft_type"] == "PEANUT":
        fixed = peft.number(path, "scaling", config.get("scaling", 1.0))
        return lambda *_: fixed
    scale = peft.rule(path, config)
    whole = config["peft_type"] == "LOKR"  # its rank need not show
    return lambda name, rank, *_: scale(str(name), None if whole else rank)


def _without_adapter(path: Path, unread: Mapping[str, str], changes: Iterable[Change]) -> IoAdaptError:
    """The error for a file of a method that is not read here, or of something else."""
    if strange := {why: key for key, why in unread.items() if why in FOREIGN.values()}:
        kinds, example = ", ".join(sorted(strange)), next(iter(strange.values()))
        msg = f"{path}: holds {kinds} ({example}), which is not supported; merge it with the library that wrote it."
        return UnsupportedError(msg)
    some = ", ".join(sorted({*unread.values(), *map(str, changes)})[:5]) or "no tensors at all"
    return FileFormatError(f"{path}: no adapter of a supported kind; it holds {some}.")


def _grouped(source: TensorFile) -> tuple[dict[Name, dict[str, str]], dict[str, str]]:
    """Keys by layer and role, and those that are not read."""
    groups: dict[Name, dict[str, str]] = {}
    unread = dict.fromkeys(source.left_out, "a tensor of a type that is not read")
    for key in source.shapes:
        meaning = parse(key)
        if isinstance(meaning, str):
            unread[key] = meaning
            continue
        name, role = meaning
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
    layers: list[StoredLayer],
    changes: list[Change],
    unread: dict[str, str],
) -> None:
    """Add the parts of one layer to where they belong: an adapter, changes of the base, or what is not read."""
    source.require_floats(roles.values())
    shapes = {role: source.shapes[key] for role, key in roles.items()}
    direct = {role for role in roles if role in base_changes.ADDED or (role == "diff" and len(shapes[role]) == 1)}
    if set(base_changes.EMBEDDING) <= set(roles):
        down = {"down": shapes[base_changes.EMBEDDING[0]]}
        changes.append(base_changes.embedding(name, roles, source, scale(name, rank_of("lora", down), down, None)))
        direct.update(base_changes.EMBEDDING)
    rest = {role: key for role, key in roles.items() if role not in direct}
    factors = {role: key for role, key in rest.items() if role != "alpha"}
    if factors:
        kind = kind_of(rest)
        optional = KINDS[kind].optional
        factors |= {role: roles[role] for role in direct & optional}  # beside an adapter a bias is a part of it
        direct -= optional
        alpha = _number(source, rest["alpha"]) if "alpha" in rest else None
        scaling = scale(name, rank_of(kind, shapes), shapes, alpha)
        outline = sketch(kind, {role: shapes[role] for role in factors}, scaling)
        read = partial(_read, name, kind, factors, scaling, source)
        layers.append(StoredLayer(name, outline, read, spares_bias=kind == "peanut"))
    elif not direct:
        unread |= dict.fromkeys(rest.values(), "a part without the rest of its adapter")
    for role in direct - set(base_changes.EMBEDDING):
        changes.append(base_changes.added(name, base_changes.ADDED.get(role, "weight"), source, roles[role]))


def _read(name: Name, kind: str, factors: Mapping[str, str], scaling: float, source: TensorFile) -> Adapter:
    """The adapter with its numbers, in float32 (float64 if stored so)."""
    with located(source.path, name):
        return build(kind, {role: source[key] for role, key in factors.items()}, scaling)


def _number(source: TensorFile, key: str) -> float:
    if source.shapes[key] not in {(), (1,)}:
        msg = f"{source.path}: {key} has to be one number, found {list(source.shapes[key])}."
        raise FileFormatError(msg)
    return float(source[key])
