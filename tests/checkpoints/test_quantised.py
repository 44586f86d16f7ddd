"""A float8 file is compared by its weights, other codes are refused by name; never by scales and codes."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.similarity import compare
from tests.checkpoints import quantisers as q
from tests.checkpoints.quantisers import Tensors
from tests.similarity.models import value

Quantise = Callable[[str, Tensor], Tensors]
SCHEMES: dict[str, tuple[Quantise, float]] = {
    "blocks": (partial(q.fp8_blocks, block=32), 0.999),
    "blocks of 128": (q.fp8_blocks, 0.999),
    "rows": (q.fp8_rows, 0.999),
    "rows in one axis": (q.fp8_vector, 0.999),
    "ComfyUI": (q.comfy, 0.99),
}


def network(seed: int) -> Tensors:
    """Rows of very different size, as real networks have, so that a wrong scale shows; c != d, biases and norms."""
    generator = torch.Generator().manual_seed(seed)
    found = {"model.embed_tokens.weight": torch.randn(50, 96, generator=generator)}
    for i, (outputs, inputs) in enumerate([(160, 96), (96, 160), (64, 192)]):
        rows = torch.exp(0.7 * torch.randn(outputs, 1, generator=generator))
        found[f"model.layers.{i}.fc.weight"] = rows * torch.randn(outputs, inputs, generator=generator)
        found[f"model.layers.{i}.fc.bias"] = torch.randn(outputs, generator=generator)
        found[f"model.layers.{i}.input_layernorm.weight"] = 1 + 0.1 * torch.randn(inputs, generator=generator)
    return {name: w.float() for name, w in found.items()}


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
    plain, other = network(1), network(2)
    files = [
        written(tmp_path / "plain.safetensors", plain, None),
        written(tmp_path / "own.safetensors", plain, quantise),
        written(tmp_path / "other.safetensors", other, quantise),
    ]
    models = [open_checkpoint(f) for f in files]
    assert {n: t.shape for n, t in models[1].tensors.items()} == {n: tuple(w.shape) for n, w in plain.items()}
    c = compare(*models)
    fc = [row for row in c.rows if row.name.endswith("fc.weight")]
    assert len(fc) == 3
    for row in fc:
        assert row.values[0, 1].cosine > least
        assert abs(row.values[1, 2].cosine) < 0.05
        assert row.values[0, 1].norm_ratio == pytest.approx(1, abs=0.03)
    assert not [s for s in c.skipped if s.reason != "only there"]
    assert "3 weights by" in models[1].metadata["quantised"]


def test_values_are_the_codes_times_their_scales_whatever_piece_is_asked_for(tmp_path: Path):
    w = torch.randn(64, 96, dtype=torch.float32)
    save_file(q.fp8_blocks("l", w, block=32), tmp_path / "x.safetensors")
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
    save_file(REFUSED[name], tmp_path / "x.safetensors")
    with pytest.raises(UnsupportedError, match=rf"x\.safetensors is quantised by {name}: l\..* Compare the model that"):
        open_checkpoint(str(tmp_path / "x.safetensors"))


def test_the_method_is_what_the_configuration_says(tmp_path: Path):
    save_file(REFUSED["GPTQ or AWQ"], tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"quantization_config": {"quant_method": "awq"}}')
    with pytest.raises(UnsupportedError, match=r"is quantised by awq: l\.q"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("name", ["x.gguf", "x.safetensors"])
def test_a_gguf_file_is_refused_before_it_is_parsed(name: str, tmp_path: Path):
    """51 bytes that announced an array of 2^60 kept the library reading for ever."""
    (tmp_path / name).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + b"\xff" * 40)
    with pytest.raises(FileFormatError, match=r"is a GGUF file, .* Compare the safetensors that it was made from\.$"):
        open_checkpoint(str(tmp_path / name))


@pytest.mark.parametrize("scale", [torch.ones(7, 1), torch.ones(0, 1), torch.ones(64, 96, 1)])
def test_codes_and_scales_that_do_not_fit_are_a_sentence(scale: Tensor, tmp_path: Path):
    stored = q.fp8_rows("l", torch.randn(64, 96)) | {"l.weight_scale": scale}
    save_file({k: v.contiguous() for k, v in stored.items()}, tmp_path / "x.safetensors")
    with pytest.raises(FileFormatError, match=r"is no scale of l\.weight of shape \[64, 96\]"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
