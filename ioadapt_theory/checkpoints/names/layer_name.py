"""Layer names: the component of a pipeline, the path in it, and the parts of names that wrappers add."""

import re
from dataclasses import dataclass
from typing import Final

from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.errors import UnknownNameError

PEFT_PREFIX: Final = "base_model.model."
INSIDE: Final = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"}
"""Name parts that torch.compile, FSDP, activation checkpointing and PEFT insert between a module and its children."""
AROUND: Final = (PEFT_PREFIX, "module.")
"""Prefixes that PEFT and DistributedDataParallel add to all names."""
KOHYA_AROUND: Final = ("text_model_", "model_", "transformer_")
"""Prefixes that names flattened by kohya may have before the names that the model uses."""

_COMPONENT: Final = re.compile(r"(unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior)\.(.+)")
_SGM: Final = {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
"""Layers of SD-XL that are written under Stability's names, since diffusers 0.42 ignores them under its own names."""


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a layer in a file.

    Attributes:
        component: the component of a pipeline ("unet", "text_encoder", ...), or "" if unknown.
        path: module name; with ``flat``, dots are replaced by underscores.
        flat: whether the name is flattened, as in kohya's files.
    """

    component: str
    path: str
    flat: bool = False

    def __str__(self) -> str:
        return f"{self.component}.{self.path}" if self.component else self.path


def layer_name(text: str) -> Name:
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
    """Return a layer's name as flattened by kohya: a prefix for the component, and underscores instead of dots."""
    prefixes = TABLES["kohya"]["written"]
    if component not in prefixes:
        raise UnknownNameError("component", component, prefixes.keys() - {""})
    if component.startswith("text_encoder") and name.startswith(("encoder.layers.", "embeddings.")):
        name = f"text_model.{name}"  # CLIP's prefix, which transformers 5 no longer uses; T5 has none
    if component == "unet":
        name = _SGM.get(name, name)
    return f"{prefixes[component]}_{name}".replace(".", "_")


def unwrapped(name: str) -> str:
    while around := next((prefix for prefix in AROUND if name.startswith(prefix)), None):
        name = name.removeprefix(around)
    return ".".join(part for part in name.split(".") if part not in INSIDE)
