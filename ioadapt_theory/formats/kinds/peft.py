"""PEFT's folders: checks of adapter_config.json, and writing of a folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats.tensors import require_folder, write
from ioadapt_theory.results import replacing

CONFIG, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
TYPES = ("LORA", "LOHA", "LOKR", "PEANUT", "IOLORA")
EDITING_INITS = ("pissa", "olora", "corda", "lora_ga", "loftq")
VARIANTS = (
    *("alora_invocation_tokens", "use_qalora", "use_bdlora", "layer_replication", "target_parameters"),
    *("arrow_config", "velora_config", "monteclora_config", "kasa_config"),
)
MERGE = "load the adapter with PEFT, which can merge most adapters into the base model."


def require_readable(path: Path, config: Any) -> None:
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind not in TYPES:
        way = MERGE if isinstance(kind, str) else "save the adapter again."
        msg = f"{path}: peft_type must be one of {', '.join(TYPES)}, not {kind!r:.80}; {way}"
        raise UnsupportedError(msg)
    for field in ("use_rslora", "lora_bias"):
        if not isinstance(config.get(field, False), bool):
            msg = f"{path}: {field} must be true or false, not {config[field]!r:.80}."
            raise FileFormatError(msg)
    init = config.get("init_lora_weights")
    if isinstance(init, str) and init.lower().startswith(EDITING_INITS):
        msg = (
            f"{path}: init_lora_weights={init!r:.80} also changed the base weights, which are not in the file; use PEFT"
            " to save the adapter as a plain LoRA (path_initial_model_for_weight_conversion=) or, for LoftQ, merge it."
        )
        raise UnsupportedError(msg)
    if variant := next((field for field in VARIANTS if config.get(field)), None):
        msg = f"{path}: {variant} is not supported; {MERGE}"
        raise UnsupportedError(msg)
    if kind == "PEANUT" and (config.get("depth", 0) != 0 or config.get("act_fn", "relu") != "linear"):
        options = f"depth {config.get('depth', 0)!r:.80} and act_fn {config.get('act_fn', 'relu')!r:.80}"
        msg = f"{path}: PEANUT must have depth 0 and act_fn 'linear', not {options}; {MERGE}"
        raise UnsupportedError(msg)


def write_folder(
    folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors, then their configuration, so that an interruption leaves no old configuration with new tensors."""
    require_folder(folder)
    path = folder / CONFIG
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write(folder / WEIGHTS[0], tensors, metadata, former=path)


def config_of(kind: str, targets: list[str], base: str | None, **options: Any) -> dict[str, Any]:
    shared = {"peft_type": kind, "base_model_name_or_path": base, "task_type": None, "inference_mode": True}
    return {**shared, "target_modules": targets, **options}
