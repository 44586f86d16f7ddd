"""Names of the authors' own code in diffusers' terms: Stability's UNet, FLUX and SD3.

Where the original has one layer and diffusers several (q, k, v; in FLUX's single blocks also the MLP), its adapter is
cut into outputs, see ``cutting``.
"""

import itertools
import re
from collections.abc import Iterator

T, S = "transformer_blocks.N", "single_transformer_blocks.N"
SPLIT = f"{T}.attn.to_q {T}.attn.to_k {T}.attn.to_v"
ADDED = f"{T}.attn.add_q_proj {T}.attn.add_k_proj {T}.attn.add_v_proj"
EMBED, GUIDED = "time_text_embed", "time_guidance_embed"

TRANSFORMERS: dict[str, tuple[str, ...]] = {
    # FLUX.1 and FLUX.2
    "double_blocks.N.img_attn.qkv": (f"{T}.attn.to_qkv", SPLIT),
    "double_blocks.N.txt_attn.qkv": (f"{T}.attn.to_added_qkv", ADDED),
    "double_blocks.N.img_attn.proj": (f"{T}.attn.to_out.0",),
    "double_blocks.N.txt_attn.proj": (f"{T}.attn.to_add_out",),
    "double_blocks.N.img_mlp.0": (f"{T}.ff.net.0.proj", f"{T}.ff.linear_in"),
    "double_blocks.N.img_mlp.2": (f"{T}.ff.net.2", f"{T}.ff.linear_out"),
    "double_blocks.N.txt_mlp.0": (f"{T}.ff_context.net.0.proj", f"{T}.ff_context.linear_in"),
    "double_blocks.N.txt_mlp.2": (f"{T}.ff_context.net.2", f"{T}.ff_context.linear_out"),
    "double_blocks.N.img_mod.lin": (f"{T}.norm1.linear",),
    "double_blocks.N.txt_mod.lin": (f"{T}.norm1_context.linear",),
    "single_blocks.N.linear1": (
        f"{S}.attn.to_qkv_mlp_proj",
        f"{S}.attn.to_q {S}.attn.to_k {S}.attn.to_v {S}.proj_mlp",
    ),
    "single_blocks.N.linear2": (f"{S}.proj_out", f"{S}.attn.to_out"),
    "single_blocks.N.qkv": (f"{S}.attn.to_q {S}.attn.to_k {S}.attn.to_v",),  # of XLabs: linear1 without the MLP
    "single_blocks.N.modulation.lin": (f"{S}.norm.linear",),
    "img_in": ("x_embedder",),
    "txt_in": ("context_embedder",),
    **{
        f"{theirs}.{layer}": tuple(f"{where}.{ours}.linear_{i}" for where in (EMBED, GUIDED))
        for theirs, ours in (
            ("time_in", "timestep_embedder"),
            ("vector_in", "text_embedder"),
            ("guidance_in", "guidance_embedder"),
        )
        for i, layer in ((1, "in_layer"), (2, "out_layer"))
    },
    **{
        f"{name}.lin": (f"{name}.linear",)
        for name in ("double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation")
    },
    # SD3 and SD3.5
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
    # both
    "final_layer.linear": ("proj_out",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}
"""Original name -> what it is in diffusers, by generation: the first of which the model has all. N is a number."""

SWAPPED = "adaLN_modulation"
"""Two halves, shift and scale, which diffusers has the other way round (not so where there are six or nine parts)."""

_BY_FLAT_NAME = {name.replace(".", "_").replace("_N_", "_#_"): name for name in TRANSFORMERS}


def in_diffusers(path: str) -> Iterator[tuple[str, ...]]:
    """What a layer of an original FLUX or SD3 may be called in diffusers; ``path`` may be flattened."""
    numbers = re.findall(r"blocks[._](\d+)[._]", path)
    flat = re.sub(r"(blocks)[._]\d+[._]", r"\1_#_", path).replace(".", "_")
    if flat in _BY_FLAT_NAME:
        for target in TRANSFORMERS[_BY_FLAT_NAME[flat]]:
            yield tuple(re.sub(r"\bN\b", numbers[0] if numbers else "", target).split())


def ranges(path: str, inputs: int, outputs: int, parts: int) -> list[list[tuple[int, int]]]:
    """Which outputs of the original layer each of its parts in diffusers has, in order."""
    match parts:
        case 1 if SWAPPED in path and outputs == 2 * inputs:
            return [[(inputs, outputs), (0, inputs)]]
        case 1:
            return [[(0, outputs)]]
        case 3:
            ends = [outputs * i // 3 for i in range(4)]
        case _:  # q, k and v of the width of the stream, and the MLP
            ends = [0, inputs, 2 * inputs, 3 * inputs, outputs]
    return [[(start, stop)] for start, stop in itertools.pairwise(ends)]


UNET_TOP = {
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
    "input_blocks_0_0": "conv_in",
    "out_2": "conv_out",
}
UNET_RESNET = {
    "in_layers_2": "conv1",
    "out_layers_3": "conv2",
    "emb_layers_1": "time_emb_proj",
    "skip_connection": "conv_shortcut",
}


def sgm_to_diffusers(flat: str) -> str:
    """The flattened name of Stability's UNet (two resnets a block, as SD-1.x, 2.x and XL) in diffusers' terms."""
    if flat in UNET_TOP:
        return UNET_TOP[flat]
    match = re.fullmatch(r"(input_blocks|output_blocks)_(\d+)_(\d)_(.+)|middle_block_(\d)_(.+)", flat)
    if match is None:
        return flat
    side, index, slot, rest, middle, inner = match.groups()
    if middle is not None:
        place, rest = ("mid_block_attentions_0" if middle == "1" else f"mid_block_resnets_{int(middle) // 2}"), inner
    elif side == "input_blocks":
        block, place_in = divmod(int(index) - 1, 3)
        if place_in == 2:
            return f"down_blocks_{block}_downsamplers_0_{'conv' if rest == 'op' else rest}"
        place = f"down_blocks_{block}_{'attentions' if slot == '1' else 'resnets'}_{place_in}"
    else:
        block, place_in = divmod(int(index), 3)
        if rest == "conv":
            return f"up_blocks_{block}_upsamplers_0_conv"
        place = f"up_blocks_{block}_{'attentions' if slot == '1' else 'resnets'}_{place_in}"
    return f"{place}_{UNET_RESNET.get(rest, rest)}"
