"""FLUX.1's and FLUX.2's layers as their authors and as XLabs name them, in diffusers' terms."""

import re
from typing import Final

from ioadapt_theory.checkpoints.names.sd3 import ADDED, EMBED, SPLIT, T

S: Final = "single_transformer_blocks.N"
GUIDED: Final = "time_guidance_embed"

FLUX: Final[dict[str, tuple[str, ...]]] = {
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
}
"""Original name -> what it is in diffusers, by generation: the first of which the model has all. N is a number."""

FLUX_NORMS: Final = {
    **{
        f"double_blocks.N.{stream}_attn.norm.{which}_norm.scale": f"{T}.attn.norm_{added}{which[0]}.weight"
        for stream, added in (("img", ""), ("txt", "added_"))
        for which in ("query", "key")
    },
    **{f"single_blocks.N.norm.{w}_norm.scale": f"{S}.attn.norm_{w[0]}.weight" for w in ("query", "key")},
}
"""The same for what is no layer."""

_XLABS: Final = re.compile(r"(double|single)(_blocks\.\d+)\.processor\.(qkv|proj)_lora([12]?)\.(down|up)\b")


def without_xlabs(key: str) -> str:
    """Replace XLabs' processors by the names of the layers that they act on; 1 is the image, 2 the text."""

    def layer(match: re.Match[str]) -> str:
        kind, block, which, stream, part = match.groups()
        if kind == "double":
            name = f"{'img' if stream == '1' else 'txt'}_attn.{which}"
        else:
            name = "qkv" if which == "qkv" else "linear2"
        return f"{kind}{block}.{name}.lora.{part}"

    return _XLABS.sub(layer, key)
