"""Whole numbers of a few bits packed into 32: GPTQ, AWQ, and compressed-tensors' pack-quantized."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.checkpoints.checkpoint import TensorInfo
from ioadapt_theory.checkpoints.quantised.recipe import Recipe, Stored, require
from ioadapt_theory.errors import FileFormatError, UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor

AWQ_ORDER: Final = (0, 4, 1, 5, 2, 6, 3, 7)
"""Place in a word of AWQ at which each of eight neighbours lies."""
BITS: Final = (2, 3, 4, 8)


def find(tensors: Mapping[str, TensorInfo], config: Mapping[str, Any]) -> Iterator[tuple[str, Recipe]]:
    """Yield every packed weight whose layout is one of the three.

    Raises:
        FileFormatError: If the parts do not fit each other.
    """
    told = config.get("quantization_config")
    told = told if isinstance(told, dict) else {}
    for name in tensors:
        layer, _, end = name.rpartition(".")
        if end == "qweight" and f"{layer}.scales" in tensors:
            yield f"{layer}.weight", _gptq_or_awq(layer, tensors, told)
        elif end == "weight_packed" and {f"{layer}.weight_scale", f"{layer}.weight_shape"} <= tensors.keys():
            yield f"{layer}.weight", _compressed(layer, tensors, told)


def _gptq_or_awq(layer: str, tensors: Mapping[str, TensorInfo], told: Mapping[str, Any]) -> Recipe:
    """Both have scales (groups, outputs); GPTQ packs the inputs, AWQ the outputs."""
    weight = f"{layer}.weight"
    packed, scales = tensors[f"{layer}.qweight"], tensors[f"{layer}.scales"]
    if len(packed.shape) != 2 or len(scales.shape) != 2 or not packed.numel or not scales.numel:
        msg = f"{packed.name} of shape {list(packed.shape)} is no packed matrix."
        raise FileFormatError(msg)
    rows, columns = packed.shape
    groups, outputs = scales.shape
    index, zeros = tensors.get(f"{layer}.g_idx"), tensors.get(f"{layer}.qzeros")
    beside = [index.name] if index is not None else []
    parts = {"packed": packed.name, "scales": scales.name}
    if zeros is not None:
        parts["zeros"] = zeros.name
    if columns * 8 == outputs and zeros is not None:
        require(zeros, (groups, columns), weight)
        if rows % groups:
            msg = f"{scales.name} has {groups} groups, which do not divide the {rows} inputs of {weight}."
            raise FileFormatError(msg)
        return Recipe("AWQ", (outputs, rows), parts, beside, _awq)
    if columns != outputs:
        msg = f"{packed.name} of shape {list(packed.shape)} and {scales.name} of shape {list(scales.shape)} fit neither"
        msg += " GPTQ nor AWQ."
        raise FileFormatError(msg)
    said = told.get("bits")
    bits = said if type(said) is int and said in BITS else 4
    if index is not None and len(index.shape) == 1 and index.numel:
        bits = 32 * rows // index.numel
        parts["index"] = index.name
    inputs = 32 * rows // bits if bits in BITS else 0
    if index is not None:
        require(index, (inputs,), weight)
    if not inputs or inputs < groups:
        msg = f"{packed.name} of shape {list(packed.shape)} is of {bits} bits and {groups} groups, which cannot be."
        raise FileFormatError(msg)
    if zeros is not None:
        require(zeros, (groups, outputs * bits // 32), weight)
    offset = 0 if told.get("checkpoint_format") == "gptq_v2" else 1
    make = partial(_gptq, bits=bits, inputs=inputs, offset=offset)
    return Recipe(f"GPTQ, {bits} bits", (outputs, inputs), parts, [], make)


def _gptq(stored: Stored, bits: int, inputs: int, offset: int) -> "Tensor":
    """W = scale · (code - zero - 1), the 1 in all formats but the second; or scale · (code - half the range).

    Symmetric codes are those whose stored zeros are all half the range, one less, or nothing: quantisers write either
    whatever format they name, and kernels for symmetric codes do not look at them.
    """
    import torch

    codes = unpacked(stored["packed"], bits, inputs)
    scales = stored["scales"].float()
    groups, outputs = scales.shape
    index = torch.arange(inputs) // -(-inputs // groups)
    if "index" in stored:
        index = stored["index"].long()
        if index.min() < 0 or index.max() >= groups:
            msg = f"A g_idx names group {int(index.max())} of {groups}."
            raise FileFormatError(msg)
    half = 1 << (bits - 1)
    zeros = torch.full((groups, outputs), float(half))
    if "zeros" in stored:
        told = unpacked(stored["zeros"].mT.contiguous(), bits, outputs).mT
        if not any(bool((told == same).all()) for same in (0, half - 1, half)):
            zeros = (told + offset).remainder(1 << bits)
    return ((codes - zeros[index]) * scales[index]).mT.contiguous()


def _awq(stored: Stored) -> "Tensor":
    """W = scale · (code - zero)."""
    import torch

    scales = stored["scales"].float()
    groups, outputs = scales.shape

    def codes(packed: "Tensor") -> "Tensor":
        inside = unpacked(packed.mT.contiguous(), 4, outputs).mT
        order = torch.tensor(AWQ_ORDER)
        return inside.reshape(len(packed), -1, 8)[:, :, order].reshape(len(packed), outputs)

    each = len(stored["packed"]) // groups
    wide = (scale.repeat_interleave(each, 0) for scale in (codes(stored["zeros"]), scales))
    zeros, scales = wide
    return ((codes(stored["packed"]) - zeros) * scales).mT.contiguous()


def _compressed(layer: str, tensors: Mapping[str, TensorInfo], told: Mapping[str, Any]) -> Recipe:
    """Rows of the weight packed along the inputs, codes less half their range; scales (outputs, groups)."""
    weight = f"{layer}.weight"
    packed, scale = tensors[f"{layer}.weight_packed"], tensors[f"{layer}.weight_scale"]
    groups = told.get("config_groups")
    said = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = said.get("weights") if isinstance(said, dict) else None
    bits = weights.get("num_bits") if isinstance(weights, dict) else 4
    if {f"{layer}.weight_zero_point", f"{layer}.weight_g_idx"} & tensors.keys() or bits not in (4, 8):
        msg = f"{weight} is packed with {bits} bits, zero points or an order of its own, which is not read. "
        msg += "Take the original."
        raise UnsupportedError(msg)
    shapes = [list(packed.shape), list(scale.shape)]
    if packed.dtype != "I32" or len(packed.shape) != 2 or len(scale.shape) != 2 or not packed.numel or not scale.numel:
        msg = f"{packed.name} of {packed.dtype} and shapes {shapes} is not packed as compressed-tensors does."
        raise FileFormatError(msg)
    require(tensors[f"{layer}.weight_shape"], (2,), weight)
    outputs, inputs = packed.shape[0], packed.shape[1] * 32 // bits
    if scale.shape[0] != outputs or inputs % scale.shape[1]:
        msg = f"{scale.name} of shape {shapes[1]} is no scale of {weight} of shape {[outputs, inputs]}."
        raise FileFormatError(msg)
    parts = {"packed": packed.name, "scale": scale.name, "shape": f"{layer}.weight_shape"}
    make = partial(_of_words, bits=bits)
    return Recipe(f"compressed-tensors, {bits} bits", (outputs, inputs), parts, [], make)


def _of_words(stored: Stored, bits: int) -> "Tensor":
    outputs, words = stored["packed"].shape
    inputs = words * 32 // bits
    if stored["shape"].tolist() != [outputs, inputs]:
        msg = f"A packed weight of shape {stored['shape'].tolist()} does not fill its {words} words a row."
        raise FileFormatError(msg)
    codes = unpacked(stored["packed"].mT.contiguous(), bits, inputs).mT - float(1 << (bits - 1))
    scale = stored["scale"].float()
    return codes * scale.repeat_interleave(inputs // scale.shape[1], 1)


def unpacked(words: "Tensor", bits: int, count: int) -> "Tensor":
    """The first `count` numbers of every column: bits follow each other from the lowest of the first word on."""
    import numpy as np
    import torch

    columns, mask = words.numpy().view(np.uint32), np.uint32((1 << bits) - 1)
    if 32 % bits == 0:
        shifts = np.arange(0, 32, bits, dtype=np.uint32)
        numbers = (columns[:, None, :] >> shifts[None, :, None]) & mask
        return torch.from_numpy(numbers.reshape(-1, columns.shape[1])[:count].astype(np.float32))
    found = np.empty((count, columns.shape[1]), np.float32)
    for k in range(count):  # some lie across two words
        word, shift = divmod(k * bits, 32)
        number = columns[word] >> np.uint32(shift)
        if shift + bits > 32:
            number |= columns[word + 1] << np.uint32(32 - shift)
        found[k] = number & mask
    return torch.from_numpy(found)
