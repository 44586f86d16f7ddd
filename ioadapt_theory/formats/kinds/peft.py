"""PEFT's folders: weights and adapter_config.json, which are read and written together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ioadapt_theory.checkpoints.files.plain import parse_json, read_whole
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats.tensors import TensorFile, require_folder, write
from ioadapt_theory.outputs import together, write_text
from ioadapt_theory.results import as_json

CONFIG, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
TYPES = ("LORA", "LOHA", "LOKR", "IOLORA")
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


def write_folder(
    folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors and their configuration together."""
    require_folder(folder)
    content = as_json(config)
    with together():
        write(folder / WEIGHTS[0], tensors, metadata)
        write_text(folder / CONFIG, content)


def open_folder(folder: Path) -> tuple[TensorFile, Mapping[str, Any]] | None:
    """Open the weights in PEFT's folder; return them with their configuration, or None if there is no configuration."""
    if not (folder / CONFIG).exists():
        return None
    config = parse_json(read_whole(folder / CONFIG), f"{folder / CONFIG}")
    require_readable(folder / CONFIG, config)
    if (file := next((path for name in WEIGHTS if (path := folder / name).exists()), None)) is None:
        msg = f"{folder} has {CONFIG}, but neither {' nor '.join(WEIGHTS)}; download the adapter again."
        raise FileFormatError(msg)
    return TensorFile(file), config


def config_of(kind: str, targets: list[str], base: str | None, **options: Any) -> dict[str, Any]:
    shared = {"peft_type": kind, "base_model_name_or_path": base, "task_type": None, "inference_mode": True}
    return {**shared, "target_modules": targets, **options}
