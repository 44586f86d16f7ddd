"""What is written is read as it was, and whatever else a file holds is one sentence and an untouched model."""

import json
import os
import struct
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from ioadapt_theory import FAMILIES, adapt, layers, load, save
from ioadapt_theory.adapters.base_weights import read_layer
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.formats import open_adapter
from ioadapt_theory.formats.plain_lora import Baked, Style, write_lora

FUZZ = int(os.environ.get("FUZZ", "0"))
"""How many files of anything `make fuzz` tries, others each time; what it finds is added here as an example."""
RULES = settings(max_examples=FUZZ // 100 or 40, deadline=None, derandomize=not FUZZ)
PLACEMENTS = ["input", "output", "weight", "input+weight", "output+weight", "input+output", "input+output+weight"]
SIZES = st.tuples(st.integers(1, 7), st.integers(1, 7))
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.bfloat16])


def net(sizes: tuple[int, int], dtype: torch.dtype, seed: int = 0, *, bias: bool = True) -> nn.ModuleDict:
    torch.manual_seed(seed)
    (c, d) = sizes
    blocks = {"lin": nn.Linear(c, d, bias=bias), "conv": nn.Conv2d(c, d, (3, 2), bias=bias)}
    return nn.ModuleDict({"block": nn.ModuleDict(blocks)}).to(dtype)


def outputs(model: nn.Module, c: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    dtype = next(model.parameters()).dtype
    x, image = torch.randn(3, c).to(dtype), torch.randn(1, c, 5, 4).to(dtype)
    with torch.no_grad():
        return [model["block"]["lin"](x), model["block"]["conv"](image)]


@RULES
@given(
    sizes=SIZES,
    dtype=DTYPES,
    family=st.sampled_from([*FAMILIES]),
    placement=st.sampled_from(PLACEMENTS),
    rank=st.integers(1, 6),
    alpha=st.floats(-64, 64, allow_nan=False),
    rslora=st.booleans(),
    factor=st.sampled_from([-1, 1, 2, 3]),
)
def test_what_is_saved_comes_back_to_the_last_bit(sizes, dtype, family, placement, rank, alpha, rslora, factor):
    model = adapt(
        net(sizes, dtype), target_modules=["lin", "conv"], family=family, placement=placement, rank=rank, alpha=alpha,
        use_rslora=rslora, factor=factor, init="random", dropout=0.25, detach_norm=rank % 2 == 0,
    )  # fmt: skip
    twin = net(sizes, dtype)
    with tempfile.TemporaryDirectory() as folder:
        first = (save(model, folder) / "ioadapt.safetensors").read_bytes()
        load(twin, folder)
        assert (save(twin, folder) / "ioadapt.safetensors").read_bytes() == first
    assert all(map(torch.equal, outputs(model.eval(), sizes[0]), outputs(twin.eval(), sizes[0])))
    for ours, theirs in zip(layers(model).values(), layers(twin).values(), strict=True):
        for (_, a), (_, b) in zip(ours.adapters["default"].parts(), theirs.adapters["default"].parts(), strict=True):
            assert (a.scaling, a.size, type(a), a.spec.dropout) == (b.scaling, b.size, type(b), b.spec.dropout)


@RULES
@given(
    sizes=SIZES,
    placement=st.sampled_from(["input", "output", "weight", "input+weight", "output+weight"]),
    style=st.sampled_from([*Style]),
    ranks=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    bias=st.booleans(),
    component=st.sampled_from(["", "unet", "transformer"]),
)
def test_what_is_baked_does_the_same_in_every_spelling(sizes, placement, style, ranks, bias, component):
    dtype = torch.float64
    model = net(sizes, dtype, bias=bias)
    parts = placement.count("+") + 1
    adapt(
        model, target_modules=["lin", "conv"], placement=placement, rank=list(ranks[:parts]), alpha=3, init="random",
        rank_pattern={"conv": [2, 1][:parts]},
    )  # fmt: skip
    found = layers(model).items()
    baked = [(name, Baked.of(m.adapters["default"], read_layer(m.base_layer))) for name, m in found]
    assert all(made.lost < 1e-12 for _, made in baked)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("folder" if style is Style.PEFT else "file.safetensors")
        write_lora(path, baked, style, base="net", component="" if style is Style.PEFT else component)
        twin = net(sizes, dtype, bias=bias)
        load(twin, path)
    for got, wanted in zip(outputs(twin, sizes[0]), outputs(model, sizes[0]), strict=True):
        assert_close(got, wanted, rtol=1e-10, atol=1e-10)


WORDS = st.sampled_from(
    "lora_unet_block_lin base_model.model.block.lin block.lin block.conv unet.block.lin iolora_adapters lora_down"
    " lora_up lora_A lora_B lora_mid alpha dora_scale lora_magnitude_vector hada_w1_a hada_w1_b hada_w2_a hada_w2_b"
    " hada_t1 lokr_w1 lokr_w1_a lokr_w1_b lokr_w2 lokr_w2_a lokr_w2_b lokr_t2 a1 a2 b1 b2 diff diff_b w_norm"
    " lora_embedding_A lora_embedding_B peanut_A peanut_B input output weight A B m C D settings bias shift"
    " ioadapt.base_changes".split()
)
KEYS = st.lists(WORDS, min_size=1, max_size=5).map(".".join)
SHAPES = st.lists(st.integers(0, 7), max_size=4)
CODES = st.sampled_from(["F32", "F64", "F16", "BF16", "I64", "BOOL", "U8", "F8_E5M2", "F4", "C64", "X"])
SIMPLE = st.none() | st.booleans() | st.integers(-9, 99) | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(
    SIMPLE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=3)
)
HEADERS = [
    "ss_network_alpha", "ss_network_args", "lora_adapter_metadata", "ioadapt.layers", "ioadapt.base_changes",
    "ioadapt.version", "ioadapt.base", "made_by", "format",
]  # fmt: skip
OPTIONS = [
    "peft_type", "r", "lora_alpha", "alpha", "rank_pattern", "alpha_pattern", "placement_pattern", "use_rslora",
    "family", "placement", "format_version", "lora_dropout", "factor", "detach_norm", "trainable_token_indices",
    "lora_bias", "base_fingerprints", "base_model_name_or_path", "scaling", "depth", "act_fn", "layers",
    "weights", "version",
]  # fmt: skip
CONFIGS = st.dictionaries(st.sampled_from(OPTIONS), VALUES, max_size=6) | VALUES
TYPES = st.sampled_from(["LORA", "LOHA", "LOKR", "PEANUT", "IOLORA", None])
SIZE = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "BOOL": 1, "U8": 1, "F8_E5M2": 1, "F4": 1, "C64": 8, "X": 1}


