"""Names determine kinds and blocks."""

from ioadapt_theory.checkpoints.names.kinds import KINDS, block, kind

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
