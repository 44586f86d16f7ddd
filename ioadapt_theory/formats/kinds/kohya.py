"""kohya's single file: flattened names, and alpha, from a tensor beside the factors or from the header.

The factor on the learned change, of any single file:

| where alpha is | rule |
|---|---|
| a tensor beside the factors | alpha / rank; 0 means alpha = rank |
| diffusers' configuration in the header | lora_alpha / r as PEFT has it, for each component |
| kohya's header alone | ss_network_alpha / rank; conv_alpha of ss_network_args for kernels of several taps |
| nowhere | alpha = rank |
| LyCORIS: LoKr with both factors whole, full | 1, as there is no rank |
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.families.family import is_finite
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.kinds import Shapes
from ioadapt_theory.formats.kinds.diffusers import header_json, packed
from ioadapt_theory.formats.kinds.peft import Rule, rule
from ioadapt_theory.formats.tensor_writer import TensorWriter
from ioadapt_theory.formats.tensors import TensorFile

Scale = Callable[[Name, int | None, Shapes, float | None], float]
"""(layer, rank, shapes by role, alpha if it is a tensor) -> scaling."""


def file_scale(source: TensorFile) -> Scale:
    """Return the rule for a single file."""
    arguments = header_json(source, "ss_network_args")

    @functools.cache
    def packed_rule(component: str) -> Rule | None:
        config = packed(source, component)
        return rule(source.path, config) if {"lora_alpha", "r"} & config.keys() else None

    def scale(name: Name, rank: int | None, shapes: Shapes, alpha: float | None) -> float:
        if rank is None:
            return 1.0
        if alpha is None and (packed_scale := packed_rule(name.component)):
            return packed_scale(name.path, rank)
        if alpha is None:
            taps = math.prod(shapes.get("down", ())[2:])
            alpha = header_alpha(source, arguments if taps > 1 else {})
        if alpha is not None and not is_finite(alpha):
            msg = f"alpha has to be finite, found {alpha}"
            raise FileFormatError(msg)
        return alpha / rank if alpha else 1.0

    return scale


def header_alpha(source: TensorFile, arguments: Mapping[str, Any]) -> float | None:
    """Return alpha as kohya's scripts write it into the header, None where they did not."""
    text = arguments.get("conv_alpha", source.metadata.get("ss_network_alpha"))
    if text is None or text in ("", "None", "Dynamic"):
        return None
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        msg = f"alpha in the header has to be a number, found {text!r:.80}"
        raise FileFormatError(msg) from None


def write_layer(out: TensorWriter, key: str, down: Tensor, up: Tensor, *, alpha: int, bias: Tensor | None) -> None:
    """Write one layer; the scaling alpha / rank that readers apply is taken out of up."""
    out.add(f"{key}.lora_down.weight", down)
    out.add(f"{key}.lora_up.weight", up * (down.shape[0] / alpha))
    out.add(f"{key}.alpha", torch.tensor(float(alpha), dtype=torch.float32))
    if bias is not None:
        out.add(f"{key}.diff_b", bias)
