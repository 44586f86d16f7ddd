"""Eight bits beside scales, fp8 and int8: DeepSeek, compressed-tensors, FBGEMM, ComfyUI, bitsandbytes' int8."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ioadapt_theory.checkpoints.checkpoint import TensorInfo
from ioadapt_theory.checkpoints.quantised.recipe import Recipe, Stored, blocks_of, require, spread
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    from torch import Tensor

SCALES = ("{weight}_scale_inv", "{weight}_scale", "{layer}.scale_weight", "{layer}.SCB")
"""Where the scale of a weight may lie; weight = code · scale (with bitsandbytes' SCB, over 127)."""
BESIDE = ("{layer}.input_scale", "{layer}.output_scale", "{layer}.scale_input", "{layer}.weight_format")
"""What belongs to the layer and not to its weight."""
MARK = "scaled_fp8"
"""An empty tensor by which ComfyUI marks such files."""


def find(tensors: Mapping[str, TensorInfo], config: Mapping[str, Any]) -> Iterator[tuple[str, Recipe]]:
    """Yield every weight of eight bits that has a scale.

    Raises:
        FileFormatError: If its scale cannot be one of it.
    """
    told = config.get("quantization_config")
    block = told.get("weight_block_size") if isinstance(told, dict) else None
    block = block if isinstance(block, list) and all(type(n) is int and n > 0 for n in block) else None
    for name, info in tensors.items():
        if not (info.dtype.startswith("F8_E") or info.dtype == "I8") or info.dtype == "F8_E8M0":
            continue
        layer = name.removesuffix(".weight")
        places = (place.format(weight=name, layer=layer) for place in SCALES)
        scale = next((place for place in places if place in tensors), None)
        if scale is None:
            continue
        blocks = _blocks(tensors[scale], info.shape, block)
        if blocks is None:
            msg = f"{scale} of shape {list(tensors[scale].shape)} is no scale of {name} of shape {list(info.shape)}."
            raise FileFormatError(msg)
        parts = {"codes": name, "scale": scale}
        if (zero := tensors.get(f"{name}_zero_point")) is not None:
            require(zero, tensors[scale].shape, name)
            parts["zero"] = zero.name
        beside = [place for b in BESIDE if (place := b.format(layer=layer)) in tensors]
        beside += [MARK] if MARK in tensors else []
        kind = "fp8" if info.dtype.startswith("F8") else "int8"
        over = 127.0 if scale.endswith(".SCB") else 1.0
        yield name, Recipe(kind, info.shape, parts, beside, partial(_make, blocks=blocks, over=over))


def _blocks(scale: TensorInfo, shape: tuple[int, ...], told: list[int] | None) -> tuple[int, ...] | None:
    """What each scale is of: () all, (1,) a row, else blocks of these sizes; None if these are no scales."""
    if scale.numel == 1:
        return ()
    if scale.shape == shape[:1]:
        return (1,)
    return blocks_of(scale, shape, told) or blocks_of(scale, shape, None)


def _make(stored: Stored, blocks: tuple[int, ...], over: float) -> "Tensor":
    codes = stored["codes"].float()

    def wide(values: "Tensor") -> "Tensor":
        if values.numel() == 1:
            return values.float().reshape(())
        if blocks == (1,):
            return values.float().view(-1, *[1] * (codes.ndim - 1))
        return spread(values, codes.shape, blocks)

    if "zero" in stored:
        codes = codes - wide(stored["zero"])
    return codes * (wide(stored["scale"]) / over)
