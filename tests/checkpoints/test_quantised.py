"""A float8 file is compared by its weights, other codes are refused by name; never by scales and codes."""

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
from ioadapt_theory.similarity import compare
from tests.similarity.models import value

Tensors = dict[str, Tensor]
"""Quantised and laid out as the tools do, written from their formats and not from our reader."""


def blocks(name: str, w: Tensor, block: int = 128) -> Tensors:
    """DeepSeek: a scale for each block of block x block, the last ones cut."""
    rows, columns = (-(-n // block) for n in w.shape)
    scale, codes = torch.empty(rows, columns), torch.empty(w.shape, dtype=torch.float8_e4m3fn)
    for i in range(rows):
        for j in range(columns):
            part = (slice(i * block, (i + 1) * block), slice(j * block, (j + 1) * block))
            scale[i, j] = w[part].abs().max() / 448
            codes[part] = (w[part] / scale[i, j]).to(torch.float8_e4m3fn)
    return {f"{name}.weight": codes, f"{name}.weight_scale_inv": scale}


def rows(name: str, w: Tensor) -> Tensors:
    """compressed-tensors: a scale a row, and one of the activations beside it."""
    scale = w.abs().amax(1, keepdim=True) / 448
    extra = {f"{name}.input_scale": torch.ones(1)}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.weight_scale": scale, **extra}


def vector(name: str, w: Tensor) -> Tensors:
    """FBGEMM: the scales of the rows in one axis."""
    stored = rows(name, w)
    return {f"{name}.weight": stored[f"{name}.weight"], f"{name}.weight_scale": stored[f"{name}.weight_scale"][:, 0]}


def comfy(name: str, w: Tensor) -> Tensors:
    """ComfyUI: one scale for all, and a mark."""
    scale = w.abs().max() / 448
    mark = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn), f"{name}.scale_input": torch.ones(())}
    return {f"{name}.weight": (w / scale).to(torch.float8_e4m3fn), f"{name}.scale_weight": scale, **mark}


Quantise = Callable[[str, Tensor], Tensors]
SCHEMES: dict[str, tuple[Quantise, float]] = {
    "blocks": (partial(blocks, block=32), 0.999),
    "cut blocks": (blocks, 0.999),
    "rows": (rows, 0.999),
    "rows in one axis": (vector, 0.999),
    "ComfyUI": (comfy, 0.99),
}


def network(seed: int) -> Tensors:
    """Rows of very different size, as real networks have, so that a wrong scale shows; c != d, biases and norms."""
    generator = torch.Generator().manual_seed(seed)
    state = {"model.embed_tokens.weight": torch.randn(50, 96, generator=generator)}
    for i, (outputs, inputs) in enumerate([(160, 96), (96, 160), (64, 192)]):
        size = torch.exp(0.7 * torch.randn(outputs, 1, generator=generator))
        state[f"model.layers.{i}.fc.weight"] = size * torch.randn(outputs, inputs, generator=generator)
        state[f"model.layers.{i}.fc.bias"] = torch.randn(outputs, generator=generator)
        state[f"model.layers.{i}.input_layernorm.weight"] = 1 + 0.1 * torch.randn(inputs, generator=generator)
    return {name: w.float() for name, w in state.items()}


def written(path: Path, plain: Tensors, quantise: Quantise | None) -> str:
    stored: Tensors = {}
    for name, w in plain.items():
        if quantise is not None and name.endswith("fc.weight"):
            stored |= quantise(name.removesuffix(".weight"), w)
        else:
            stored[name] = w.bfloat16()
    save_file({name: w.contiguous() for name, w in stored.items()}, path)
    return str(path)


@pytest.mark.parametrize(("quantise", "least"), SCHEMES.values(), ids=SCHEMES)
def test_weights_and_their_own_codes_are_alike_and_unrelated_codes_are_not(
    quantise: Quantise, least: float, tmp_path: Path
):
    plain = network(1)
    files = {"plain": (plain, None), "own": (plain, quantise), "other": (network(2), quantise)}
    models = [open_checkpoint(written(tmp_path / f"{n}.safetensors", *file)) for n, file in files.items()]
    assert {n: t.shape for n, t in models[1].tensors.items()} == {n: tuple(w.shape) for n, w in plain.items()}
    comparison = compare(*models)
    fc = [row for row in comparison.rows if row.name.endswith("fc.weight")]
    assert len(fc) == 3
    for row in fc:
        assert row.values[0, 1].cosine > least
        assert abs(row.values[1, 2].cosine) < 0.05
        assert row.values[0, 1].norm_ratio == pytest.approx(1, abs=0.03)
    assert not [s for s in comparison.skipped if s.reason != "only there"]
    assert "3 weights by" in models[1].metadata["quantised"]


def test_values_are_the_codes_times_their_scales_whatever_piece_is_asked_for(tmp_path: Path):
    w = torch.randn(64, 96, dtype=torch.float32)
    save_file(blocks("l", w, block=32), tmp_path / "x.safetensors")
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        whole = value(opened, "l.weight")
        assert (whole - w).abs().max() < 0.05 * w.abs().max()
        piece = torch.empty(100, dtype=torch.float32)
        opened.read("l.weight", 777, piece)
        assert torch.equal(piece, whole.flatten()[777:877])


CODES = torch.zeros(4, 4, dtype=torch.int32)
REFUSED: dict[str, Tensors] = {
    "GPTQ or AWQ": {"l.qweight": CODES, "l.qzeros": CODES + 1, "l.scales": torch.ones(4)},
    "bitsandbytes": {"l.weight": CODES.to(torch.uint8), "l.weight.absmax": torch.ones(2)},
    "compressed-tensors": {"l.weight_packed": CODES, "l.weight_scale": torch.ones(4, 1)},
    "fp8, and a weight is missing": {"l.weight_scale_inv": torch.ones(1, 1), "w": torch.ones(2)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_codes_are_refused_by_the_name_of_what_made_them(name: str, tmp_path: Path):
    save_file(REFUSED[name], tmp_path / "model.safetensors")
    with pytest.raises(UnsupportedError, match=rf"is quantised by {name}: l\..* Compare the model that"):
        open_checkpoint(str(tmp_path))
    (tmp_path / "config.json").write_text('{"quantization_config": {"quant_method": "by its own word"}}')
    with pytest.raises(UnsupportedError, match=r"is quantised by by its own word: l\."):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("name", ["x.gguf", "x.safetensors"])
def test_a_gguf_file_is_refused_before_it_is_parsed(name: str, tmp_path: Path):
    """51 bytes that announced an array of 2^60 kept the library reading for ever."""
    (tmp_path / name).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + b"\xff" * 40)
    with pytest.raises(FileFormatError, match=r"is a GGUF file, .* Compare the safetensors that it was made from\.$"):
        open_checkpoint(str(tmp_path / name))


@pytest.mark.parametrize("scale", [torch.ones(7, 1), torch.ones(0, 1), torch.ones(64, 96, 1)])
def test_codes_and_scales_that_do_not_fit_are_a_sentence(scale: Tensor, tmp_path: Path):
    stored = rows("l", torch.randn(64, 96)) | {"l.weight_scale": scale}
    save_file({k: v.contiguous() for k, v in stored.items()}, tmp_path / "x.safetensors")
    with pytest.raises(FileFormatError, match=r"is no scale of l\.weight of shape \[64, 96\]"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
