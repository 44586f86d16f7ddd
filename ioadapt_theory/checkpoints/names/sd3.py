"""SD3's and SD3.5's layers as their authors name them, in diffusers' terms."""

from typing import Final

T: Final = "transformer_blocks.N"
SPLIT: Final = f"{T}.attn.to_q {T}.attn.to_k {T}.attn.to_v"
ADDED: Final = f"{T}.attn.add_q_proj {T}.attn.add_k_proj {T}.attn.add_v_proj"
EMBED: Final = "time_text_embed"

SD3: Final[dict[str, tuple[str, ...]]] = {
    "joint_blocks.N.x_block.attn.qkv": (f"{T}.attn.to_qkv", SPLIT),
    "joint_blocks.N.context_block.attn.qkv": (f"{T}.attn.to_added_qkv", ADDED),
    "joint_blocks.N.x_block.attn2.qkv": (SPLIT.replace(".attn.", ".attn2."),),
    "joint_blocks.N.x_block.attn.proj": (f"{T}.attn.to_out.0",),
    "joint_blocks.N.x_block.attn2.proj": (f"{T}.attn2.to_out.0",),
    "joint_blocks.N.context_block.attn.proj": (f"{T}.attn.to_add_out",),
    "joint_blocks.N.x_block.mlp.fc1": (f"{T}.ff.net.0.proj",),
    "joint_blocks.N.x_block.mlp.fc2": (f"{T}.ff.net.2",),
    "joint_blocks.N.context_block.mlp.fc1": (f"{T}.ff_context.net.0.proj",),
    "joint_blocks.N.context_block.mlp.fc2": (f"{T}.ff_context.net.2",),
    "joint_blocks.N.x_block.adaLN_modulation.1": (f"{T}.norm1.linear",),
    "joint_blocks.N.context_block.adaLN_modulation.1": (f"{T}.norm1_context.linear",),
    "x_embedder.proj": ("pos_embed.proj",),
    "t_embedder.mlp.0": (f"{EMBED}.timestep_embedder.linear_1",),
    "t_embedder.mlp.2": (f"{EMBED}.timestep_embedder.linear_2",),
    "y_embedder.mlp.0": (f"{EMBED}.text_embedder.linear_1",),
    "y_embedder.mlp.2": (f"{EMBED}.text_embedder.linear_2",),
}
"""Original name -> what it is in diffusers, by generation: the first of which the model has all. N is a number."""

SD3_NORMS: Final = {
    "pos_embed": "pos_embed.pos_embed",
    **{
        f"joint_blocks.N.{block}_block.{attention}.ln_{w}.weight": f"{T}.{attention}.norm_{added}{w}.weight"
        for block, attention, added in (("x", "attn", ""), ("context", "attn", "added_"), ("x", "attn2", ""))
        for w in "qk"
    },
}
"""The same for what is no layer."""
