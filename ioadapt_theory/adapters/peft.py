"""The plug-in for Hugging Face PEFT: importing this module makes PEFT know IOLORA; nothing of PEFT is patched.

    config = IOLoraConfig(target_modules=["q_proj", "o_proj"], r=8, placement="input")
    model = peft.get_peft_model(model, config)    # then save_pretrained, from_pretrained, merge_and_unload ...

Families, placements and their mathematics are those of this package; here is only what PEFT wants around them. Limits:

- A process that has not imported this module does not know IOLORA: PEFT then fails with KeyError. For such users write
  PEANUT (output) or a baked LoRA (any placement, for a named base) with ``formats.writing``.
- ``mixed=True``, hotswapping and LoRA conversion are not supported; diffusers' ``load_lora_adapter`` reads LoRA keys
  only, so use ``load_adapter`` below (``add_adapter``, ``set_adapters``, ``fuse_lora`` work).
- Merging needs a plain weight: quantised layers and layers that another PEFT method wraps run unmerged.
- Adapters active together act one after the other, the first next to the layer; their changes do not simply add.
"""

import enum
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.layers import Adapter
from ioadapt_theory.adapters.operators import operator
from ioadapt_theory.adapters.placement import Placed
from ioadapt_theory.errors import InvalidValueError, MissingExtraError

try:
    import peft
    from peft.config import PeftConfig
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING
    from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer, check_adapters_to_merge
except ImportError:
    raise MissingExtraError("peft", "peft") from None

FORMAT_VERSION = 1


class IOPeftType(str, enum.Enum):  # noqa: UP042  (PEFT compares it as PEFT's own, which is of this form)
    """PEFT's own enumeration is closed."""

    IOLORA = "IOLORA"


@dataclass
class IOLoraConfig(PeftConfig):
    """``AdapterConfig`` under PEFT's names.

    Attributes:
        r: rank; for a sum of placements one for all parts, or one for each.
        lora_alpha: scaling is lora_alpha / r; None means r.
        target_modules, exclude_modules, modules_to_save: as in LoraConfig.
        layers_to_transform, layers_pattern: as in LoraConfig.
        init_weights: "default", "gaussian" or "random".
        format_version: of what is saved.
        family, placement, lora_dropout, use_rslora, detach_norm, factor: see ``AdapterConfig``.
        placement_pattern, rank_pattern, alpha_pattern: see ``AdapterConfig``.

    Raises:
        InvalidValueError: a value outside its limits, or a format_version of the future.
    """

    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    family: str = "lora"
    placement: str = "input"
    r: int | list[int] = 8
    lora_alpha: float | list[float] | None = None
    use_rslora: bool = False
    lora_dropout: float = 0.0
    init_weights: str = "default"
    detach_norm: bool = True
    factor: int = -1
    rank_pattern: dict[str, Any] = field(default_factory=dict)
    alpha_pattern: dict[str, Any] = field(default_factory=dict)
    placement_pattern: dict[str, str] = field(default_factory=dict)
    modules_to_save: list[str] | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        """Check the options, as far as that needs no model."""
        super().__post_init__()  # type: ignore[no-untyped-call]
        self.peft_type = IOPeftType.IOLORA
        if self.format_version != FORMAT_VERSION:
            msg = f"format_version is {self.format_version!r}, this package knows {FORMAT_VERSION}: use a newer one."
            raise InvalidValueError(msg)
        if isinstance(self.target_modules, list):
            self.target_modules = set(self.target_modules)  # type: ignore[assignment]  # as PEFT's own configs do
        if isinstance(self.exclude_modules, list):
            self.exclude_modules = set(self.exclude_modules)  # type: ignore[assignment]
        self.options()

    def options(self) -> AdapterConfig:
        """The same as our configuration; which modules are meant is left to PEFT."""
        return AdapterConfig(
            target_modules=(),
            family=self.family,
            placement=self.placement,
            rank=self.r,
            alpha=self.lora_alpha,
            use_rslora=self.use_rslora,
            rank_pattern=self.rank_pattern,
            alpha_pattern=self.alpha_pattern,
            placement_pattern=self.placement_pattern,
            dropout=self.lora_dropout,
            init=self.init_weights,
            detach_norm=self.detach_norm,
            factor=self.factor,
        )


