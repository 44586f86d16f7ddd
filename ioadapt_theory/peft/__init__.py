"""The plug-in for Hugging Face PEFT: importing this module makes PEFT know IOLORA; nothing of PEFT is patched.

diffusers' training scripts save it as they save a LoRA, and ``load_lora_adapter``, which is wrapped for that, reads it.

    config = IOLoraConfig(target_modules=["q_proj", "o_proj"], r=8, placement="input")
    model = peft.get_peft_model(model, config)    # then save_pretrained, from_pretrained, merge_and_unload ...

Families, placements and their mathematics are those of this package; here is only what PEFT wants around them. Limits:

- A process that has not imported this module does not know IOLORA: PEFT then fails with KeyError. For such users write
  PEANUT (output) or a baked LoRA (any placement, for a named base), both in ``formats.export``.
- ``mixed=True``, ``adapter_names``, ``add_weighted_adapter``, PEFT's own hotswapping (diffusers' works) and LoRA
  conversion are not supported.
- On diffusers' models use ``load_adapter`` below for PEFT's folders (``add_adapter``, ``set_adapters``, ``fuse_lora``
  work); their ``load_lora_adapter`` knows IOLORA only where this module is imported.
- Merging needs a plain weight: quantised layers and layers that another PEFT method wraps run unmerged.
- Adapters active together act one after the other, the first next to the layer; their changes do not simply add.
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
