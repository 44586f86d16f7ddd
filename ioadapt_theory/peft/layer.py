"""IOLORA's layer, which gives this package's adapters the interface of PEFT's layers."""

from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.formats.kinds.iolora import SETTINGS, settings_tensor
from ioadapt_theory.peft.config import IOLoraConfig


class IOLoraLayer(nn.Module, BaseTunerLayer):
    """A PEFT tuner layer with named adapters; it wraps any layer that ``operator`` supports."""

    adapter_layer_names = ("iolora_adapters",)
    other_param_names = ("scaling",)

    def __init__(self, base_layer: nn.Module, adapter_name: str, key: str, config: IOLoraConfig) -> None:
        """Wrap a layer; ``key`` is its name in the model, to which the configuration's patterns apply."""
        super().__init__()
        self.base_layer = base_layer
        self.iolora_adapters = nn.ModuleDict()
        self.scaling: dict[str, float] = {}
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self._merges: list[AdaptedLayer] = []  # layers that store the original tensors, in the order of merging
        self._chain: tuple[tuple[nn.Module, ...], Operator] = (), operator(base_layer)
        self._trained: dict[str, list[float]] = {}
        self._active_adapter = adapter_name
        self.register_state_dict_post_hook(_without_scalings)  # type: ignore[no-untyped-call]
        self.update_layer(adapter_name, key, config)

    def update_layer(self, adapter_name: str, key: str, config: IOLoraConfig) -> None:
        adapter = Adapter.fresh(operator(self.base_layer), config.family, config.options().resolve(key))
        self.iolora_adapters[adapter_name] = adapter
        adapter.__dict__["settings"] = _Received(settings_tensor(adapter))
        self.scaling[adapter_name] = 1.0
        self._trained[adapter_name] = [phi.scaling for _, phi in adapter.parts()]  # at strength 1
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def chain(self, names: list[str]) -> Operator:
        """Return the base layer with these adapters (if it has them) applied in order; the last result is cached."""
        wanted = tuple(self.iolora_adapters[name] for name in names if name in self.iolora_adapters)
        adapters, f = self._chain
        if adapters != wanted or f.module is not self.base_layer:
            f = operator(self.base_layer)
            for adapter in wanted:
                f = adapter.on(f)  # type: ignore[operator]
            self._chain = wanted, f
        return f

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return the output with all active adapters (Eqs. 4a-4c); if disabled or merged, that of the base layer."""
        if self.disable_adapters and self.merged:
            self.unmerge()
        if self.disable_adapters or self.merged:
            return self.base_layer(x, *args, **kwargs)
        return self.chain(self.active_adapters)(x, *args, **kwargs)

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Merge adapters into the weights, and keep the originals; always check the result, as with ``safe_merge``."""
        del safe_merge
        names = [n for n in check_adapters_to_merge(self, adapter_names) if n in self.iolora_adapters]
        if not names:
            return
        layer = AdaptedLayer(self.base_layer)
        for i, name in enumerate(names):
            layer.add(f"_{i}", self.iolora_adapters[name])  # type: ignore[arg-type]
        layer.merge()
        self._merges.append(layer)
        self.merged_adapters.extend(names)

    def unmerge(self) -> None:
        while self._merges:
            self._merges.pop().unmerge()
        self.merged_adapters = []

    def set_scale(self, adapter: str, scale: float) -> None:
        """Set the strength of an adapter; 1 is the trained strength."""
        if adapter in self.scaling:
            self.scaling[adapter] = scale
            for (_, phi), trained in zip(self.iolora_adapters[adapter].parts(), self._trained[adapter], strict=True):  # type: ignore[operator]
                phi.scaling = trained * scale

    def scale_layer(self, scale: float) -> None:
        for name in self.active_adapters:
            self.set_scale(name, self.scaling.get(name, 1.0) * scale)

    def unscale_layer(self, scale: float | None = None) -> None:
        """Undo ``scale_layer(scale)``; without ``scale``, reset the strength of every active adapter to 1."""
        for name in self.active_adapters:
            self.set_scale(name, self.scaling.get(name, 1.0) / scale if scale else 1.0)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, adapter in self.iolora_adapters.items():
            scale = self.scaling[name]
            self.set_scale(name, 1.0)  # the strength set by the user is not stored, as in PEFT's own LoRA
            destination[f"{prefix}iolora_adapters.{name}.{SETTINGS}"] = settings_tensor(adapter)  # type: ignore[arg-type]
            self.set_scale(name, scale)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for key in [key for key in state_dict if key.startswith(prefix) and key.endswith(f".{SETTINGS}")]:
            del state_dict[key]
        for name, adapter in self.iolora_adapters.items():  # the scalings come from the configuration, as in PEFT
            for side, phi in adapter.parts():  # type: ignore[operator]
                state_dict[f"{prefix}iolora_adapters.{name}.{side}._extra_state"] = phi.get_extra_state()
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _move_adapter_to_device_of_base_layer(self, adapter_name: str, device: torch.device | None = None) -> None:
        """Move an adapter to ``device`` (default: its layer's); keep its dtype, even on half-precision layers."""
        adapter = self.iolora_adapters[adapter_name] if adapter_name in self.iolora_adapters else nn.Module()
        if not any(p.is_meta for p in adapter.parameters()):
            adapter.to(device or operator(self.base_layer).like.device)

    def __repr__(self) -> str:
        return f"iolora.{super().__repr__()}"


class _Received(nn.Module):
    """The place where transformers' ``load_adapter`` writes the stored settings, which the configuration has, too."""

    def __init__(self, settings: Tensor) -> None:
        super().__init__()
        self.lora_A = nn.Module()
        self.lora_A.register_buffer("weight", settings)


def _without_scalings(module: nn.Module, state_dict: dict[str, Any], prefix: str, local_metadata: Any) -> None:
    del local_metadata
    for name, adapter in module.iolora_adapters.items():  # type: ignore[operator, union-attr]
        for side in adapter:
            state_dict.pop(f"{prefix}iolora_adapters.{name}.{side}._extra_state", None)
