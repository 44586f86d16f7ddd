"""IOLORA: what our plug-in for PEFT saves, read without PEFT.

diffusers' training scripts save the tensors alone, without a configuration: so every layer has its settings among them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.config import PEFT, AdapterConfig
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.names.layer_name import layer_name
from ioadapt_theory.errors import FileFormatError, IoAdaptError
from ioadapt_theory.formats.adapter_file import StoredLayer
from ioadapt_theory.formats.kinds.ioadapt import adapter_of, describe
from ioadapt_theory.formats.kinds.keys import UNKNOWN
from ioadapt_theory.formats.tensors import TensorFile, parse_json

TYPE, VERSION = "IOLORA", 1
OPTIONS = (
    *("r", "lora_alpha", "use_rslora", "family", "placement", "factor"),
    *("rank_pattern", "alpha_pattern", "placement_pattern"),
)
"""What a folder's configuration has of the layers' settings, by its names."""
SETTINGS = "settings.lora_A.weight"
"""The key of a layer's settings, JSON as bytes; its end is what diffusers recognises files of PEFT by."""
KEY = re.compile(r"(?:base_model\.model\.)?(.+)\.iolora_adapters\.(input|output|weight)\.(\w+)")
DESCRIBED = re.compile(rf"(?:base_model\.model\.)?(.+)\.iolora_adapters\.{re.escape(SETTINGS)}")


def settings_tensor(adapter: Adapter) -> Tensor:
    """Return what there is to say of an adapter beside its numbers, as bytes."""
    return torch.frombuffer(bytearray(json.dumps(describe(adapter)).encode()), dtype=torch.uint8)


def settings_of(source: TensorFile | Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the settings of layers by the names in the keys; empty where the tensors are not of the plug-in."""
    if isinstance(source, TensorFile):
        keys, read, where = source.shapes.keys(), source.stored, f"{source.path}"
    else:
        keys, read, where = source.keys(), source.__getitem__, "the state dict"
    plans = {}
    for key in keys:
        if described := DESCRIBED.fullmatch(key):
            text = bytes(read(key).to(torch.uint8).flatten().tolist())
            plans[described[1]] = parse_json(text, f"{where}: {key}")
    return plans


def contents(source: TensorFile) -> tuple[list[StoredLayer], dict[str, str]]:
    """Return the layers of the plug-in's file, none in one of another tool, and the keys that are not read."""
    plans = settings_of(source)
    keys: dict[str, dict[str, str]] = {layer: {} for layer in plans}
    unread = {}
    for key in source.shapes:
        if (part := KEY.fullmatch(key)) and part[1] in plans:
            keys[part[1]][f"{part[2]}.{part[3]}"] = key
        elif not DESCRIBED.fullmatch(key):
            unread[key] = UNKNOWN
    return [_layer(source, layer, plan, keys[layer]) for layer, plan in plans.items()], unread


def require_agreement(path: Path, config: Mapping[str, Any], layers: Iterable[StoredLayer]) -> None:
    """Refuse a folder's configuration, by which PEFT builds the layers, that contradicts their settings."""
    if config.get("format_version") != VERSION:
        msg = f"{path}: format_version has to be {VERSION}, found {config.get('format_version')!r:.80}."
        raise FileFormatError(msg)
    try:
        options = AdapterConfig(target_modules=(), **{PEFT.get(n, n): config[n] for n in OPTIONS if n in config})
        plans = [(layer, options.resolve(str(layer.name))) for layer in layers]
    except (IoAdaptError, TypeError) as error:
        msg = f"{path}: {error}"
        raise FileFormatError(msg) from None
    for layer, plan in plans:
        parts = dict(layer.sketch.parts())
        here = {p: FAMILIES[plan.family](SizesAlone(*parts[p].size), s) for p, s in plan.specs.items() if p in parts}
        ours, theirs = _settings(plan.family, here), _settings(layer.sketch.family, parts)
        if ours != theirs or plan.specs.keys() != parts.keys():
            msg = (
                f"{path}: {layer.name} is {ours} in {'+'.join(plan.specs)} placement here, {theirs} in the file of the"
                " tensors; save the adapter again."
            )
            raise FileFormatError(msg)


def _settings(family: str, parts: Mapping[Placement, Family]) -> str:
    each = (f"{placement} of rank {phi.spec.rank}, scaling {phi.scaling}" for placement, phi in parts.items())
    return f"{family} ({'; '.join(each)})"


def _layer(source: TensorFile, layer: str, plan: Any, keys: Mapping[str, str]) -> StoredLayer:
    source.require_floats(keys.values())
    shapes = {part: source.shapes[key] for part, key in keys.items()}
    sketch = adapter_of(source.path, layer, plan, shapes)
    expected = {part: tuple(p.shape) for part, p in sketch.named_parameters()}
    if expected != shapes:
        msg = f"{source.path}: {layer}: has to have {expected!r:.200}, found {shapes!r:.200}."
        raise FileFormatError(msg)
    return StoredLayer(layer_name(layer), sketch, partial(_read, source, sketch, keys))


def _read(source: TensorFile, sketch: Adapter, keys: Mapping[str, str]) -> Adapter:
    adapter = sketch.twin()
    for placement, phi in adapter.parts():
        phi.take({name: source[keys[f"{placement}.{name}"]] for name, _ in [*phi.named_parameters()]})
    return adapter
