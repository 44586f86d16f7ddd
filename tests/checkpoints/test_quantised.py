"""float8 files are compared by their dequantised weights; other quantisations raise an error that names them."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from tests.similarity.models import value

Tensors = dict[str, Tensor]
"""Tensors of a file of a quantisation tool, by name; the formats follow the tools' specifications, not our reader."""


def blocks(name: str, w: Tensor, block: int = 128) -> Tensors:
    """Return a weight in DeepSeek's format: a scale for each square block; the last blocks may be smaller."""
    rows, columns = (-(-n // block) for n in w.shape)
    scale, codes = torch.empty(rows, columns), torch.empty(w.shape, dtype=torch.float8_e4m3fn)
    for i in range(rows):
        for j in range(columns):
            part = (slice(i * block, (i + 1) * block), slice(j * block, (j + 1) * block))
            scale[i, j] = w[part].abs().max() / 448
            codes[part] = (w[part] / scale[i, j]).to(torch.float8_e4m3fn)
    return {f"{name}.weight": codes, f"{name}.weight_scale_inv": scale}


def rows(name: str, w: Tensor) -> Tensors:
    """Return a weight in compressed-tensors' format: a scale per row, and a scale of the activations."""
    scale = w.abs().amax(1, keepdim=True) / 448
    extra = {f"{name}.input_scale": torch.ones(1)}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.weight_scale": scale, **extra}


def comfy(name: str, w: Tensor) -> Tensors:
    """Return a weight in ComfyUI's format: one scale per tensor, and a marker."""
    scale = w.abs().max() / 448
    mark = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn), f"{name}.scale_input": torch.ones(())}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.scale_weight": scale, **mark}


SCHEMES: dict[str, Callable[[str, Tensor], Tensors]] = {
    "blocks": partial(blocks, block=32),
    "cut blocks": blocks,
    "rows": rows,
    "ComfyUI": comfy,
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_values_are_the_codes_times_their_scales_whatever_piece_is_asked_for(scheme: str, tmp_path: Path):
    """Rows differ widely in size, so that a wrong scale would be noticed."""
    w = torch.exp(0.7 * torch.randn(160, 1)).float() * torch.randn(160, 96).float()
    plain = {"l.weight": w, "l.bias": torch.randn(160).float(), "norm.weight": torch.randn(96).bfloat16()}
    stored = plain | SCHEMES[scheme]("l", w)
    save_file({name: v.contiguous() for name, v in stored.items()}, tmp_path / "x.safetensors")
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        assert {n: t.shape for n, t in opened.tensors.items()} == {n: tuple(v.shape) for n, v in plain.items()}
        whole = value(opened, "l.weight")
        assert ((whole - w).abs() <= w.abs() / 16 + w.abs().max() / 448 / 512).all()  # three bits; the smallest code
        piece = torch.empty(100, dtype=torch.float32)
        opened.read("l.weight", 777, piece)
        assert torch.equal(piece, whole.flatten()[777:877])
        assert all(torch.equal(value(opened, n), plain[n]) for n in ("l.bias", "norm.weight"))
        assert "1 fp8 weight" in opened.metadata["quantised"]


CODES = torch.zeros(4, 4, dtype=torch.int32)
REFUSED: dict[str, Tensors] = {
    "GPTQ or AWQ": {"l.qweight": CODES, "l.qzeros": CODES + 1, "l.scales": torch.ones(4)},
    "bitsandbytes": {"l.weight": CODES.to(torch.uint8), "l.weight.absmax": torch.ones(2)},
    "compressed-tensors": {"l.weight_packed": CODES, "l.weight_scale": torch.ones(4, 1)},
    "fp8 without the weight": {"l.weight_scale_inv": torch.ones(1, 1), "w": torch.ones(2)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_codes_are_refused_by_the_name_of_what_made_them(name: str, tmp_path: Path):
    save_file(REFUSED[name], tmp_path / "model.safetensors")
    with pytest.raises(UnsupportedError, match=rf"not supported \(tensor l\.\S+: {name}\)\. Use the unquantised"):
        open_checkpoint(str(tmp_path))
    (tmp_path / "config.json").write_text('{"quantization_config": {"quant_method": "by its own word"}}')
    with pytest.raises(UnsupportedError, match=r"not supported \(tensor l\.\S+: by its own word\)"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("name", ["x.gguf", "x.safetensors"])
def test_a_gguf_file_is_refused_before_it_is_parsed(name: str, tmp_path: Path):
    """The gguf library does not finish reading a file of 51 bytes that announces an array of 2^60 entries."""
    (tmp_path / name).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + b"\xff" * 40)
    with pytest.raises(FileFormatError, match=r"is a GGUF file, .* Use the safetensors file that it was converted"):
        open_checkpoint(str(tmp_path / name))


@pytest.mark.parametrize("scale", [torch.ones(7, 1), torch.ones(0, 1), torch.ones(64, 96, 1)])
def test_codes_and_scales_that_do_not_fit_are_a_sentence(scale: Tensor, tmp_path: Path):
    stored = rows("l", torch.randn(64, 96)) | {"l.weight_scale": scale}
    save_file({k: v.contiguous() for k, v in stored.items()}, tmp_path / "x.safetensors")
    with pytest.raises(FileFormatError, match=r"x\.safetensors: .* does not divide l\.weight, of shape \[64, 96\]"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
