"""`open_adapter` opens an adapter file or folder of any supported format, whose values are read layer by layer."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.checkpoints.names.kinds import of_adapter
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX, Name
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError
from ioadapt_theory.formats import own
from ioadapt_theory.formats.adapter_file import AdapterFile, Change, StoredLayer
from ioadapt_theory.formats.build import build, kind_of, rank_of
from ioadapt_theory.formats.keys import FOREIGN, parse
from ioadapt_theory.formats.kinds import UNKNOWN, iolora, peft, scaling
from ioadapt_theory.formats.tensors import TARGET, TensorFile, is_name
from ioadapt_theory.outputs import at_home

MOST_GROWTH, MOST_BYTES = 9, 1 << 27
"""An adapter may have at most MOST_GROWTH times the bytes of its file, plus MOST_BYTES."""
DIFFUSERS_FILE = "pytorch_lora_weights.safetensors"


def open_adapter(path: Path | str) -> AdapterFile:
    """Open an adapter: our file or folder, PEFT's folder, or a diffusers, kohya or LyCORIS file.

    Args:
        path: a folder, a safetensors file, or a pickle of tensors.

    Returns:
        The adapter. Its values are read later, except for alphas and settings.

    Raises:
        FileFormatError: the path does not exist, or the file or folder is invalid or contains no adapter.
        SourceError: the path is a pipe or a device, or cannot be read.
        UnsupportedError: the adapter is of a kind that is recognised but not supported.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.formats import open_adapter
        >>> path, layer = tempfile.mkdtemp() + "/lora.safetensors", "lora_unet_mid_block_attentions_0_proj_in"
        >>> down, up = torch.zeros(2, 16), torch.zeros(8, 2)
        >>> save_file({f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}, path)
        >>> file = open_adapter(path)
        >>> file.format, [str(layer.name) for layer in file.layers]
        ('kohya/LyCORIS', ['unet.mid_block_attentions_0_proj_in'])
    """
    path = at_home(path)
    try:
        source, config = _opened(path)
        if config is not None or not own.is_own(source):
            return _foreign(path, source, config)
        return own.contents(path, source)
    except RecursionError:
        msg = f"{path} contains JSON with too many nested brackets; save the adapter again."
        raise FileFormatError(msg) from None


def is_adapter(path: Path | str) -> bool:
    """Return whether the path is the folder or the safetensors file of an adapter; False for the path of a pickle."""
    if not os.path.isdir(path) and Path(path).suffix != ".safetensors":  # opening a model's pickle takes long
        return False
    try:
        source, config = _opened(Path(path))
    except IoAdaptError:
        return False
    return config is not None or own.is_own(source) or of_adapter(source.shapes)


def _opened(path: Path) -> tuple[TensorFile, Mapping[str, Any] | None]:
    """Return the open tensors, and PEFT's configuration if they are in a PEFT folder."""
    named = path.name in peft.WEIGHTS
    folder = path.parent if named else path
    if not os.path.isdir(folder):  # unlike Path's method, it does not raise for invalid names
        return TensorFile(path), None
    ours = folder / own.FILE
    if ours.exists() and (folder / peft.CONFIG).exists() and not named:
        msg = f"{path} has both {own.FILE} and {peft.CONFIG}; give the path of one adapter's weights."
        raise FileFormatError(msg)
    if found := peft.open_folder(folder):
        return found
    if named:
        return TensorFile(path), None
    if file := next((file for file in (ours, folder / DIFFUSERS_FILE) if file.exists()), None):
        return TensorFile(file), None
    inside = sorted(f"{p.parent.name}/" for p in folder.glob(f"*/{peft.CONFIG}"))
    more = f" Its subfolders have adapters: {', '.join(inside[:5] + ['...'] * (len(inside) > 5))}." if inside else ""
    msg = (
        f"{folder} contains no adapter; give a file, or a folder with {own.FILE}, with {DIFFUSERS_FILE}, or with"
        f" {peft.CONFIG} and {peft.WEIGHTS[0]}.{more}"
    )
    raise FileFormatError(msg)


