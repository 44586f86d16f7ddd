"""Stability's names of a UNet's layers are translated as by diffusers' converter, at every depth."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.names.unet import PREFIX, blocks_in_diffusers, canonical, to_diffusers
from tests.adapters.foreign import quiet

RESNET = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3", "skip_connection"]
THEIRS = ["norm1", "conv1", "time_emb_proj", "norm2", "conv2", "conv_shortcut"]
ATTENTION = ["norm", "proj_in", "proj_out"]
TRANSFORMER = ["attn1.to_q", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2", "norm1"]

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "SD-1.5": ((2, 2, 2, 2), (1, 1, 1, 0)),
    "SD-XL": ((2, 2, 2), (0, 2, 10)),
    "BK-SDM tiny": ((1, 1, 1), (1, 1, 1)),
    "three layers a block": ((3, 3, 3, 3), (1, 0, 1, 1)),
}
Pairs = Iterator[tuple[str, str]]


def resnet(old: str, new: str) -> Pairs:
    yield from ((f"{old}.{a}", f"{new}.{b}") for a, b in zip(RESNET, THEIRS, strict=True))


def attention_of(old: str, new: str, depth: int) -> Pairs:
    """Yield the names of every layer of an attention module in both schemes; nothing if depth is 0."""
    parts = ATTENTION + [f"transformer_blocks.{i}.{p}" for i in range(depth) for p in TRANSFORMER]
    yield from ((f"{old}.{p}", f"{new}.{p}") for p in parts if depth)


def both(depths: Sequence[int], attention: Sequence[int]) -> Pairs:
    """Yield the names of every layer of a UNet in openaimodel.py and in unet_2d_condition.py."""
    yield from [("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2")]
    yield from [("input_blocks.0.0", "conv_in"), ("out.0", "conv_norm_out"), ("out.2", "conv_out")]
    n, last = 1, len(depths) - 1
    for level, depth in enumerate(depths):
        for i in range(depth):
            yield from resnet(f"input_blocks.{n}.0", f"down_blocks.{level}.resnets.{i}")
            yield from attention_of(f"input_blocks.{n}.1", f"down_blocks.{level}.attentions.{i}", attention[level])
            n += 1
        if level < last:
            yield f"input_blocks.{n}.0.op", f"down_blocks.{level}.downsamplers.0.conv"
            n += 1
    yield from resnet("middle_block.0", "mid_block.resnets.0")
    yield from attention_of("middle_block.1", "mid_block.attentions.0", 1)
    yield from resnet("middle_block.2", "mid_block.resnets.1")
    n = 0
    for block, level in enumerate(reversed(range(len(depths)))):
        for i in range(depths[level] + 1):
            yield from resnet(f"output_blocks.{n}.0", f"up_blocks.{block}.resnets.{i}")
            yield from attention_of(f"output_blocks.{n}.1", f"up_blocks.{block}.attentions.{i}", attention[level])
            if i == depths[level] and level > 0:
                yield f"output_blocks.{n}.{2 if attention[level] else 1}.conv", f"up_blocks.{block}.upsamplers.0.conv"
            n += 1


@pytest.mark.parametrize("prefix", [PREFIX, ""])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_s_keys_become_those_that_diffusers_own_converter_makes_of_them(shape, prefix):
    depths, attention = SHAPES[shape]
    keys = [f"{old}.{leaf}" for old, _ in both(depths, attention) for leaf in ("weight", "bias")]
    numbered = {f"{PREFIX}{key}": torch.tensor(i) for i, key in enumerate(keys)}
    theirs = quiet(lambda: convert_ldm_unet_checkpoint(numbered, {"layers_per_block": depths[0]}))
    made = {int(value): name for name, value in theirs.items() if value is not None}
    assert len(made) == len(keys)
    assert canonical([prefix + key for key in keys]) == {prefix + key: made[i] for i, key in enumerate(keys)}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_spelling_of_a_layer_finds_it_by_the_numbers_of_file_and_model(shape):
    pairs = dict(both(*SHAPES[shape]))
    keys = {f"{old}.weight": f"{new}.weight" for old, new in pairs.items()}
    assert canonical(keys) == keys
    blocks = blocks_in_diffusers(pairs.values())
    flat = {old.replace(".", "_"): new for old, new in pairs.items()}
    assert {old: to_diffusers(old, blocks, flat=True) for old in flat} == {
        old: new.replace(".", "_") for old, new in flat.items()
    }
    for modules, wanted in ((pairs.values(), pairs), (pairs, {new: old for old, new in pairs.items()})):
        names = {Name("unet", spelled): module for spelled, module in wanted.items()}
        assert resolve(names, modules).layers == {name: (module,) for name, module in names.items()}
    kohya = {Name("unet", old, flat=True): new for old, new in flat.items()}
    assert resolve(kohya, pairs.values()).layers == {name: (module,) for name, module in kohya.items()}


def test_a_layer_that_the_unet_does_not_have_is_not_another_one():
    pairs = dict(both((1, 1, 1), (1, 1, 1)))
    beyond = [
        Name("unet", f"{side}_blocks_{n}_1_transformer_blocks_0_attn1_to_q", flat=True)
        for side, n in (("input", 6), ("output", 6), ("input", 2), ("output", 11))
    ]
    assert resolve(beyond, pairs.values()).layers == {}
    assert blocks_in_diffusers(new for _, new in both((1, 2, 3), (1, 1, 1))) is None
    endless = ["input_blocks.1000000000.0.op.weight", "input_blocks.1.0.in_layers.0.weight"]
    uneven = [f"input_blocks.{n}.0.op.weight" for n in (3, 7)]
    for keys in (endless, uneven):
        assert canonical(keys) == {key: key for key in keys}
