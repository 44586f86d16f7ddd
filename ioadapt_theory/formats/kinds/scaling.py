"""The factor on a foreign adapter's change: alpha / rank, from wherever the file keeps alpha, or 1 if nowhere.

| where | rule |
|---|---|
| PEFT folder | lora_alpha (LoHa, LoKr: alpha) / r, or / √r with use_rslora; alpha_pattern, rank_pattern by layer |
| diffusers, with lora_adapter_metadata in the header | the same, for each component |
| an alpha tensor beside the factors | alpha / rank; 0 means alpha = rank |
| kohya's header alone | ss_network_alpha / rank; conv_alpha of ss_network_args for kernels of several taps |
| none of these | alpha = rank |
| LyCORIS: LoKr with both factors whole, full | 1, as there is no rank |
"""

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.config import is_finite
from ioadapt_theory.adapters.rules.patterns import check, first_fit
from ioadapt_theory.checkpoints.names.layer import Name
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.formats.tensors import TensorFile

DIFFUSERS_METADATA = "lora_adapter_metadata"

Shapes = Mapping[str, tuple[int, ...]]
Scale = Callable[[Name, str, Shapes, float | None], float]
"""(layer, kind, shapes by role, alpha if it is a tensor) -> scaling."""
Rule = Callable[[str, int | None], float]
"""(layer, rank that its tensors show) -> scaling."""


def rank_of(kind: str, shapes: Shapes) -> int | None:
    """The rank that alpha is divided by; None where there is none."""
    if empty := [role for role, shape in shapes.items() if 0 in shape]:
        msg = f"{empty[0]} has the shape {list(shapes[empty[0]])}, a rank 0 or no features"
        raise FileFormatError(msg)
    try:
        match kind:
            case "lora":
                return shapes["down"][0]
            case "loha":
                return shapes["hada_w1_b"][0]
            case "lokr" if "lokr_t2" in shapes:
                return shapes["lokr_t2"][0]
            case "lokr":
                return next((shapes[k][1] for k in ("lokr_w2_a", "lokr_w1_a") if k in shapes), None)
            case "glora":
                return shapes["a2"][0]
    except IndexError:
        msg = f"the shapes {', '.join(f'{role} {list(shape)}' for role, shape in shapes.items())} are no matrices"
        raise FileFormatError(msg) from None
    return None


def file_scale(source: TensorFile) -> Scale:
    """The rule for a single file."""
    packed = header_json(source, DIFFUSERS_METADATA)
    arguments = header_json(source, "ss_network_args")

    @functools.cache
    def packed_rule(component: str) -> Rule | None:
        prefix = f"{component}." if component else ""
        own = {k.removeprefix(prefix): v for k, v in packed.items() if k.startswith(prefix)}
        return peft_rule(source.path, own) if "lora_alpha" in own or "r" in own else None

    def scale(name: Name, kind: str, shapes: Shapes, alpha: float | None) -> float:
        rank = rank_of(kind, shapes)
        if rank is None:
            return 1.0
        if alpha is None and (rule := packed_rule(name.component)):
            return rule(name.path, rank)
        if alpha is None:
            taps = math.prod(shapes.get("down", ())[2:])
            alpha = _header_alpha(source, arguments if taps > 1 else {})
        if alpha is not None and not math.isfinite(alpha):
            msg = f"alpha has to be finite, found {alpha}"
            raise FileFormatError(msg)
        return alpha / rank if alpha else 1.0

    return scale


def peft_scale(path: Path, config: Mapping[str, Any]) -> Scale:
    """The rule for a PEFT folder."""
    rule = peft_rule(path, config)

    def scale(name: Name, kind: str, shapes: Shapes, alpha: float | None) -> float:
        del alpha  # PEFT has none beside the factors
        if kind == "peanut":
            return number(path, config, "scaling", 1.0)
        return rule(str(name), None if kind == "lokr" else rank_of(kind, shapes))

    return scale


def peft_rule(path: Path, config: Mapping[str, Any]) -> Rule:
    """PEFT's alpha / r, or alpha / √r with use_rslora, as a function of a layer and the rank that its tensors show."""
    key = "lora_alpha" if "lora_alpha" in config else "alpha"
    ranks, alphas = _overrides(path, config, "rank_pattern"), _overrides(path, config, "alpha_pattern")

    def scaling(layer: str, rank: int | None) -> float:
        r, alpha = ranks(layer, number(path, config, "r", rank or 8)), alphas(layer, number(path, config, key, 8))
        if r <= 0 or (rank is not None and r != rank):
            msg = f"{path}: r has to be {rank or 'positive'} for {layer}, as its factors are, found {r:g}."
            raise FileFormatError(msg)
        return alpha / (math.sqrt(r) if config.get("use_rslora") is True else r)

    return scaling


def number(path: Path, config: Mapping[str, Any], key: str, default: float) -> float:
    """A finite number of a configuration.

    Raises:
        FileFormatError: it is anything else.
    """
    value = config.get(key, default)
    if not is_finite(value):
        msg = f"{path}: {key} has to be a finite number, found {value!r:.80}."
        raise FileFormatError(msg)
    return float(value)


def patterns(path: Path, config: Mapping[str, Any], field: str) -> dict[str, Any]:
    """A configuration's overrides by regular expression.

    Raises:
        FileFormatError: no object, no regular expression, or one that could take for ever.
    """
    found = config.get(field) or {}
    if not isinstance(found, dict):
        msg = f"{path}: {field} has to be an object, found {found!r:.80}."
        raise FileFormatError(msg)
    with _of_field(path, field):
        check(found)
    return found


@contextmanager
def _of_field(path: Path, field: str) -> Iterator[None]:
    try:
        yield
    except InvalidValueError as error:
        msg = f"{path}: {field}: {error}"
        raise FileFormatError(msg) from None


def _overrides(path: Path, config: Mapping[str, Any], field: str) -> Callable[[str, float], float]:
    """(layer, default) -> value of the first pattern that fits the end of the layer's name, as PEFT chooses it."""
    found = patterns(path, config, field)

    def value(layer: str, default: float) -> float:
        with _of_field(path, field):
            fit = first_fit(found, layer)
        return default if fit is None else number(path, found, fit, default)

    return value


def _header_alpha(source: TensorFile, arguments: Mapping[str, Any]) -> float | None:
    text = arguments.get("conv_alpha", source.metadata.get("ss_network_alpha"))
    if text in {None, "", "None", "Dynamic"}:
        return None
    try:
        return float(text)
    except (TypeError, ValueError):
        msg = f"alpha in the header has to be a number, found {text!r:.80}"
        raise FileFormatError(msg) from None


def header_json(source: TensorFile, key: str) -> dict[str, Any]:
    """An object in a file's header, {} where there is none.

    Raises:
        FileFormatError: it is anything else.
    """
    try:
        value = json.loads(source.metadata.get(key) or "{}")
    except (ValueError, RecursionError) as error:
        msg = f"{source.path}: {key} in the header is not readable as JSON: {error}."
        raise FileFormatError(msg) from None
    if not isinstance(value, dict):
        msg = f"{source.path}: {key} in the header has to be an object, found {value!r:.80}."
        raise FileFormatError(msg)
    return value
