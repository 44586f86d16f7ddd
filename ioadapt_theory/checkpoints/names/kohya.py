"""kohya's names of layers: the component of a pipeline as a prefix, and underscores where the dots were."""

from typing import Final

from ioadapt_theory.errors import UnknownNameError

READ: Final = {
    "lora_unet": "unet",
    "lora_te": "text_encoder",
    "lora_te1": "text_encoder",
    "lora_te2": "text_encoder_2",
    "lora_te3": "text_encoder_3",
    "lora_transformer": "transformer",
    "lora_prior_unet": "prior",
    "lycoris": "",
}
"""Prefix -> component of a pipeline ("" where the file does not say)."""

WRITTEN: Final = {
    "": "lycoris",
    "unet": "lora_unet",
    "transformer": "lora_transformer",
    "text_encoder": "lora_te",  # the only one, as in SD-1.x and 2.x
    "text_encoder_1": "lora_te1",  # the first of several, as in SD-XL
    "text_encoder_2": "lora_te2",
    "text_encoder_3": "lora_te3",
}
"""Component -> prefix."""

WRAPPERS: Final = ("text_model_", "model_", "transformer_")
"""What a flattened name may have before the names of the model."""


_SGM: Final = {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
"""Layers of SD-XL that are written in Stability's name: diffusers 0.42 loses them under its own."""


def flat(component: str, name: str) -> str:
    """Return a layer's name as kohya flattens it.

    Raises:
        UnknownNameError: a component that kohya has no prefix for.
    """
    if component not in WRITTEN:
        raise UnknownNameError("component", component, WRITTEN.keys() - {""})
    if component.startswith("text_encoder") and name.startswith(("encoder.layers.", "embeddings.")):
        name = f"text_model.{name}"  # of CLIP, which transformers 5 has dropped from its own names; T5 has none
    if component == "unet":
        name = _SGM.get(name, name)
    return f"{WRITTEN[component]}_{name}".replace(".", "_")
