"""Adapter files of others, read into our adapters: PEFT folders, diffusers, kohya and LyCORIS files.

Everything is checked on the header first; numbers are read layer by layer, when an entry's ``adapter`` is called.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ioadapt_theory.adapters.formats.layouts import build, kind_of
from ioadapt_theory.adapters.formats.names import PEFT_PREFIX, Name, parse
from ioadapt_theory.adapters.formats.plugin import PLUGIN_TYPE, PluginEntry, plugin_entries
from ioadapt_theory.adapters.formats.scaling import file_scale, peft_scale
from ioadapt_theory.adapters.formats.tensors import TensorFile, read_json
from ioadapt_theory.adapters.layers import Adapter
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError

DIFFUSERS_FILE, PEFT_CONFIG = "pytorch_lora_weights.safetensors", "adapter_config.json"
PEFT_FILES = ("adapter_model.safetensors", "adapter_model.bin")
PEFT_TYPES = ("LORA", "LOHA", "LOKR", "PEANUT", PLUGIN_TYPE)
EDITING_INITS = ("pissa", "olora", "corda", "lora_ga", "loftq")
VARIANTS = (
    "alora_invocation_tokens",
    "use_qalora",
    "use_bdlora",
    "layer_replication",
    "target_parameters",
    "arrow_config",
    "velora_config",
    "monteclora_config",
    "kasa_config",
    "trainable_token_indices",
)


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
        unread: keys that are no part of an adapter that is read here, and what they are.
        base: name of the base model, where the file says it.
        metadata: the header's strings.
    """

    path: Path
    format: str
    entries: tuple[Entry | PluginEntry, ...]
    unread: Mapping[str, str]
    base: str | None
    metadata: Mapping[str, str]


def read(path: Path | str) -> AdapterFile:
    """Look into an adapter file or folder; no numbers are read but alphas.

    Args:
        path: a PEFT folder, a folder with diffusers' file, a safetensors file, or a pickle of tensors.

    Raises:
        FileFormatError: missing, truncated, contradictory, or without any adapter.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    path = Path(path)
    config: dict[str, Any] | None = None
    if path.name in PEFT_FILES and (path.parent / PEFT_CONFIG).exists():
        path = path.parent
    if path.is_dir():
        if (path / PEFT_CONFIG).exists():
            config = _config(path / PEFT_CONFIG)
        files = [path / f for f in (PEFT_FILES if config else (DIFFUSERS_FILE,)) if (path / f).exists()]
        if not files:
            msg = (
                f"{path}: a saved adapter is a folder with {PEFT_CONFIG} and {PEFT_FILES[0]}, or with {DIFFUSERS_FILE};"
                " name any other file itself."
            )
            raise FileFormatError(msg)
        scale, path = peft_scale(path / PEFT_CONFIG, config or {}), files[0]
    source = TensorFile(path)
    if config is None:
        _refuse_what_needs_its_folder(source)
        scale = file_scale(source)
    groups, unread = _grouped(source)
    entries: list[Entry | PluginEntry] = []
    if config is not None and config["peft_type"] == PLUGIN_TYPE:
        groups, (found, unread) = {}, plugin_entries(config, path, source)
        entries.extend(found)
    for name, roles in groups.items():
        with located(path, name):
            kind, shapes = kind_of(set(roles)), {role: source.shapes[key] for role, key in roles.items()}
            alpha = float(source[roles["alpha"]].sum()) if "alpha" in roles else None
            source.require_floats(roles.values())
            factors = {role: key for role, key in roles.items() if role != "alpha"}
            entries.append(Entry(name, kind, factors, scale(name, kind, shapes, alpha), source))
        entries[-1].sketch()
    if not entries:
        some = ", ".join(sorted(set(unread.values()))) or "no tensors at all"
        msg = f"{path}: no adapter that is read here; it holds {some}."
        raise FileFormatError(msg)
    format_ = "PEFT" if config else "kohya/LyCORIS" if any(name.flat for name in groups) else "diffusers"
    base = (config or {}).get("base_model_name_or_path") or source.metadata.get("ss_sd_model_name")
    return AdapterFile(path, format_, tuple(entries), unread, base if isinstance(base, str) else None, source.metadata)


@contextmanager
def located(path: Path, name: Name) -> Iterator[None]:
    """Put file and layer before an error's sentence, unless it has the file already."""
    try:
        yield
    except IoAdaptError as error:
        if not str(error).startswith(str(path)):
            error.args = (f"{path}: {name}: {str(error).removesuffix('.')}.",)
        raise


def _refuse_what_needs_its_folder(source: TensorFile) -> None:
    """The scale, or everything, is in the config beside it."""
    peft = any(key.startswith(PEFT_PREFIX) for key in source.shapes)
    if peft or source.metadata.get("made_by") == "ioadapt_theory":
        msg = f"{source.path}: belongs to a folder with {PEFT_CONFIG}, which says how to scale it; name that folder."
        raise FileFormatError(msg)


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
    for name, roles in list(groups.items()):
        if (key := roles.pop("diff_b", "")) != "":
            unread[key] = "a change of a bias"
        if not set(roles) - {"alpha"}:
            unread |= dict.fromkeys(roles.values(), "a part without the rest of its adapter")
            del groups[name]
    return groups, unread


def _config(path: Path) -> dict[str, Any]:
    config = read_json(path)
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind not in PEFT_TYPES:
        msg = f"{path}: peft_type is {kind!r}; read are {', '.join(PEFT_TYPES)}."
        raise UnsupportedError(msg)
    init = config.get("init_lora_weights")
    if isinstance(init, str) and init.lower().startswith(EDITING_INITS):
        msg = (
            f"{path}: init_lora_weights={init!r} changed the base weights too, so the file is not the whole adapter;"
            " let PEFT convert it to a plain LoRA first (save_pretrained, path_initial_model_for_weight_conversion)."
        )
        raise UnsupportedError(msg)
    if variant := next((field for field in VARIANTS if config.get(field)), None):
        msg = f"{path}: {variant} is set, a variant that is not read here."
        raise UnsupportedError(msg)
    if kind == "PEANUT" and (config.get("depth", 0) != 0 or config.get("act_fn", "relu") != "linear"):
        msg = f"{path}: PEANUT with depth {config.get('depth')!r}, act_fn {config.get('act_fn')!r} is not linear in W."
        raise UnsupportedError(msg)
    return config
