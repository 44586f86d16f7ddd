"""IOLORA: files of our plug-in for PEFT, read without PEFT.

diffusers' training scripts save only tensors, without a configuration, so every layer stores its settings in a tensor.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.checkpoints.files.plain import parse_json
from ioadapt_theory.checkpoints.names.layer_name import layer_name
from ioadapt_theory.formats.adapter_file import StoredLayer
from ioadapt_theory.formats.kinds import UNKNOWN
from ioadapt_theory.formats.own import describe, stored_layer
from ioadapt_theory.formats.tensors import TensorFile

TYPE = "IOLORA"
SETTINGS = "settings.lora_A.weight"
"""End of the key of a layer's settings, which are JSON as bytes; by this ending, diffusers recognises PEFT's files."""
KEY = re.compile(r"(?:base_model\.model\.)?(.+)\.iolora_adapters\.(input|output|weight)\.(\w+)")
DESCRIBED = re.compile(rf"(?:base_model\.model\.)?(.+)\.iolora_adapters\.{re.escape(SETTINGS)}")


def settings_tensor(adapter: Adapter) -> Tensor:
    return torch.frombuffer(bytearray(json.dumps(describe(adapter)).encode()), dtype=torch.uint8)


def settings_of(keys: Iterable[str], read: Callable[[str], Tensor], where: object) -> dict[str, Any]:
    """Return the settings of each layer, from the tensors that contain them as JSON; {} if there are none."""
    described = {key: layer[1] for key in keys if (layer := DESCRIBED.fullmatch(key))}
    texts = {key: bytes(read(key).to(torch.uint8).flatten().tolist()) for key in described}
    return {described[key]: parse_json(text, f"{where}: {key}") for key, text in texts.items()}


def contents(source: TensorFile) -> tuple[list[StoredLayer], dict[str, str]]:
    """Return the layers in a file of our plug-in (none in other files), and the unread keys, with reasons."""
    entries = settings_of(source.shapes, source.stored, source.path)
    keys: dict[str, dict[str, str]] = {layer: {} for layer in entries}
    unread = {}
    for key in source.shapes:
        if (part := KEY.fullmatch(key)) and part[1] in entries:
            keys[part[1]][f"{part[2]}.{part[3]}"] = key
        elif not DESCRIBED.fullmatch(key):
            unread[key] = UNKNOWN
    read = source.__getitem__
    return [stored_layer(source, layer_name(n), entry, keys[n], read) for n, entry in entries.items()], unread
