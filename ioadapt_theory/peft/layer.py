"""IOLORA's layer: PEFT's interface around our families and placements."""

from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import Tensor, nn

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.peft.config import IOLoraConfig


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
                f = self.iolora_adapters[name].on(f)  # type: ignore[operator]
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
