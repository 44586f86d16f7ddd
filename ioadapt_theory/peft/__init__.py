"""The plug-in for Hugging Face PEFT: importing this module registers IOLORA with PEFT, without patching PEFT.

diffusers' training scripts save it as they save a LoRA, and ``load_lora_adapter``, which is wrapped for that, reads it.

    config = IOLoraConfig(target_modules=["q_proj", "o_proj"], r=8, placement="input")
    model = peft.get_peft_model(model, config)    # then save_pretrained, from_pretrained, merge_and_unload ...

Families, placements and their mathematics are those of this package; here is only what PEFT wants around them. What of
PEFT and diffusers works, and what is refused, is in docs/coming_from_peft.md. A process that has not imported this
module does not know IOLORA, and PEFT then fails with KeyError: for such users write PEANUT (output) or a baked LoRA
(any placement, for a named base), both in ``formats.export``.
"""

from importlib.util import find_spec

try:
    from ioadapt_theory.peft.config import IOLoraConfig, IOPeftType
    from ioadapt_theory.peft.layer import IOLoraLayer
    from ioadapt_theory.peft.model import IOLoraModel, load_adapter, register
except ImportError as error:
    if error.name != "peft" and not (error.name or "").startswith("peft."):
        raise
    from ioadapt_theory.errors import MissingExtraError

    raise MissingExtraError("peft", "peft") from None

register()
if find_spec("diffusers"):
    from ioadapt_theory.peft import diffusers

    diffusers.register()

__all__ = ["IOLoraConfig", "IOLoraLayer", "IOLoraModel", "IOPeftType", "load_adapter"]
