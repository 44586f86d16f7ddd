"""Weights quantised to float8 and laid out as the tools do, written from their formats and not from our reader."""

import torch
from torch import Tensor

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
    """compressed-tensors: a scale a row, and one of the activations beside it."""
    scale = w.abs().amax(1, keepdim=True) / 448
    extra = {f"{name}.input_scale": torch.ones(1)}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.weight_scale": scale, **extra}


def fp8_vector(name: str, w: Tensor) -> Tensors:
    """FBGEMM: the scales of the rows in one axis."""
    stored = fp8_rows(name, w)
    return {f"{name}.weight": stored[f"{name}.weight"], f"{name}.weight_scale": stored[f"{name}.weight_scale"][:, 0]}


def comfy(name: str, w: Tensor) -> Tensors:
    """ComfyUI: one scale for all, and a mark."""
    scale = w.abs().max() / 448
    mark = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn), f"{name}.scale_input": torch.ones(())}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.scale_weight": scale, **mark}
