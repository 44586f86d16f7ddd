"""Where the tensors of an adapter are, and the configuration beside them, if there is one."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ioadapt_theory.checkpoints.names.layer import PEFT_PREFIX
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats.kinds.plugin import PLUGIN_TYPE
from ioadapt_theory.formats.tensors import TensorFile, read_json

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
)


def locate(path: Path) -> tuple[Path, dict[str, Any] | None]:
    """The file of the tensors, and PEFT's configuration where it is one of a PEFT folder.

    Raises:
        FileFormatError: a folder without an adapter, or a configuration that is not what it has to be.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    if path.name in PEFT_FILES and (path.parent / PEFT_CONFIG).exists():
        path = path.parent
    if not os.path.isdir(path):  # unlike Path's, it has no error for a name that no system takes
        return path, None
    config = _config(path / PEFT_CONFIG) if (path / PEFT_CONFIG).exists() else None
    files = [path / f for f in (PEFT_FILES if config else (DIFFUSERS_FILE,)) if (path / f).exists()]
    if not files:
        inside = sorted(f"{p.parent.name}/" for p in path.glob(f"*/{PEFT_CONFIG}"))
        more = f" It has adapters in {', '.join(inside[:5])}." if inside else ""
        msg = (
            f"{path}: a saved adapter is a folder with {PEFT_CONFIG} and {PEFT_FILES[0]}, or with {DIFFUSERS_FILE};"
            f" name any other file itself.{more}"
        )
        raise FileFormatError(msg)
    return files[0], config


def require_no_config(source: TensorFile) -> None:
    """Refuse the tensors alone where the scale, or everything, is in the configuration beside them."""
    peft = any(key.startswith(PEFT_PREFIX) for key in source.shapes)
    if peft or source.metadata.get("made_by") == "ioadapt_theory":
        msg = f"{source.path}: belongs to a folder with {PEFT_CONFIG}, which says how to scale it; name that folder."
        raise FileFormatError(msg)


def _config(path: Path) -> dict[str, Any]:
    config = read_json(path)
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind not in PEFT_TYPES:
        msg = f"{path}: peft_type is {kind!r:.80}; read are {', '.join(PEFT_TYPES)}; let PEFT merge others."
        raise UnsupportedError(msg)
    _refuse_variants(path, config)
    return config


def _refuse_variants(path: Path, config: Mapping[str, Any]) -> None:
    for field in ("use_rslora", "lora_bias"):
        if not isinstance(config.get(field, False), bool):
            msg = f"{path}: {field} has to be true or false, found {config[field]!r:.80}."
            raise FileFormatError(msg)
    init = config.get("init_lora_weights")
    if isinstance(init, str) and init.lower().startswith(EDITING_INITS):
        msg = (
            f"{path}: init_lora_weights={init!r:.80} changed the base weights too, so the file is not all of it; let"
            " PEFT convert it to a plain LoRA first (save_pretrained, path_initial_model_for_weight_conversion)."
        )
        raise UnsupportedError(msg)
    if variant := next((field for field in VARIANTS if config.get(field)), None):
        msg = f"{path}: {variant} is set, a variant that is not read here."
        raise UnsupportedError(msg)
    if config["peft_type"] == "PEANUT" and (config.get("depth", 0) != 0 or config.get("act_fn", "relu") != "linear"):
        found = f"depth {config.get('depth')!r:.80}, act_fn {config.get('act_fn')!r:.80}"
        msg = f"{path}: PEANUT with {found} is not linear in W."
        raise UnsupportedError(msg)
