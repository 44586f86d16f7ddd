"""A quantised file is compared by its weights, or refused by name; never by its scales and codes."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.cli import main
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.similarity import compare
from tests.checkpoints import quantisers as q
from tests.checkpoints.hub import LoopbackHub, Repo
from tests.checkpoints.quantisers import Tensors
from tests.similarity.models import value

Quantise = Callable[[str, Tensor], Tensors]
SCHEMES: dict[str, tuple[Quantise, float]] = {
    "fp8, blocks": (partial(q.fp8_blocks, block=32), 0.999),
    "fp8, blocks of 128": (q.fp8_blocks, 0.999),
    "fp8, rows": (q.fp8_rows, 0.999),
    "fp8, ComfyUI": (q.comfy, 0.99),
    "int8, bitsandbytes": (q.int8_rows, 0.999),
    "int8, zero points": (q.int8_zero_points, 0.999),
    "nf4": (partial(q.nf4, nested=False), 0.99),
    "nf4, nested": (partial(q.nf4, nested=True), 0.99),
    "GPTQ": (q.gptq, 0.99),
    "GPTQ, by activation": (partial(q.gptq, shuffled=True), 0.99),
    "GPTQ, 8 bits": (partial(q.gptq, bits=8), 0.999),
    "GPTQ, 3 bits": (partial(q.gptq, bits=3), 0.96),
    "GPTQ, symmetric": (partial(q.gptq, same=7), 0.99),
    "GPTQ, symmetric, of the second format": (partial(q.gptq, same=8), 0.99),
    "GPTQ, symmetric, zeros not written": (partial(q.gptq, same=0), 0.99),
    "AWQ": (q.awq, 0.99),
    "compressed-tensors": (q.compressed, 0.99),
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


@pytest.mark.parametrize("quantise", [partial(q.fp8_blocks, block=32), partial(q.nf4, nested=True), q.gptq])
def test_values_are_the_codes_times_their_scales_whatever_piece_is_asked_for(quantise: Quantise, tmp_path: Path):
    w = torch.randn(64, 96, dtype=torch.float32)
    save_file(quantise("l", w), tmp_path / "x.safetensors")
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        whole = value(opened, "l.weight")
        assert (whole - w).abs().max() < 0.35 * w.abs().max()
        piece = torch.empty(100, dtype=torch.float32)
        opened.read("l.weight", 777, piece)
        assert torch.equal(piece, whole.flatten()[777:877])


def test_shards_keep_codes_and_scales_apart_and_are_put_together(tmp_path: Path):
    stored = q.gptq("l", torch.randn(64, 96, dtype=torch.float32))
    save_file({"l.qweight": stored.pop("l.qweight")}, tmp_path / "model-1.safetensors")
    save_file(stored, tmp_path / "model-2.safetensors")
    index = {"l.qweight": "model-1.safetensors"} | dict.fromkeys(stored, "model-2.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    with open_checkpoint(str(tmp_path)) as opened:
        assert opened.tensors["l.weight"].shape == (64, 96)
        assert value(opened, "l.weight").std() == pytest.approx(1, abs=0.05)


CODES = torch.zeros(4, 4, dtype=torch.int32)
UNREAD: dict[str, Tensors] = {
    "AQLM": {"l.codes": CODES, "l.codebooks": torch.ones(2, 2), "l.scales": torch.ones(4)},
    "HQQ": {"l.W_q": CODES, "l.meta": torch.ones(2)},
    "MXFP4": {"m.proj_blocks": CODES.to(torch.uint8), "m.proj_scales": torch.zeros(4, dtype=torch.uint8)},
    "neither GPTQ's nor AWQ's": {"l.qweight": CODES, "l.lut": torch.ones(4)},
    "NVFP4": {"l.weight_packed": CODES.to(torch.uint8), "l.weight_global_scale": torch.ones(1)},
    "of a kind without a state": {"l.weight": CODES.to(torch.uint8), "l.weight.absmax": torch.ones(2), "l.weight.quant_map": torch.ones(16)},  # noqa: E501
    r"fp8 \(its weight is not there\)": {"l.weight_scale_inv": torch.ones(1, 1), "w": torch.ones(2)},
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_other_codes_are_refused_by_the_name_of_what_made_them(name: str, tmp_path: Path):
    save_file({k: v.contiguous() for k, v in UNREAD[name].items()}, tmp_path / "x.safetensors")
    with pytest.raises(UnsupportedError, match=rf"x\.safetensors is quantised by .*{name}.* Take the original"):
        open_checkpoint(str(tmp_path / "x.safetensors"))


def broken(stored: Tensors, name: str, new: Tensor) -> Tensors:
    return stored | {name: new}


W = torch.randn(64, 96, dtype=torch.float32)
STATE = "l.weight.quant_state.bitsandbytes__nf4"
BROKEN: dict[str, tuple[Tensors, str]] = {
    "scale": (broken(q.fp8_rows("l", W), "l.weight_scale", torch.ones(7, 1)), "is no scale of l.weight"),
    "no scales": (broken(q.fp8_rows("l", W), "l.weight_scale", torch.ones(0, 1)), "is no scale of l.weight"),
    "zeros": (broken(q.gptq("l", W), "l.qzeros", CODES), r"l.qzeros has shape \[4, 4\], where l.weight needs"),
    "index": (broken(q.gptq("l", W), "l.g_idx", torch.full((96,), 99, dtype=torch.int32)), "names group 99 of 3"),
    "state": (broken(q.nf4("l", W, nested=False), STATE, torch.zeros(9, dtype=torch.uint8)), "is no state of bitsand"),
    "absmax": (broken(q.nf4("l", W, nested=False), "l.weight.absmax", torch.ones(5)), "l.weight.absmax has 5 values"),
    "shape": (broken(q.compressed("l", W), "l.weight_shape", torch.tensor([64, 95])), r"of shape \[64, 95\] does not"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_codes_and_scales_that_do_not_fit_are_a_sentence(case: tuple[Tensors, str], tmp_path: Path):
    stored, told = case
    save_file({k: v.contiguous() for k, v in stored.items()}, tmp_path / "x.safetensors")
    with pytest.raises(FileFormatError, match=told), open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        value(opened, "l.weight")


def test_scales_of_blocks_of_a_vector(tmp_path: Path):
    codes = torch.ones(2000).to(torch.float8_e4m3fn)
    save_file({"l.weight": codes, "l.weight_scale": torch.arange(1.0, 33.0)}, tmp_path / "x.safetensors")
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        assert torch.equal(value(opened, "l.weight"), torch.arange(2000) // 64 + 1.0)


def test_the_bits_of_a_model_on_the_hub_are_those_of_its_config(hub: LoopbackHub, hub_cache: Path):
    """Of codes without an order of their groups nothing else tells them."""
    from safetensors.torch import save

    w = torch.randn(64, 96, dtype=torch.float32)
    stored = q.gptq("l", w, bits=8)
    del stored["l.g_idx"]
    config = json.dumps({"quantization_config": {"quant_method": "gptq", "bits": 8}}).encode()
    hub.repos["some/llm"] = Repo({"model.safetensors": save(stored), "config.json": config})
    for _ in range(2):  # the second time it is in the cache
        with open_checkpoint("some/llm", cache=hub_cache) as opened:
            assert opened.tensors["l.weight"].shape == (64, 96)
            assert (value(opened, "l.weight") - w).abs().max() < 0.05


def test_the_command_says_what_is_quantised(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    files = [written(tmp_path / f"{n}.safetensors", network(1), s) for n, s in (("plain", None), ("packed", q.gptq))]
    assert main(["similarity", *files, "--only", "weights"]) == 0
    told = "packed is quantised: 3 weights by GPTQ, 4 bits, compared as the weights that they stand for"
    assert told in capsys.readouterr().err
