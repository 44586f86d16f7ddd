"""A layer as a file or a model names it: component of a pipeline, path, and what wraps a model without changing it."""

import re
from dataclasses import dataclass
from typing import Final

from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.errors import UnknownNameError

PEFT_PREFIX: Final = "base_model.model."
INSIDE: Final = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"}
"""Parts of a path that torch.compile, FSDP, activation checkpoints and PEFT put between a module and its parts."""
AROUND: Final = (PEFT_PREFIX, "module.")
"""Prefixes that PEFT and DistributedDataParallel put before all names."""
KOHYA_AROUND: Final = ("text_model_", "model_", "transformer_")
"""Prefixes that a name which kohya flattened may have before the names of the model."""

_COMPONENT: Final = re.compile(r"(unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior)\.(.+)")
_SGM: Final = {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
"""Layers of SD-XL that are written in Stability's name: diffusers 0.42 loses them under its own."""


@dataclass(frozen=True, slots=True)
class Name:
    """A layer as a file names it.

    Attributes:
        component: of a pipeline ("unet", "text_encoder", ...), "" where the file does not say.
        path: module name; with ``flat``, underscores stand where the dots were.
        flat: as in kohya's files.
    """

    component: str
    path: str
    flat: bool = False

    def __str__(self) -> str:
        return f"{self.component}.{self.path}" if self.component else self.path


def layer_name(text: str) -> Name:
    """Split the component off a layer's name."""
    if text.startswith(PEFT_PREFIX):
        return Name("", text.removeprefix(PEFT_PREFIX))
    for prefix, component in TABLES["kohya"]["read"].items():
        if text.startswith(f"{prefix}_") and "." not in text:
            return Name(component, text.removeprefix(f"{prefix}_"), flat=True)
    for prefix, component in TABLES["comfy"].items():
        if text.startswith(prefix):
            return Name(component, text.removeprefix(prefix))
    if dotted := _COMPONENT.fullmatch(text):
        return Name(dotted[1], dotted[2])
    return Name("", text)


def flat(component: str, name: str) -> str:
    """Return a layer's name as kohya flattens it: a prefix for the component, and underscores where the dots were."""
    prefixes = TABLES["kohya"]["written"]
    if component not in prefixes:
        raise UnknownNameError("component", component, prefixes.keys() - {""})
    if component.startswith("text_encoder") and name.startswith(("encoder.layers.", "embeddings.")):
        name = f"text_model.{name}"  # of CLIP, which transformers 5 has dropped from its own names; T5 has none
    if component == "unet":
        name = _SGM.get(name, name)
    return f"{prefixes[component]}_{name}".replace(".", "_")


def unwrapped(name: str) -> str:
    """Return the name without what PEFT, torch.compile and parallel training put around and inside a model."""
    while around := next((prefix for prefix in AROUND if name.startswith(prefix)), None):
        name = name.removeprefix(around)
    return ".".join(part for part in name.split(".") if part not in INSIDE)
