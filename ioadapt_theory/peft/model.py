"""IOLORA's tuner, and loading of IOLORA adapters into models that are not PeftModels."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import peft
from peft.tuners.tuners_utils import BaseTuner
from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from torch import nn

from ioadapt_theory.adapters.guards import FUSING, fuse_projections
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.peft.config import IOLoraConfig
from ioadapt_theory.peft.layer import IOLoraLayer


class IOLoraModel(BaseTuner):
    """The PEFT tuner of IOLORA, which replaces a model's target modules with ``IOLoraLayer``."""

    prefix = "iolora_"
    tuner_layer_cls = IOLoraLayer
    target_module_mapping = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING  # type: ignore[assignment]

    def _create_and_replace(
        self,
        peft_config: Any,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        del parameter_name
        if isinstance(target, IOLoraLayer):
            layer = target
            layer.update_layer(adapter_name, current_key, peft_config)
        else:
            layer = IOLoraLayer(target, adapter_name, current_key, peft_config)
            if adapter_name not in self.active_adapters:
                layer.requires_grad_(False)
            self._replace_module(parent, target_name, layer, target)

    def inject_adapter(self, model: nn.Module, *args: Any, **kwargs: Any) -> None:
        """Inject adapters as PEFT does, and make diffusers' ``fuse_projections`` fail if it would drop an adapter."""
        super().inject_adapter(model, *args, **kwargs)
        for module in model.modules():
            for name in FUSING:
                if hasattr(type(module), name):
                    module.__dict__[name] = partial(fuse_projections, module, name=name)

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Raise UnsupportedError if ``adapter_names`` is given, which would silently be ignored."""
        del args
        if kwargs.get("adapter_names") is not None:
            msg = "IOLORA does not support adapter_names (one adapter per sample); choose one for all with set_adapter."
            raise UnsupportedError(msg)
        yield

    def add_weighted_adapter(self, *args: Any, **kwargs: Any) -> None:
        """Raise UnsupportedError."""
        msg = "IOLORA does not merge adapters into a new one; activate several with set_adapter([...]), or set_scale."
        raise UnsupportedError(msg)

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        marker = f".iolora_adapters.{adapter_name}."
        if marker in key:
            return key.replace(marker, ".iolora_adapters.")
        return str(super()._remove_adapter_name_from_key(key, adapter_name))


def load_adapter(model: nn.Module, folder: Path | str, adapter_name: str = "default") -> None:
    """Load a saved IOLORA adapter into a model that is not a PeftModel, such as a diffusers or transformers model.

    Raises:
        InvalidValueError: a tensor of the adapter is missing from the folder, or belongs to no layer of the model.

    Example:
        >>> import tempfile
        >>> import peft
        >>> from torch import nn
        >>> from ioadapt_theory.peft import IOLoraConfig, load_adapter
        >>> config = IOLoraConfig(target_modules=["0"], r=2, placement="input")
        >>> folder = tempfile.mkdtemp()
        >>> peft.get_peft_model(nn.Sequential(nn.Linear(16, 8)), config).save_pretrained(folder)
        >>> model = nn.Sequential(nn.Linear(16, 8))
        >>> load_adapter(model, folder)
        >>> type(model[0]).__name__
        'IOLoraLayer'
    """
    config = IOLoraConfig.from_pretrained(str(folder))
    put_on(model, config, peft.load_peft_weights(str(folder), device="cpu"), adapter_name, where=str(folder))


def put_on(model: nn.Module, config: Any, state: dict[str, Any], adapter_name: str, *, where: str) -> None:
    """Add an adapter with the tensors ``state`` to a model that is not a PeftModel; errors name ``where``."""
    peft.inject_adapter_in_model(config, model, adapter_name)
    if not hasattr(model, "peft_config"):
        model.peft_config = {}  # type: ignore[assignment]
    model.peft_config[adapter_name] = config  # type: ignore[operator, index]
    if hasattr(model, "_hf_peft_config_loaded"):  # how diffusers and transformers recognise an adapter
        model._hf_peft_config_loaded = True  # type: ignore[assignment]
    result: Any = peft.set_peft_model_state_dict(model, state, adapter_name=adapter_name)
    missing = [key for key in result.missing_keys if f"iolora_adapters.{adapter_name}." in key]
    if missing or result.unexpected_keys:
        wrong = (missing or result.unexpected_keys)[0]
        what = "is missing; save the adapter again, or" if missing else "is not for an adapted layer of this model;"
        msg = f"{where}: tensor {wrong} {what} load the adapter into a model like the one that it was trained on."
        raise InvalidValueError(msg)
