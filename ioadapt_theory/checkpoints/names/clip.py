"""CLIP text encoders inside single files: Stability's and OpenCLIP's names as transformers' names."""

import re
from collections.abc import Collection
from typing import Final

PREFIXES: Final = {
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0.", "text_encoders.clip_l."),
    "text_encoder_2": ("conditioner.embedders.1.", "text_encoders.clip_g."),
}
"""Component of a pipeline -> where single files of SD-1.x, 2.x and XL, and of SD3, keep it."""

_OPEN: Final = {
    "token_embedding": "embeddings.token_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final": "final_layer_norm",
}
_LAYER: Final = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_RESBLOCK: Final = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
_FUSED: Final = re.compile(r"attn\.in_proj[_.](weight|bias)")


def in_transformers(keys: Collection[str], encoder: str = "text_encoder") -> dict[str, tuple[str, ...]]:
    """Return stored name -> transformers' name for one encoder; three names where OpenCLIP has q, k and v in one.

    OpenCLIP's text_projection is the transpose of transformers', and keeps its name.
    """
    renamed: dict[str, tuple[str, ...]] = {}
    for prefix in PREFIXES[encoder]:
        for key in keys:
            if key.startswith(f"{prefix}transformer.text_model."):
                renamed[key] = (key.removeprefix(f"{prefix}transformer."),)
            elif key.startswith(f"{prefix}model.") and (names := _from_openclip(key.removeprefix(f"{prefix}model."))):
                renamed[key] = tuple(f"text_model.{name}" for name in names)
        if renamed:
            break
    return renamed


def _from_openclip(name: str) -> list[str]:
    if block := _RESBLOCK.fullmatch(name):
        layer = f"encoder.layers.{block[1]}"
        if fused := _FUSED.fullmatch(block[2]):
            return [f"{layer}.self_attn.{part}_proj.{fused[1]}" for part in "qkv"]
        return [f"{layer}.{new}{block[2][len(old) :]}" for old, new in _LAYER.items() if block[2].startswith(f"{old}.")]
    return [new + name[len(old) :] for old, new in _OPEN.items() if name == old or name.startswith(f"{old}.")]