def _foreign(opened: Path, source: TensorFile, config: Mapping[str, Any] | None) -> AdapterFile:
    """Return the content of another tool's file; ``config`` is PEFT's configuration for a PEFT folder, else None."""
    path, changes, flat = source.path, list[Change](), False
    layers, unread = iolora.contents(source)
    if not layers:
        if config is not None and config["peft_type"] == iolora.TYPE:
            msg = f"{path} has no tensor *.{iolora.SETTINGS}, which IOLORA adapters need; save the adapter again."
            raise FileFormatError(msg)
        if config is None and any(key.startswith(PEFT_PREFIX) for key in source.shapes):
            msg = f"{path} needs {peft.CONFIG}, which contains the scaling; give the folder with both files."
            raise FileFormatError(msg)
        parts, unread = _by_layer(source)
        flat = any(name.flat for name in parts)
        scale = scaling.of_file(source) if config is None else scaling.of_folder(path.parent / peft.CONFIG, config)
        for name, roles in parts.items():
            if "diff" in roles and len(source.shapes[roles["diff"]]) == 1:
                unread |= dict.fromkeys(roles.values(), "a trained norm")
            elif roles.keys() <= {"alpha", "diff_b"}:
                unread |= dict.fromkeys(roles.values(), "an alpha or a bias without the factors")
            else:
                with located(path, name):
                    layers.append(_layer(name, roles, source, scale))
    if config is not None:
        for key in [key for key, why in unread.items() if why == UNKNOWN and key.startswith(PEFT_PREFIX)]:
            module, _, leaf = key.removeprefix(PEFT_PREFIX).rpartition(".")
            if leaf in {"weight", "bias"}:
                changes.append(Change(Name("", module.removesuffix(".base_layer")), leaf, source, key))
                del unread[key]
    if not layers:
        raise _without_adapter(path, unread, changes)
    bytes_, size = 4 * sum(p.numel() for layer in layers for p in layer.sketch.parameters()), os.path.getsize(path)
    if bytes_ > (limit := MOST_GROWTH * size + MOST_BYTES):  # the products of long vectors can be huge
        msg = f"{path} would expand from {size:,} bytes to an adapter of {bytes_:,} bytes; the limit is {limit:,}."
        raise FileFormatError(msg)
    format_ = "PEFT" if config else "kohya/LyCORIS" if flat else "diffusers"
    header, settings = source.metadata, config or {}
    base = settings.get("base_model_name_or_path") or header.get(TARGET) or header.get("ss_sd_model_name")
    base = base if is_name(base) else None
    return AdapterFile(opened, format_, tuple(layers), tuple(changes), unread, base, source, config)


@contextmanager
def located(path: Path, name: Name) -> Iterator[None]:
    """Prefix the message of an error in the block with the file and the layer, unless it already names the file."""
    try:
        yield
    except IoAdaptError as error:
        if not str(error).startswith((str(path), str(path.parent / peft.CONFIG))):
            error.args = (f"{path}: {name}: {str(error).removesuffix('.')}.",)
        raise


def _without_adapter(path: Path, unread: Mapping[str, str], changes: Iterable[Change]) -> IoAdaptError:
    if strange := {why: key for key, why in unread.items() if why in FOREIGN.values()}:
        kinds, example = ", ".join(sorted(strange)), next(iter(strange.values()))
        msg = (
            f"{path} is an adapter of an unsupported kind: {kinds} (for example {example}); use the library that wrote"
            " the file to merge the adapter into the base model."
        )
        return UnsupportedError(msg)
    weights = [key for key, why in unread.items() if why == UNKNOWN and key.endswith((".weight", ".bias"))]
    if 2 * len(weights) > len(unread):
        way = "give an adapter, and models as SOURCE and TARGET"
        return FileFormatError(f"{path} is a checkpoint of a model ({len(weights)} weights), not an adapter; {way}.")
    found = [*(f"{key}: {why}" for key, why in unread.items()), *map(str, changes)]
    some = "; ".join(found[:3] + ["..."] * (len(found) > 3)) or "no tensors"
    return FileFormatError(f"{path} contains no adapter of a supported kind ({some}); give the path of an adapter.")


def _by_layer(source: TensorFile) -> tuple[dict[Name, dict[str, str]], dict[str, str]]:
    """Return the keys of each layer's tensors by role ("down", ...), and the reason for each key that is not read."""
    layers: dict[Name, dict[str, str]] = {}
    left_out = filter(None, source.metadata.get("left_out", "").split(", "))  # in a pickle
    unread = dict.fromkeys(left_out, "a tensor that is sparse, without values or of an unsupported dtype")
    for key in source.shapes:
        meaning = parse(key)
        if isinstance(meaning, str):
            unread[key] = meaning
            continue
        name, role = meaning
        other = layers.setdefault(name, {}).setdefault(role, key)
        if other != key:
            msg = f"{source.path}: {key} and {other} mean the same tensor of layer {name}; remove one of them."
            raise FileFormatError(msg)
    return layers, unread


def _layer(name: Name, roles: Mapping[str, str], source: TensorFile, scale: scaling.Scale) -> StoredLayer:
    """Return the stored adapter of one layer, of which only alpha is read; ``roles``: tensor ("down", ...) -> key."""
    source.require_floats(roles.values())
    factors = {role: key for role, key in roles.items() if role != "alpha"}
    if empty := next((key for key in factors.values() if 0 in source.shapes[key]), None):
        shape = [*source.shapes[empty]]
        msg = f"{source.path}: {empty} has shape {shape}, but no dimension may be 0; save the adapter again."
        raise FileFormatError(msg)
    shapes, kind = {role: source.shapes[key] for role, key in factors.items()}, kind_of(factors)
    alpha = _number(source, roles["alpha"]) if "alpha" in roles else None
    factor = scale(name, rank_of(kind, shapes), shapes, alpha)
    sketch = build(
        kind, {role: torch.empty(s, dtype=torch.float32, device="meta") for role, s in shapes.items()}, factor
    )

    def read() -> Adapter:
        with located(source.path, name):
            return build(kind, {role: source[key] for role, key in factors.items()}, factor)

    return StoredLayer(name, sketch, read, keys=roles)


def _number(source: TensorFile, key: str) -> float:
    if source.shapes[key] not in {(), (1,)}:
        msg = f"{source.path}: {key} must be one number, not a tensor of shape {list(source.shapes[key])}."
        raise FileFormatError(msg)
    return float(source[key])
