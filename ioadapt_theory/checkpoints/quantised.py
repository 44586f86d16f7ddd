"""Quantised checkpoints: float8 weights with scales are dequantised when read; other quantisations are rejected.

The fp8 formats of DeepSeek, compressed-tensors, FBGEMM and ComfyUI store codes and scales, one scale per matrix, row or
block: weight = code · scale. Weights are computed in float32, one at a time.
"""

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, Computed, TensorInfo
from ioadapt_theory.errors import FileFormatError, UnsupportedError

if TYPE_CHECKING:
    import torch

SCALES: Final = ("{weight}_scale_inv", "{weight}_scale", "{layer}.scale_weight")
"""Possible names of the tensor with the scale of a float8 weight."""
BESIDE: Final = ("{layer}.input_scale", "{layer}.output_scale", "{layer}.scale_input", "{layer}.weight_format")
"""Names of a layer's other tensors for quantisation, which do not change the value of its weight."""
MARK: Final = "scaled_fp8"
"""Name of an empty tensor by which ComfyUI marks files with scaled float8 weights."""
REFUSED: Final = {
    "qweight": "GPTQ or AWQ", "absmax": "bitsandbytes", "SCB": "bitsandbytes", "weight_packed": "compressed-tensors",
    "weight_scale": "compressed-tensors", "weight_scale_inv": "fp8 without the weight", "weight_scale_2": "NVFP4",
    "codebooks": "AQLM", "Qidxs": "QuIP#", "trellis": "EXL3", "q_weight": "EXL2", "W_q": "HQQ", "proj_blocks": "MXFP4",
}  # fmt: skip
"""Last part of a tensor's name -> the quantisation that it indicates, which is not supported."""


class Dequantised(Computed):
    """A checkpoint in which float8 codes and their scales are replaced by float32 weights."""

    def __init__(self, whole: Checkpoint, scales: Mapping[str, str], beside: Collection[str]) -> None:
        """Wrap ``whole``. ``scales``: weight's name -> name of its scale; ``beside``: names of tensors to leave out."""
        self.name, self.source, self.revision, self.config = whole.name, whole.source, whole.revision, whole.config
        self.metadata = {**whole.metadata, "quantised": f"{len(scales)} fp8 weight{'s' * (len(scales) != 1)}"}
        self._whole, self._scales = whole, scales
        infos = whole.tensors
        self._blocks = {name: _blocks(whole.source, infos[scale], infos[name]) for name, scale in scales.items()}
        self.tensors = {
            name: TensorInfo(name, "F32", info.shape) if name in scales else info
            for name, info in whole.tensors.items()
            if name not in beside
        }

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        return super().bytes_of(name) if name in self._scales else self._whole.bytes_of(name)

    def parts(self) -> Collection[Checkpoint]:
        return (self._whole,)

    def make(self, name: str) -> "torch.Tensor":
        codes, scale = (self._whole.tensor(stored).float() for stored in (name, self._scales[name]))
        axes = [*scale.shape, *[1] * (codes.ndim - scale.ndim)] if self._blocks[name] else []
        scale = scale.reshape(axes)
        for axis, block in enumerate(self._blocks[name]):
            scale = scale.repeat_interleave(block, axis).narrow(axis, 0, codes.shape[axis])
        return codes * scale


def dequantised(whole: Checkpoint) -> Checkpoint:
    """Return the checkpoint with scaled float8 codes dequantised; raise UnsupportedError for other quantisations."""
    scales, beside = dict[str, str](), {MARK} & whole.tensors.keys()
    for name, info in whole.tensors.items():
        if info.dtype.startswith("F8_E") and info.dtype != "F8_E8M0":
            layer = name.removesuffix(".weight")
            places, others = ([place.format(weight=name, layer=layer) for place in some] for some in (SCALES, BESIDE))
            if scale := next((place for place in places if place in whole.tensors), None):
                scales[name] = scale
                beside |= {scale, *others}
    for name in sorted(whole.tensors.keys() - beside):
        if by := REFUSED.get(name.rpartition(".")[2]):
            settings = whole.config.get("quantization_config")
            by = str(settings.get("quant_method", by))[:40] if isinstance(settings, dict) else by
            msg = f"{whole.source} has a quantisation that is not supported (tensor {name}: {by}). Use the unquantised"
            msg += " model, or load this one with transformers, call model.dequantize() and save the result."
            raise UnsupportedError(msg)
    return Dequantised(whole, scales, beside) if scales else whole


def _blocks(source: str, scale: TensorInfo, weight: TensorInfo) -> tuple[int, ...]:
    """Return the size per axis of the blocks that share a scale, a power of two if possible; () for a single scale."""
    if scale.numel == 1:
        return ()
    counts = (*scale.shape, *[1] * (len(weight.shape) - len(scale.shape)))
    blocks = []
    for n, count in zip(weight.shape, counts, strict=False):
        powers = (1 << k for k in range(n.bit_length() + 1))
        whole = n // count if count and n % count == 0 else 0
        blocks.append(next(chain((b for b in powers if 1 < count < n and -(-n // b) == count), [whole])))
    if len(counts) != len(weight.shape) or not all(blocks):
        msg = (
            f"{source}: the fp8 scale {scale.name} has shape {[*scale.shape]}, which does not divide"
            f" {weight.name}, of shape {[*weight.shape]}, into blocks; use the unquantised model."
        )
        raise FileFormatError(msg)
    return tuple(blocks)
