"""The scaling of a layer's learned change, which each tool stores in a different place.

| where alpha is | factor |
|---|---|
| PEFT's folder | alpha / r of the layer, or alpha / √r with use_rslora |
| a tensor beside the factors | alpha / rank; 0 means alpha = rank |
| diffusers' configuration in the header | alpha / r of the component, as in PEFT |
| kohya's header alone | ss_network_alpha / rank; for kernels of several taps, conv_alpha / rank if it is given |
| nowhere | 1, as if alpha = rank |
| LyCORIS: full changes, and LoKr with both factors whole | 1, since there is no rank |
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.adapters.patterns import override
from ioadapt_theory.checkpoints.files.plain import parse_json
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.adapter_file import DIFFUSERS_CONFIG
from ioadapt_theory.formats.kinds import Shapes
from ioadapt_theory.formats.tensors import TensorFile

Scale = Callable[[Name, int | None, Shapes, float | None], float]
"""Returns a layer's scaling from its name, rank (None: no rank), tensors' shapes and alpha (None: not a tensor)."""


def of_folder(path: Path, config: Mapping[str, Any]) -> Scale:
    """Return the function that computes a layer's scaling in a PEFT folder with this configuration."""
    hidden = config["peft_type"] == "LOKR"  # the rank need not follow from a LoKr's factors
    return lambda name, rank, *_: _by_config(path, config, str(name), None if hidden else rank)


def of_file(source: TensorFile) -> Scale:
    """Return the function that computes a layer's scaling from the header of a single file and the layer's alpha."""
    packed, arguments = (_object(source, key) for key in (DIFFUSERS_CONFIG, "ss_network_args"))

    def scale(name: Name, rank: int | None, shapes: Shapes, alpha: float | None) -> float:
        if rank is None:
            return 1.0
        prefix = f"{name.component}." if name.component else ""
        if alpha is None and {f"{prefix}lora_alpha", f"{prefix}r"} & packed.keys():
            config = {key.removeprefix(prefix): value for key, value in packed.items() if key.startswith(prefix)}
            return _by_config(source.path, config, name.path, rank)
        if alpha is None:
            several_taps = math.prod(shapes.get("down", ())[2:]) > 1
            text = (arguments if several_taps else {}).get("conv_alpha", source.metadata.get("ss_network_alpha"))
            alpha = None if text in (None, "", "None", "Dynamic") else _float(text)
        if alpha is not None and not is_finite(alpha):
            msg = f"alpha must be a finite number, not {alpha}"
            raise FileFormatError(msg)
        return alpha / rank if alpha else 1.0

    return scale


def _by_config(path: Path, config: Mapping[str, Any], layer: str, rank: int | None) -> float:
    """Return PEFT's scaling for a layer; ``rank`` is the rank of its tensors, or None if it is unknown."""
    key = "lora_alpha" if "lora_alpha" in config else "alpha"
    ranks, alphas = (config.get(field) or {} for field in ("rank_pattern", "alpha_pattern"))
    if not isinstance(ranks, dict) or not isinstance(alphas, dict):
        msg = f"{path}: rank_pattern and alpha_pattern must be JSON objects, not {ranks!r:.40} and {alphas!r:.40}."
        raise FileFormatError(msg)
    r = _number(path, "r", override(ranks, layer, config.get("r", rank or 8)))
    alpha = _number(path, key, override(alphas, layer, config.get(key, 8)))
    if r <= 0 or (rank is not None and r != rank):
        msg = f"{path}: r of {layer} must be {f'{rank}, the rank of its factors' if rank else 'positive'}, not {r:g}."
        raise FileFormatError(msg)
    return alpha / (math.sqrt(r) if config.get("use_rslora") is True else r)


def _number(path: Path, key: str, value: Any) -> float:
    if not is_finite(value):
        msg = f"{path}: {key} must be a finite number, not {value!r:.80}."
        raise FileFormatError(msg)
    return float(value)


def _float(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        msg = f"alpha in the header must be a number, not {text!r:.80}"
        raise FileFormatError(msg) from None


def _object(source: TensorFile, key: str) -> dict[str, Any]:
    value = parse_json(source.metadata.get(key) or "{}", f"{source.path}: {key} in the header")
    if not isinstance(value, dict):
        msg = f"{source.path}: {key} in the header must be a JSON object, not {value!r:.80}."
        raise FileFormatError(msg)
    return value
