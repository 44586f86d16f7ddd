"""Weights quantised and laid out as the tools do, written from their formats and not from our readers."""

import json

import torch
from torch import Tensor

NF4 = [-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0]
NF4 += [0.0795803, 0.1609302, 0.24611230, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0]

Tensors = dict[str, Tensor]


def fp8_blocks(name: str, w: Tensor, block: int = 128) -> Tensors:
    """DeepSeek: a scale for each block of block x block, the last ones cut."""
    rows, columns = (-(-n // block) for n in w.shape)
    scale, codes = torch.empty(rows, columns), torch.empty(w.shape, dtype=torch.float8_e4m3fn)
    for i in range(rows):
        for j in range(columns):
            part = (slice(i * block, (i + 1) * block), slice(j * block, (j + 1) * block))
            scale[i, j] = w[part].abs().max() / 448
            codes[part] = (w[part] / scale[i, j]).to(torch.float8_e4m3fn)
    return {f"{name}.weight": codes, f"{name}.weight_scale_inv": scale}


def fp8_rows(name: str, w: Tensor) -> Tensors:
    scale = w.abs().amax(1, keepdim=True) / 448
    extra = {f"{name}.input_scale": torch.ones(1)}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.weight_scale": scale, **extra}


def comfy(name: str, w: Tensor) -> Tensors:
    scale = w.abs().max() / 448
    mark = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn), f"{name}.scale_input": torch.ones(())}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.scale_weight": scale, **mark}


def int8_rows(name: str, w: Tensor) -> Tensors:
    """bitsandbytes' LLM.int8()."""
    largest = w.abs().amax(1)
    codes = (w / largest[:, None] * 127).round().to(torch.int8)
    return {f"{name}.weight": codes, f"{name}.SCB": largest, f"{name}.weight_format": torch.zeros(1, dtype=torch.uint8)}


def int8_zero_points(name: str, w: Tensor) -> Tensors:
    low, high = w.amin(1, keepdim=True), w.amax(1, keepdim=True)
    scale = (high - low) / 255
    zero = (-128 - low / scale).round()
    codes = (w / scale + zero).round().clamp(-128, 127).to(torch.int8)
    key = f"{name}.weight"
    return {key: codes, f"{key}_scale": scale, f"{key}_zero_point": zero.to(torch.int8)}


def nf4(name: str, w: Tensor, *, nested: bool, block: int = 64) -> Tensors:
    table = torch.tensor(NF4)
    flat = torch.cat([w.flatten(), torch.zeros(-w.numel() % block)]).view(-1, block)
    largest = flat.abs().amax(1)
    codes = ((flat / largest[:, None])[..., None] - table).abs().argmin(-1).flatten()[: w.numel()]
    codes = torch.cat([codes, torch.zeros(w.numel() % 2, dtype=torch.long)])
    key = f"{name}.weight"
    found = {key: (codes[::2] * 16 + codes[1::2]).to(torch.uint8)[:, None], f"{key}.quant_map": table}
    state: dict[str, object] = {"quant_type": "nf4", "blocksize": block, "dtype": "bfloat16", "shape": list(w.shape)}
    if nested:
        offset = largest.mean()
        steps = torch.linspace(-1, 1, 256)
        rest = torch.cat([largest - offset, torch.zeros(-len(largest) % 256)]).view(-1, 256)
        top = rest.abs().amax(1)
        near = ((rest / top[:, None])[..., None] - steps).abs().argmin(-1).flatten()[: len(largest)]
        found |= {f"{key}.absmax": near.to(torch.uint8), f"{key}.nested_absmax": top, f"{key}.nested_quant_map": steps}
        state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset.item()}
    else:
        found[f"{key}.absmax"] = largest
    text = json.dumps(state).encode()
    return found | {f"{key}.quant_state.bitsandbytes__nf4": torch.tensor(list(text), dtype=torch.uint8)}


def _words(numbers: Tensor, bits: int) -> Tensor:
    """Columns of numbers as columns of 32-bit words, the way of a stream of bits, by Python's own integers."""
    rows = []
    for column in numbers.T.tolist():
        stream = sum(int(number) << (bits * k) for k, number in enumerate(column))
        words = [(stream >> (32 * k)) & 0xFFFFFFFF for k in range(len(column) * bits // 32)]
        rows.append([word - (1 << 32) if word >= 1 << 31 else word for word in words])
    return torch.tensor(rows, dtype=torch.int32).T.contiguous()


def gptq(
    name: str, w: Tensor, *, bits: int = 4, group: int = 32, shuffled: bool = False, same: int | None = None
) -> Tensors:
    """Codes (inputs, outputs) packed along the inputs, zeros less one; the order of the groups in g_idx.

    With ``same`` the codes are symmetric around half their range, and that is what stands for every zero.
    """
    inputs, top = w.shape[1], (1 << bits) - 1
    index = torch.arange(inputs, dtype=torch.int32) // group
    index = index[torch.randperm(inputs)] if shuffled else index
    groups = int(index.max()) + 1
    scales, zeros = torch.empty(groups, len(w)), torch.empty(groups, len(w))
    for g in range(groups):
        part = w[:, index == g]
        low, high = part.amin(1).clamp(max=0), part.amax(1).clamp(min=0)
        scales[g] = (high - low) / top
        zeros[g] = (-low / scales[g]).round()
        if same is not None:
            scales[g], zeros[g] = part.abs().amax(1) * 2 / top, (top + 1) / 2
    codes = (w.T / scales[index] + zeros[index]).round().clamp(0, top)
    written = (zeros - 1) % (top + 1) if same is None else torch.full_like(zeros, same)
    packed_zeros = _words(written.T, bits).T.contiguous()
    end = {f"{name}.scales": scales.half(), f"{name}.g_idx": index}
    return {f"{name}.qweight": _words(codes, bits), f"{name}.qzeros": packed_zeros, **end}


def awq(name: str, w: Tensor, group: int = 32) -> Tensors:
    """Codes (inputs, outputs) packed along the outputs, eight neighbours in the order 0 2 4 6 1 3 5 7."""
    groups = w.shape[1] // group
    parts = w.T.reshape(groups, group, len(w))
    low, high = parts.amin(1).clamp(max=0), parts.amax(1).clamp(min=0)
    scales = (high - low) / 15
    zeros = (-low / scales).round()
    codes = (parts / scales[:, None] + zeros[:, None]).round().clamp(0, 15).reshape(w.shape[1], len(w))

    def packed(numbers: Tensor) -> Tensor:
        ordered = numbers.reshape(len(numbers), -1, 8)[:, :, [0, 2, 4, 6, 1, 3, 5, 7]].reshape(len(numbers), -1)
        return _words(ordered.T, 4).T.contiguous()

    return {f"{name}.qweight": packed(codes), f"{name}.qzeros": packed(zeros), f"{name}.scales": scales.half()}


def compressed(name: str, w: Tensor, group: int = 32) -> Tensors:
    """compressed-tensors' pack-quantized: signed codes plus 8, packed along the inputs."""
    parts = w.view(len(w), -1, group)
    scale = parts.abs().amax(2) / 7
    codes = ((parts / scale[..., None]).round().clamp(-8, 7) + 8).view(w.shape)
    packed = _words(codes.T, 4).T.contiguous()
    shape = torch.tensor(w.shape, dtype=torch.int64)
    return {f"{name}.weight_packed": packed, f"{name}.weight_scale": scale.bfloat16(), f"{name}.weight_shape": shape}
