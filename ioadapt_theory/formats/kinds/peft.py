"""PEFT's folders: adapter_config.json checked, the scaling lora_alpha / r by layer, and such folders written."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.adapters.rules.patterns import compiled, override
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnsupportedError
from ioadapt_theory.formats.tensor_writer import TensorWriter, require_folder, writing
from ioadapt_theory.results import replacing

CONFIG, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
TYPES = ("LORA", "LOHA", "LOKR", "PEANUT", "IOLORA")
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

Rule = Callable[[str, int | None], float]
"""(layer, rank that its tensors show) -> scaling."""


def require_readable(path: Path, config: Any) -> None:
    """Refuse a configuration whose adapter has no counterpart here.

    Raises:
        UnsupportedError: another method, or a variant of one.
        FileFormatError: a value is not what it has to be.
    """
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind not in TYPES:
        msg = f"{path}: peft_type is {kind!r:.80}; read are {', '.join(TYPES)}; let PEFT merge others."
        raise UnsupportedError(msg)
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
        msg = f"{path}: {variant} is set, a variant that is not supported."
        raise UnsupportedError(msg)


def rule(path: Path, config: Mapping[str, Any]) -> Rule:
    """Return PEFT's alpha / r, or alpha / √r with use_rslora, as a function of a layer and the rank of its tensors.

    Raises:
        FileFormatError: patterns that are none, or could run for ever.
    """
    key = "lora_alpha" if "lora_alpha" in config else "alpha"
    ranks, alphas = (patterns(path, config, field) for field in ("rank_pattern", "alpha_pattern"))

    def scaling(layer: str, rank: int | None) -> float:
        r = number(path, "r", override(ranks, layer, config.get("r", rank or 8)))
        alpha = number(path, key, override(alphas, layer, config.get(key, 8)))
        if r <= 0 or (rank is not None and r != rank):
            msg = f"{path}: r has to be {rank or 'positive'} for {layer}, as its factors are, found {r:g}."
            raise FileFormatError(msg)
        return alpha / (math.sqrt(r) if config.get("use_rslora") is True else r)

    return scaling


def number(path: Path, key: str, value: Any) -> float:
    """Return a finite number of a configuration.

    Raises:
        FileFormatError: it is anything else.
    """
    if not is_finite(value):
        msg = f"{path}: {key} has to be a finite number, found {value!r:.80}."
        raise FileFormatError(msg)
    return float(value)


def patterns(path: Path, config: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return a configuration's overrides by regular expression.

    Raises:
        FileFormatError: no object, no regular expression, or one that could take for ever.
    """
    overrides = config.get(field) or {}
    if not isinstance(overrides, dict):
        msg = f"{path}: {field} has to be an object, found {overrides!r:.80}."
        raise FileFormatError(msg)
    try:
        for pattern in overrides:
            compiled(pattern)
    except InvalidValueError as error:
        msg = f"{path}: {field}: {str(error).removesuffix('.')}."
        raise FileFormatError(msg) from None
    return overrides


@contextmanager
def peft_folder(
    folder: Path, metadata: dict[str, str]
) -> Iterator[tuple[TensorWriter, Callable[[Mapping[str, Any]], None]]]:
    """Yield a writer for the tensors, and a function that takes the configuration; the files appear together.

    A former adapter in the folder stays whole until then.
    """
    require_folder(folder)
    config, weights = folder / CONFIG, folder / WEIGHTS[0]
    with replacing(config) as temporary, writing(weights, metadata, former=config) as out:

        def configure(content: Mapping[str, Any]) -> None:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

        yield out, configure


def peft_config(kind: str, config: Mapping[str, Any], targets: list[str], base: str | None) -> dict[str, Any]:
    """Return PEFT's configuration with what every method of it has."""
    return {
        "peft_type": kind,
        "base_model_name_or_path": base,
        "task_type": None,
        "inference_mode": True,
        "target_modules": targets,
        **config,
    }
