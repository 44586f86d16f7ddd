"""A plug-in for Hugging Face PEFT: importing this module registers the PEFT type IOLORA, without patching PEFT.

diffusers' training scripts save IOLORA like LoRA; to load the file, this module wraps diffusers' ``load_lora_adapter``.

    config = IOLoraConfig(target_modules=["q_proj", "o_proj"], r=8, placement="input")
    model = peft.get_peft_model(model, config)    # then save_pretrained, from_pretrained, merge_and_unload ...

See docs/coming_from_peft.md for the supported features of PEFT and diffusers. In a process that has not imported this
module, PEFT cannot load the adapter and fails with KeyError: 'IOLORA'. For users without this package, export the
adapter with ``formats.export`` as a baked LoRA for one base.
"""

from importlib.util import find_spec
from typing import Any

try:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING

    from ioadapt_theory.peft.config import IOLoraConfig, IOPeftType
    from ioadapt_theory.peft.layer import IOLoraLayer
    from ioadapt_theory.peft.model import IOLoraModel, load_adapter
except ImportError as error:
    if error.name != "peft" and not (error.name or "").startswith("peft."):
        raise
    from ioadapt_theory.errors import MissingExtraError

    raise MissingExtraError("peft", "peft") from None

_kind: Any = IOPeftType.IOLORA
PEFT_TYPE_TO_PREFIX_MAPPING[_kind] = IOLoraModel.prefix
PEFT_TYPE_TO_CONFIG_MAPPING[_kind] = IOLoraConfig
PEFT_TYPE_TO_TUNER_MAPPING[_kind] = IOLoraModel
if find_spec("diffusers"):
    from ioadapt_theory.peft import diffusers

    diffusers.register()

__all__ = ["IOLoraConfig", "IOLoraLayer", "IOLoraModel", "IOPeftType", "load_adapter"]