class IOLoraLayer(nn.Module, BaseTunerLayer):
    """Any layer that ``operator`` knows, under named adapters of ours."""

    adapter_layer_names = ("iolora_adapters",)
    other_param_names = ("scaling",)

    def __init__(self, base_layer: nn.Module, adapter_name: str, key: str, config: IOLoraConfig) -> None:
        """``key`` is the layer's name, which the patterns of the configuration are held against."""
        super().__init__()
        self.base_layer = base_layer
        self.iolora_adapters = nn.ModuleDict()
        self.scaling: dict[str, float] = {}
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._unmerged: dict[str, Tensor] = {}
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, key, config)

    def update_layer(self, adapter_name: str, key: str, config: IOLoraConfig) -> None:
        """Add or replace an adapter."""
        adapter = Adapter.fresh(operator(self.base_layer), config.options().resolve(key))
        self.iolora_adapters[adapter_name] = adapter
        self.scaling[adapter_name] = 1.0
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def chain(self, names: list[str]) -> Any:
        """The layer under these adapters, the first next to it."""
        f: Any = operator(self.base_layer)
        for name in names:
            if name in self.iolora_adapters:
                for placement, phi in self.iolora_adapters[name].parts():  # type: ignore[operator]
                    f = Placed(f, phi, placement)
        return f

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Eqs. 4a-4c, one active adapter after the other."""
        if self.disable_adapters:
            if self.merged:
                self.unmerge()
            return self.base_layer(x, *args, **kwargs)
        if self.merged:
            return self.base_layer(x, *args, **kwargs)
        return self.chain(self.active_adapters)(x, *args, **kwargs)

    @torch.no_grad()
    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Write adapters into the weights, keeping the former ones for ``unmerge``.

        Raises:
            UnsupportedError: the layer has no plain weight.
            InvalidValueError: with ``safe_merge``, a merged weight that is not finite; nothing is changed.
        """
        names = [n for n in check_adapters_to_merge(self, adapter_names) if n in self.iolora_adapters]
        if not names:
            return
        modes = {part: part.training for part in self.iolora_adapters.modules()}
        self.iolora_adapters.eval()  # without dropout
        chain, base = self.chain(names), self.base_layer
        tensors = {"weight": operator(base).stored(chain.dense())} | (
            {} if chain.bias is None else {"bias": chain.bias}
        )
        for part, mode in modes.items():
            part.training = mode
        for key, value in tensors.items():
            if safe_merge and not value.isfinite().all():
                msg = f"Merging {', '.join(names)} gives a {key} that is not finite; nothing was changed."
                raise InvalidValueError(msg)
        for key, value in tensors.items():
            stored = getattr(base, key)
            self._unmerged.setdefault(key, stored.data)
            stored.data = value.to(stored.dtype)
        self.merged_adapters.extend(names)

    def unmerge(self) -> None:
        """Give the layer its own tensors back, bit for bit."""
        for key, value in self._unmerged.items():
            stored = getattr(self.base_layer, key)
            stored.data = value.to(device=stored.device, dtype=stored.dtype)
        self._unmerged, self.merged_adapters = {}, []

    def set_scale(self, adapter: str, scale: float) -> None:
        """Strength of an adapter, 1 as trained."""
        if adapter in self.scaling:
            self._rescale(adapter, scale)

    def scale_layer(self, scale: float) -> None:
        """Multiply the strength of the active adapters."""
        for name in self.active_adapters:
            if name in self.scaling:
                self._rescale(name, self.scaling[name] * scale)

    def unscale_layer(self, scale: float | None = None) -> None:
        """Undo ``scale_layer(scale)``; None goes back to 1."""
        for name in self.active_adapters:
            if name in self.scaling:
                self._rescale(name, self.scaling[name] / scale if scale else 1.0)

    def _rescale(self, name: str, scale: float) -> None:
        self.scaling[name] = scale
        for _, phi in self.iolora_adapters[name].parts():  # type: ignore[operator]
            phi.scaling = self.trained_scaling(phi) * scale

    @staticmethod
    def trained_scaling(phi: Any) -> float:
        """The scaling that the family starts from; LoKr with a whole second factor and full change have 1."""
        whole = not getattr(phi, "low_rank", True) or (not hasattr(phi, "A") and hasattr(phi, "Delta"))
        return 1.0 if whole else float(phi.spec.scaling)

    def _move_adapter_to_device_of_base_layer(self, adapter_name: str, device: torch.device | None = None) -> None:
        """To the device only: adapters of half-precision layers stay in float32."""
        adapter = self.iolora_adapters[adapter_name]
        if not any(p.is_meta for p in adapter.parameters()):
            adapter.to(device or operator(self.base_layer).like.device)

    def __repr__(self) -> str:
        return f"iolora.{super().__repr__()}"


class IOLoraModel(BaseTuner):
    """Puts ``IOLoraLayer`` in the place of a model's target modules."""

    prefix = "iolora_"
    tuner_layer_cls = IOLoraLayer
    with suppress(ImportError):
        from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as target_module_mapping

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
            target.update_layer(adapter_name, current_key, peft_config)
            return
        layer = IOLoraLayer(target, adapter_name, current_key, peft_config)
        if adapter_name not in self.active_adapters:
            layer.requires_grad_(False)
        self._replace_module(parent, target_name, layer, target)

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        marker = f".iolora_adapters.{adapter_name}."
        if marker in key:
            return key.replace(marker, ".iolora_adapters.")
        return str(super()._remove_adapter_name_from_key(key, adapter_name))


def load_adapter(model: nn.Module, folder: Path | str, adapter_name: str = "default") -> None:
    """Put a saved IOLORA adapter on a model that PEFT has not wrapped, as diffusers' and transformers' models are.

    Raises:
        InvalidValueError: a layer of the model lacks its tensors, or the folder has some that no layer takes.
    """
    config = IOLoraConfig.from_pretrained(str(folder))
    state = peft.load_peft_weights(str(folder), device="cpu")
    peft.inject_adapter_in_model(config, model, adapter_name)
    if not hasattr(model, "peft_config"):
        model.peft_config = {}  # type: ignore[assignment]
    model.peft_config[adapter_name] = config  # type: ignore[operator, index]
    if hasattr(model, "_hf_peft_config_loaded"):  # how diffusers and transformers know that there is an adapter
        model._hf_peft_config_loaded = True  # type: ignore[assignment]
    result: Any = peft.set_peft_model_state_dict(model, state, adapter_name=adapter_name)
    missing = [key for key in result.missing_keys if f"iolora_adapters.{adapter_name}." in key]
    if missing or result.unexpected_keys:
        wrong = (missing or result.unexpected_keys)[0]
        msg = f"{folder}: {wrong} is {'missing in the file' if missing else 'not on the model'}."
        raise InvalidValueError(msg)


_KIND: Any = IOPeftType.IOLORA
PEFT_TYPE_TO_PREFIX_MAPPING[_KIND] = IOLoraModel.prefix
PEFT_TYPE_TO_CONFIG_MAPPING[_KIND] = IOLoraConfig
PEFT_TYPE_TO_TUNER_MAPPING[_KIND] = IOLoraModel
