"""Folders that our plug-in for PEFT wrote, read without PEFT."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.config import AdapterConfig, LayerPlan
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import FileFormatError, IoAdaptError
from ioadapt_theory.formats.kinds.holding import hold
from ioadapt_theory.formats.kinds.keys import UNKNOWN
from ioadapt_theory.formats.kinds.scaling import patterns
from ioadapt_theory.formats.tensors import TensorFile

PLUGIN_TYPE, VERSION = "IOLORA", 1
KEY = re.compile(r"(?:base_model\.model\.)?(.+)\.iolora_adapters\.(input|output|weight)\.(\w+)")
SHAPES = {"lora": ("A", "B"), "dora": ("A", "B"), "loha": ("A1", "B1"), "full": ("Delta", "Delta")}
"""Family -> the parameters that have W's rows and W's columns."""


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """The adapter of one layer, in a folder of the plug-in; see ``reading.Entry``."""

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
        for placement, spec in self.plan.specs.items():
            parts = {name: t for (where, name), t in tensors.items() if where is placement}
            try:
                families[placement] = hold(self.plan.family, _size(self.plan.family, parts), spec, **parts)
            except (KeyError, IndexError, RuntimeError):
                found = ", ".join(f"{name} {list(t.shape)}" for name, t in parts.items()) or "nothing"
                msg = f"{self.source.path}: {self.name}: a {self.plan.family} in {placement} placement has {found}."
                raise FileFormatError(msg) from None
            whole = self.plan.family == "full" or "D" in parts
            families[placement].scaling = 1.0 if whole else spec.scaling
        return Adapter(self.plan.family, families)


def plugin_entries(
    config: Mapping[str, Any], path: Path, source: TensorFile
) -> tuple[list[PluginEntry], dict[str, str]]:
    """The layers of a folder, and the keys that are not read.

    Raises:
        FileFormatError: the configuration is not what the plug-in writes.
    """
    if config.get("format_version") != VERSION:
        msg = f"{path}: format_version has to be {VERSION}, found {config.get('format_version')!r}."
        raise FileFormatError(msg)
    for field in ("rank_pattern", "alpha_pattern", "placement_pattern"):
        patterns(path, config, field)
    renamed = {"r": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "init_weights": "init"}
    same = "family placement use_rslora rank_pattern alpha_pattern placement_pattern detach_norm factor".split()
    options = {ours: config[theirs] for theirs, ours in [*renamed.items(), *((k, k) for k in same)] if theirs in config}
    try:
        settings = AdapterConfig(target_modules=(), **options)
    except (IoAdaptError, TypeError, AttributeError) as error:
        msg = f"{path}: {error}"
        raise FileFormatError(msg) from None
    groups: dict[str, dict[tuple[Placement, str], str]] = {}
    unread = {}
    for key in source.shapes:
        if found := KEY.fullmatch(key):
            groups.setdefault(found[1], {})[Placement(found[2]), found[3]] = key
        else:
            unread[key] = UNKNOWN
    entries = [PluginEntry(Name("", n), settings.resolve(n), roles, source) for n, roles in groups.items()]
    for entry in entries:
        entry.sketch()
    return entries, unread


def _size(family: str, parts: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """Rows, columns, and rows again for the channels, which ``refit`` corrects for convolutions."""
    if family == "lokr":
        first, last = (parts["D"], parts["D"]) if "D" in parts else (parts["A"], parts["B"])
        rows, columns = parts["C"].shape[0] * first.shape[0], parts["C"].shape[1] * last.shape[1]
    else:
        near, far = SHAPES[family]
        rows, columns = parts[near].shape[0], parts[far].shape[1]
    return rows, columns, rows
