"""IOLORA: the folders of our plug-in for PEFT, read without PEFT, and its configuration as ours.

diffusers' training scripts save the tensors alone, without a configuration: so every layer has its settings among them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.config import AdapterConfig, LayerPlan
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, OPTIONS
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.names.layer_name import Name, layer_name
from ioadapt_theory.errors import FileFormatError, IoAdaptError, ShapeError
from ioadapt_theory.formats.build import require_square
from ioadapt_theory.formats.kinds.ioadapt import adapter_of, describe
from ioadapt_theory.formats.kinds.keys import UNKNOWN
from ioadapt_theory.formats.kinds.peft import patterns
from ioadapt_theory.formats.tensors import TensorFile, parse_json

TYPE, VERSION = "IOLORA", 1
KEY = re.compile(r"(?:base_model\.model\.)?(.+)\.iolora_adapters\.(input|output|weight)\.(\w+)")
PATTERNS = ("rank_pattern", "alpha_pattern", "placement_pattern")
RENAMED = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "init_weights": "init"}
"""The options that PEFT calls otherwise."""
SETTINGS = "settings.lora_A.weight"
"""The key of a layer's settings, JSON as bytes; its end is what diffusers recognises files of PEFT by."""
DESCRIBED = re.compile(rf"(?:base_model\.model\.)?(.+)\.iolora_adapters\.{re.escape(SETTINGS)}")
FIELDS = {**RENAMED, **{name: name for name in ("family", "placement", "use_rslora", *PATTERNS, *OPTIONS)}}


def options(config: Mapping[str, Any]) -> AdapterConfig:
    """Our configuration; which modules are meant is left to PEFT, or to the file.

    Raises:
        InvalidValueError: see ``AdapterConfig``.
    """
    return AdapterConfig(target_modules=(), **{ours: config[it] for it, ours in FIELDS.items() if it in config})


def settings_tensor(adapter: Adapter) -> Tensor:
    """What there is to say of an adapter beside its numbers."""
    text = json.dumps(describe(adapter)).encode()
    return torch.frombuffer(bytearray(text), dtype=torch.uint8)


def settings_of(source: TensorFile | Mapping[str, Tensor]) -> dict[str, Any]:
    """What tensors say of their layers, by the names in the keys; empty where they are not of the plug-in.

    Raises:
        FileFormatError: not JSON.
    """
    keys = source.shapes if isinstance(source, TensorFile) else source
    where = source.path if isinstance(source, TensorFile) else "the state dict"
    found = {}
    for key in keys:
        if match := DESCRIBED.fullmatch(key):
            stored = source.stored(key) if isinstance(source, TensorFile) else source[key]
            text = bytes(stored.to(torch.uint8).flatten().tolist()).decode("utf-8", "replace")
            found[match[1]] = parse_json(text, f"{where}: {key}")
    return found


@dataclass(frozen=True, slots=True)
class DescribedEntry:
    """The adapter of one layer, in a file whose tensors say themselves what they are; see ``read.Entry``."""

    name: Name
    plan: Any
    roles: Mapping[str, str]
    source: TensorFile
    kind: str = "iolora"

    def sketch(self) -> Adapter:
        """The adapter without numbers."""
        shapes = {role: self.source.shapes[key] for role, key in self.roles.items()}
        sketch = adapter_of(self.source.path, str(self.name), self.plan, shapes)
        expected = {key: tuple(p.shape) for key, p in sketch.named_parameters()}
        if expected != shapes:
            msg = f"{self.source.path}: {self.name}: has to have {expected!r:.200}, found {shapes!r:.200}."
            raise FileFormatError(msg)
        return sketch

    def adapter(self) -> Adapter:
        """Read the tensors and build the adapter."""
        adapter = self.sketch()
        for placement, phi in adapter.parts():
            phi.take({name: self.source[self.roles[f"{placement}.{name}"]] for name, _ in [*phi.named_parameters()]})
        return adapter


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """The adapter of one layer, in a folder of the plug-in; see ``read.Entry``."""

    name: Name
    plan: LayerPlan
    roles: Mapping[tuple[Placement, str], str]
    source: TensorFile
    kind: str = "iolora"

    def adapter(self) -> Adapter:
        """Read the tensors and build the adapter."""
        return self._build({role: self.source[key] for role, key in self.roles.items()})

    def sketch(self) -> Adapter:
        """The adapter without numbers."""
        shapes = {role: self.source.shapes[key] for role, key in self.roles.items()}
        return self._build({role: torch.empty(shape, device="meta") for role, shape in shapes.items()})

    def _build(self, tensors: Mapping[tuple[Placement, str], Tensor]) -> Adapter:
        families = {}
        family = FAMILIES[self.plan.family]
        for placement, spec in self.plan.specs.items():
            parts = {name: t for (where, name), t in tensors.items() if where is placement}
            try:
                families[placement] = phi = family.stored(None, spec, parts)
                require_square(phi, placement)
            except ShapeError:
                found = ", ".join(f"{name} {list(t.shape)}" for name, t in parts.items()) or "nothing"
                msg = (
                    f"{self.source.path}: {self.name}: a {self.plan.family} in {placement} placement has {found}, which"
                    f" is no such adapter of rank {spec.rank}."
                )
                raise FileFormatError(msg) from None
        if left := sorted({str(where) for where, _ in tensors} - {*map(str, families)}):
            msg = f"{self.source.path}: {self.name}: its placement is {'+'.join(families)}, the file has {left[0]} too."
            raise FileFormatError(msg)
        return Adapter(self.plan.family, families)


def described_entries(source: TensorFile) -> tuple[list[DescribedEntry], dict[str, str]]:
    """The layers of a file without a configuration, and the keys that are not read."""
    plans = settings_of(source)
    roles: dict[str, dict[str, str]] = {layer: {} for layer in plans}
    unread = {}
    for key in source.shapes:
        if (found := KEY.fullmatch(key)) and found[1] in plans:
            roles[found[1]][f"{found[2]}.{found[3]}"] = key
        elif not DESCRIBED.fullmatch(key):
            unread[key] = UNKNOWN
    entries = [DescribedEntry(layer_name(layer), plan, roles[layer], source) for layer, plan in plans.items()]
    for entry in entries:
        entry.sketch()
    return entries, unread


def plugin_entries(
    config: Mapping[str, Any], path: Path, source: TensorFile
) -> tuple[list[PluginEntry], dict[str, str]]:
    """The layers of a folder, and the keys that are not read.

    Raises:
        FileFormatError: the configuration is not what the plug-in writes.
    """
    if config.get("format_version") != VERSION:
        msg = f"{path}: format_version has to be {VERSION}, found {config.get('format_version')!r:.80}."
        raise FileFormatError(msg)
    groups: dict[str, dict[tuple[Placement, str], str]] = {}
    unread = {}
    for key in source.shapes:
        if found := KEY.fullmatch(key):
            groups.setdefault(found[1], {})[Placement(found[2]), found[3]] = key
        elif not DESCRIBED.fullmatch(key):
            unread[key] = UNKNOWN
    for field in PATTERNS:
        patterns(path, config, field)
    source.require_floats(key for roles in groups.values() for key in roles.values())
    try:
        settings = options(config)
        entries = [PluginEntry(Name("", n), settings.resolve(n), roles, source) for n, roles in groups.items()]
    except (IoAdaptError, TypeError) as error:
        msg = f"{path}: {error}"
        raise FileFormatError(msg) from None
    for entry in entries:
        entry.sketch()
    return entries, unread
