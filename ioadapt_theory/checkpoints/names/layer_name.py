"""A layer as a file or a model names it: component of a pipeline, path, and what wraps a model without changing it."""

import re
from dataclasses import dataclass
from typing import Final

from ioadapt_theory.checkpoints.names import kohya

PEFT_PREFIX: Final = "base_model.model."
INSIDE: Final = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"}
"""Parts of a path that torch.compile, FSDP, activation checkpoints and PEFT put between a module and its parts."""
AROUND: Final = (PEFT_PREFIX, "module.")
"""What PEFT and DistributedDataParallel put before all names."""

DOTTED: Final = re.compile(r"(unet|transformer(?:_2)?|text_encoder(?:_[23])?|prior)\.(.+)")
COMFY: Final = {
    "model.diffusion_model.": "unet",
    "diffusion_model.": "unet",
    "text_encoders.clip_l.transformer.": "text_encoder",
    "text_encoders.clip_g.transformer.": "text_encoder_2",
    "text_encoders.t5xxl.transformer.": "text_encoder_3",
}
"""How ComfyUI calls the components."""


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
    for prefix in sorted(kohya.READ, key=len, reverse=True):
        if text.startswith(f"{prefix}_") and "." not in text:
            return Name(kohya.READ[prefix], text.removeprefix(f"{prefix}_"), flat=True)
    for prefix, component in COMFY.items():
        if text.startswith(prefix):
            return Name(component, text.removeprefix(prefix))
    if dotted := DOTTED.fullmatch(text):
        return Name(dotted[1], dotted[2])
    return Name("", text)


def unwrapped(name: str) -> str:
    """Return the name without what PEFT, torch.compile and parallel training put around and inside a model."""
    while around := next((prefix for prefix in AROUND if name.startswith(prefix)), None):
        name = name.removeprefix(around)
    return ".".join(part for part in name.split(".") if part not in INSIDE)
