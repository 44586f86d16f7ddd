"""The text encoders inside single-file checkpoints: where they are, and their tensors under transformers' names."""

import re
from collections.abc import Collection
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, Ranges, View
from ioadapt_theory.checkpoints.names import TABLES

PREFIXES: Final = {
    "cond_stage_model.transformer.": "text_encoder",
    "cond_stage_model.model.": "text_encoder",
    "conditioner.embedders.0.transformer.": "text_encoder",
    "conditioner.embedders.1.model.": "text_encoder_2",
    **{prefix: component for prefix, component in TABLES["comfy"].items() if component != "unet"},
}
"""Prefix of a text encoder's tensors in a single file of SD 1.x, 2.x, SDXL, SD 3.5 or FLUX -> component."""

OPEN_CLIP: Final = (
    ("transformer.resblocks.", "text_model.encoder.layers."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".c_fc.", ".fc1."),
    (".c_proj.", ".fc2."),
    (".attn.", ".self_attn."),
    ("token_embedding.", "text_model.embeddings.token_embedding."),
    ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    ("ln_final.", "text_model.final_layer_norm."),
)
PROJECTION: Final = "text_projection"
"""OpenCLIP's projection, which it stores transposed; it keeps this name."""


def encoders(names: Collection[str]) -> dict[str, str]:
    """Return component -> prefix for the text encoders in a file with these tensors."""
    found = {c: prefix for prefix, c in PREFIXES.items() if any(n.startswith(prefix) for n in names)}
    if "text_encoder_3" in found and "text_encoder_2" not in found:  # FLUX has CLIP-L and T5
        found["text_encoder_2"] = found.pop("text_encoder_3")
    return found


def encoder(whole: Checkpoint, component: str) -> View | None:
    """Return a text encoder in a single file under transformers' names, or None if the file does not have it."""
    prefix = encoders(whole.tensors).get(component)
    if prefix is None:
        return None
    origins = dict[str, tuple[Checkpoint, str, Ranges | None]]()
    for key, info in whole.tensors.items():
        if not key.startswith(prefix):
            continue
        name = key.removeprefix(prefix)
        if prefix.endswith(".model."):
            for theirs, ours in OPEN_CLIP:
                name = name.replace(theirs, ours)
        if fused := re.fullmatch(r"(.+)\.in_proj_(weight|bias)", name):
            width = info.shape[0] // 3
            for i, which in enumerate("qkv"):
                origins[f"{fused[1]}.{which}_proj.{fused[2]}"] = whole, key, [(i * width, (i + 1) * width)]
        else:
            origins[name] = whole, key, None
    return View(component, f"{whole.source}:{component}", origins)
