"""diffusers' single file: its name in a folder, and PEFT's configuration by component in the header."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.tensors import TensorFile, parse_json

FILE = "pytorch_lora_weights.safetensors"
METADATA = "lora_adapter_metadata"
"""The header's key of what ``save_lora_adapter`` and ``save_lora_weights`` write; {"unet.r": 4, ...} in the latter."""

COMPONENTS = {
    "unet": re.compile(r"(?:down|up)_blocks\.\d"),
    "transformer": re.compile(r"(?:single_)?transformer_blocks\.\d"),
}
"""Component of a pipeline -> how names of its layers begin. Text encoders have the same names in one pipeline."""
FOLDERS = re.compile(r"unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior")


def component_of(source: str, config: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the component of a pipeline that a checkpoint is, "" where nothing tells.

    Args:
        source: its file or folder: pipelines have a folder for each component.
        config: of the model.
        names: of its layers.
    """
    for part in reversed(re.split(r"[/\\: ]", source)):
        if FOLDERS.fullmatch(part):
            return part
    kind = str(config.get("_class_name", ""))
    for component, pattern in COMPONENTS.items():
        if component in kind.lower() or any(pattern.match(name) for name in names):
            return component
    return ""


def packed(source: TensorFile, component: str = "") -> dict[str, Any]:
    """Return the configuration of a component; empty where the file has none.

    Raises:
        FileFormatError: it is no object.
    """
    prefix = f"{component}." if component else ""
    everything = header_json(source, METADATA)
    return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}


def pack(config: Mapping[str, Any], component: str) -> dict[str, str]:
    """Return the header for a configuration."""
    prefix = f"{component}." if component else ""
    return {METADATA: json.dumps({f"{prefix}{key}": value for key, value in config.items()})}


def header_json(source: TensorFile, key: str) -> dict[str, Any]:
    """Return an object in a file's header, {} where there is none.

    Raises:
        FileFormatError: it is anything else.
    """
    value = parse_json(source.metadata.get(key) or "{}", f"{source.path}: {key} in the header")
    if not isinstance(value, dict):
        msg = f"{source.path}: {key} in the header has to be an object, found {value!r:.80}."
        raise FileFormatError(msg)
    return value