def written(path: Path, tensors: dict[str, tuple[str, list[int]]], metadata: dict[str, str]) -> None:
    """A safetensors file whose header may say anything."""
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for key, (code, shape) in tensors.items():
        start, end = end, end + SIZE[code] * torch.Size(shape).numel()
        header[key] = {"dtype": code, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\x11" * end)


def outcome(path: Path, *, strict: bool) -> None:
    """An adapter, or one sentence and an untouched model."""
    model = net((4, 6), torch.float32)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        open_adapter(path).check()
        load(model, path, strict=strict, alter_base=not strict)
    except IoAdaptError:
        assert not layers(model)
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@settings(RULES, max_examples=FUZZ or 150)
@given(
    tensors=st.dictionaries(KEYS, st.tuples(CODES, SHAPES), max_size=6),
    metadata=st.dictionaries(st.sampled_from(HEADERS), VALUES.map(json.dumps) | st.text(max_size=9), max_size=3),
    config=CONFIGS,
    kind=TYPES,
    strict=st.booleans(),
)
@example({"block.lin.lokr_w1": ("F32", []), "block.lin.lokr_w2": ("F32", [3, 2])}, {}, {}, None, True)
@example(
    {"block.lin.a1": ("F32", [4, 2]), "block.lin.a2": ("F32", [2, 4]), "block.lin.b1": ("F32", [6, 2])},
    {},
    {},
    None,
    True,
)
@example({"x.lora_down": ("F32", [2, 4, 3])}, {"ss_network_args": '{"conv_alpha": []}'}, {}, None, False)
@example({"x.iolora_adapters.input.A": ("F32", [4, 2])}, {}, {"format_version": 1, "alpha_pattern": []}, "IOLORA", True)
@example({"block.lin.lora_embedding_A": ("F32", [2, 9, 1])}, {"ioadapt.base": "["}, [], "LORA", False)
def test_files_of_anything_are_one_sentence(tensors, metadata, config, kind, strict):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("adapter_model.safetensors" if kind else "file.safetensors")
        written(path, tensors, metadata)
        if kind:
            content = {**config, "peft_type": kind} if isinstance(config, dict) else config
            (path.parent / "adapter_config.json").write_text(json.dumps(content))
        outcome(path, strict=strict)


@settings(RULES, max_examples=FUZZ // 2 or 100)
@given(
    family=st.sampled_from([*FAMILIES]),
    placement=st.sampled_from(PLACEMENTS),
    data=st.data(),
)
def test_our_own_file_with_a_word_changed_is_one_sentence_or_an_adapter(family, placement, data):
    model = adapt(net((4, 6), torch.float32), target_modules=["lin"], family=family, placement=placement, rank=2)
    with tempfile.TemporaryDirectory() as folder:
        path = save(model, folder) / "ioadapt.safetensors"
        whole = path.read_bytes()
        (length,) = struct.unpack("<Q", whole[:8])
        header = json.loads(whole[8 : 8 + length])
        plans = json.loads(header["__metadata__"]["ioadapt.layers"])
        place = plans
        for _ in range(data.draw(st.integers(0, 3))):
            inner = [key for key, value in place.items() if isinstance(value, dict)]
            place = place[data.draw(st.sampled_from(inner))] if inner else place
        place[data.draw(st.sampled_from([*place]) | st.text(max_size=4))] = data.draw(VALUES)
        header["__metadata__"]["ioadapt.layers"] = json.dumps(plans)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + length :])
        outcome(path, strict=data.draw(st.booleans()))


def test_the_check_of_these_tests_can_fail(tmp_path, monkeypatch):
    def half(model: nn.Module, *_: object, **__: object) -> None:
        model["block"]["lin"].weight.data += 1
        msg = "too late"
        raise IoAdaptError(msg)

    path = save(adapt(net((4, 6), torch.float32), target_modules=["lin"]), tmp_path)
    outcome(path, strict=True)
    monkeypatch.setitem(globals(), "load", half)
    with pytest.raises(AssertionError):
        outcome(path, strict=True)
