"""Stability's names of a UNet's layers are translated as by diffusers' converter, at every depth."""

from collections.abc import Iterator

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.names.unet import PREFIX, blocks_in_diffusers, canonical, to_diffusers
from tests.adapters.foreign import quiet

RESNET = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3", "skip_connection"]
ATTENTION = ["norm", "proj_in", "proj_out"]
TRANSFORMER = ["attn1.to_q", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2", "norm1"]

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "SD-1.5": ((2, 2, 2, 2), (1, 1, 1, 0)),
    "SD-XL": ((2, 2, 2), (0, 2, 10)),
    "BK-SDM tiny": ((1, 1, 1), (1, 1, 1)),
    "three layers a block": ((3, 3, 3, 3), (1, 0, 1, 1)),
}


def resnet(name: str) -> list[str]:
    return [f"{name}.{part}" for part in RESNET]


def attention_of(name: str, depth: int) -> list[str]:
    """Return the names of all layers of an attention module; none if depth is 0."""
    parts = ATTENTION + [f"transformer_blocks.{i}.{p}" for i in range(depth) for p in TRANSFORMER]
    return [f"{name}.{part}" for part in parts if depth]


def in_stability(shape: str) -> Iterator[str]:
    """Yield the names of all layers of a UNet in openaimodel.py."""
    yield from ("time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2")
    depths, attention = SHAPES[shape]
    n = 1
    for level, depth in enumerate(depths):
        for _ in range(depth):
            yield from (*resnet(f"input_blocks.{n}.0"), *attention_of(f"input_blocks.{n}.1", attention[level]))
            n += 1
        if level < len(depths) - 1:
            yield f"input_blocks.{n}.0.op"
            n += 1
    yield from (*resnet("middle_block.0"), *attention_of("middle_block.1", 1), *resnet("middle_block.2"))
    n = 0
    for level in reversed(range(len(depths))):
        for _ in range(depths[level] + 1):
            yield from (*resnet(f"output_blocks.{n}.0"), *attention_of(f"output_blocks.{n}.1", attention[level]))
            n += 1
        if level > 0:
            yield f"output_blocks.{n - 1}.{2 if attention[level] else 1}.conv"


def converted(shape: str) -> dict[str, str]:
    """Return the names of all tensors of a UNet, each with the name that diffusers' own converter makes of it."""
    keys = [f"{name}.{leaf}" for name in in_stability(shape) for leaf in ("weight", "bias")]
    numbered = {f"{PREFIX}{key}": torch.tensor(i) for i, key in enumerate(keys)}
    theirs = quiet(lambda: convert_ldm_unet_checkpoint(numbered, {"layers_per_block": SHAPES[shape][0][0]}))
    made = {keys[int(i)]: name for name, i in theirs.items() if i is not None}
    assert made.keys() == {*keys}
    return made


def of_layers(tensors: dict[str, str]) -> dict[str, str]:
    return {old.rpartition(".")[0]: new.rpartition(".")[0] for old, new in tensors.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_spelling_of_a_layer_finds_it_by_the_numbers_of_file_and_model(shape):
    keys = converted(shape)
    for prefix in (PREFIX, ""):
        prefixed = {prefix + old: new for old, new in keys.items()}
        assert canonical(prefixed) == prefixed
    pairs = of_layers(keys)
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
    modules = of_layers(converted("BK-SDM tiny")).values()
    beyond = [
        Name("unet", f"{side}_blocks_{n}_1_transformer_blocks_0_attn1_to_q", flat=True)
        for side, n in (("input", 6), ("output", 6), ("input", 2), ("output", 11))
    ]
    assert resolve(beyond, modules).layers == {}
    assert blocks_in_diffusers([*modules, "down_blocks.1.resnets.1.conv1"]) is None
    endless = ["input_blocks.1000000000.0.op.weight", "input_blocks.1.0.in_layers.0.weight"]
    uneven = [f"input_blocks.{n}.0.op.weight" for n in (3, 7)]
    for keys in (endless, uneven):
        assert canonical(keys) == {key: key for key in keys}
