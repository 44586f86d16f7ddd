"""LDM names are translated to diffusers' names, and names determine kinds and blocks."""

from ioadapt_theory.checkpoints.names.kinds import KINDS, block, kind
from ioadapt_theory.checkpoints.names.unet import PREFIX, canonical
from tests.similarity.models import rows


def test_all_686_ldm_names_become_those_that_the_converter_of_diffusers_gives():
    expected = {PREFIX + row["ldm"]: row["name"] for row in rows() if row["ldm"] != "-"}
    assert len(expected) == 686
    assert canonical(expected) == expected
    bare = {name.removeprefix(PREFIX): new for name, new in expected.items()}
    assert canonical(bare) == bare
    assert canonical([*expected, "first_stage_model.x.weight"])["first_stage_model.x.weight"]


def test_the_layers_a_block_are_read_off_the_file_and_other_models_keep_their_names():
    keys = [f"{PREFIX}input_blocks.{n}.0.op.weight" for n in (2, 4, 6)]
    keys.append(f"{PREFIX}output_blocks.3.0.in_layers.2.weight")
    assert canonical(keys)[keys[0]] == "down_blocks.0.downsamplers.0.conv.weight"
    assert canonical(keys)[keys[-1]] == "up_blocks.1.resnets.1.conv1.weight"
    uneven = [f"{PREFIX}input_blocks.{n}.0.op.weight" for n in (3, 7)]
    other = ["model.layers.0.mlp.up_proj.weight"]
    assert (canonical(uneven), canonical(other)) == ({k: k for k in uneven}, {k: k for k in other})


KIND_OF = {
    ("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight", 2): "attn1",
    ("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0.bias", 1): "bias",
    ("down_blocks.0.attentions.0.transformer_blocks.0.norm1.bias", 1): "norm",
    ("down_blocks.0.resnets.0.conv1.weight", 4): "conv",
    ("down_blocks.0.resnets.0.time_emb_proj.weight", 2): "time",
    ("transformer_blocks.0.norm1.linear.weight", 2): "other",
    ("transformer_blocks.0.ff_context.net.2.weight", 2): "ff",
    ("model.layers.0.self_attn.q_proj.weight", 2): "attn",
    ("model.embed_tokens.weight", 2): "embed",
    ("bond_embedding.weight", 2): "other",
}


def test_the_kind_and_the_block_are_told_by_the_name():
    assert {key: kind(*key) for key in KIND_OF} == KIND_OF
    assert {*KIND_OF.values()} <= {*KINDS}
    names = ("down_blocks.0.resnets.1.conv1.weight", "mid_block.attentions.0.norm.weight", "conv_in.weight", "0")
    assert [block(name) for name in names] == ["down_blocks.0", "mid_block", "conv_in", "0"]
