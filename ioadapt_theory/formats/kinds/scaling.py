"""The factor on a layer's learned change, which every tool keeps in another place.

| where alpha is | factor |
|---|---|
| PEFT's folder | lora_alpha / r by layer, with use_rslora lora_alpha / √r; scaling itself for PEANUT |
| a tensor beside the factors | alpha / rank; 0 means alpha = rank |
| diffusers' configuration in the header | lora_alpha / r as PEFT has it, for each component |
| kohya's header alone | ss_network_alpha / rank; conv_alpha of ss_network_args for kernels of several taps |
| nowhere | alpha = rank |
| LyCORIS: LoKr with both factors whole, full | 1, as there is no rank |
"""

import functools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.adapters.rules.patterns import override
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.kinds import Shapes
from ioadapt_theory.formats.tensors import TensorFile, parse_json

DIFFUSERS_CONFIG = "lora_adapter_metadata"
"""The header's key of what diffusers writes: PEFT's configuration, {"unet.r": 4, ...} where there are components."""

Scale = Callable[[Name, int | None, Shapes, float | None], float]
"""(layer, rank, shapes by role, alpha if it is a tensor) -> scaling."""


def of_folder(path: Path, config: Mapping[str, Any]) -> Scale:
    """Return the rule for a PEFT folder with this configuration; it has no alpha beside the factors."""
    if config["peft_type"] == "PEANUT":
        fixed = _number(path, "scaling", config.get("scaling", 1.0))
        return lambda *_: fixed
    scale = _by_config(path, config)
    hidden = config["peft_type"] == "LOKR"  # its factors need not show the rank
    return lambda name, rank, *_: scale(str(name), None if hidden else rank)


def of_file(source: TensorFile) -> Scale:
    """Return the rule for a single file."""
    arguments = _from_header(source, "ss_network_args")

    @functools.cache
    def packed(component: str) -> Callable[[str, int], float] | None:
        prefix = f"{component}." if component else ""
        options = _from_header(source, DIFFUSERS_CONFIG).items()
        config = {key.removeprefix(prefix): value for key, value in options if key.startswith(prefix)}
        return _by_config(source.path, config) if {"lora_alpha", "r"} & config.keys() else None

    def scale(name: Name, rank: int | None, shapes: Shapes, alpha: float | None) -> float:
        if rank is None:
            return 1.0
        if alpha is None:
            if by_config := packed(name.component):
                return by_config(name.path, rank)
            several_taps = math.prod(shapes.get("down", ())[2:]) > 1
            alpha = _header_alpha(source, arguments if several_taps else {})
        if alpha is not None and not is_finite(alpha):
            msg = f"alpha has to be finite, found {alpha}"
            raise FileFormatError(msg)
        return alpha / rank if alpha else 1.0

    return scale


def _by_config(path: Path, config: Mapping[str, Any]) -> Callable[[str, int | None], float]:
    """Return PEFT's scaling as a function of a layer and the rank that its tensors show."""
    key = "lora_alpha" if "lora_alpha" in config else "alpha"
    ranks, alphas = (_patterns(path, config, field) for field in ("rank_pattern", "alpha_pattern"))

    def scaling(layer: str, rank: int | None) -> float:
        r = _number(path, "r", override(ranks, layer, config.get("r", rank or 8)))
        alpha = _number(path, key, override(alphas, layer, config.get(key, 8)))
        if r <= 0 or (rank is not None and r != rank):
            msg = f"{path}: r has to be {rank or 'positive'} for {layer}, as its factors are, found {r:g}."
            raise FileFormatError(msg)
        return alpha / (math.sqrt(r) if config.get("use_rslora") is True else r)

    return scaling


def _number(path: Path, key: str, value: Any) -> float:
    if not is_finite(value):
        msg = f"{path}: {key} has to be a finite number, found {value!r:.80}."
        raise FileFormatError(msg)
    return float(value)


def _patterns(path: Path, config: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return a configuration's overrides by regular expression."""
    overrides = config.get(field) or {}
    if not isinstance(overrides, dict):
        msg = f"{path}: {field} has to be an object, found {overrides!r:.80}."
        raise FileFormatError(msg)
    return overrides


def _from_header(source: TensorFile, key: str) -> dict[str, Any]:
    """Return an object in a file's header, {} where there is none."""
    value = parse_json(source.metadata.get(key) or "{}", f"{source.path}: {key} in the header")
    if not isinstance(value, dict):
        msg = f"{source.path}: {key} in the header has to be an object, found {value!r:.80}."
        raise FileFormatError(msg)
    return value


def _header_alpha(source: TensorFile, arguments: Mapping[str, Any]) -> float | None:
    """Return alpha as kohya's scripts write it into the header, None where they did not."""
    text = arguments.get("conv_alpha", source.metadata.get("ss_network_alpha"))
    if text is None or text in ("", "None", "Dynamic"):
        return None
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        msg = f"alpha in the header has to be a number, found {text!r:.80}"
        raise FileFormatError(msg) from None
