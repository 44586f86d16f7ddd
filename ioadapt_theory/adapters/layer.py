"""The adapted layer: a frozen layer and its named adapters; the forward pass applies the active ones in order."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter, Adapters
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, UnsupportedError


class AdaptedLayer(nn.Module):
    """A frozen layer f with named adapters; the first active adapter is applied to f, each further one to the result.

    Attributes:
        base_layer: the original layer f; ``adapt`` freezes it.
        adapters: the adapters by name.
        active: names of the adapters in use, in order of application.
        merged: whether the base layer currently holds merged weights.
        disabled: number of open ``disable`` blocks.
        REFUSED: name of the tensor in a ``Trainer`` checkpoint that makes ``from_pretrained`` reject the checkpoint.

    Example:
        >>> from torch import nn
        >>> from ioadapt_theory import adapt
        >>> layer = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input", rank=2)[0]
        >>> layer
        AdaptedLayer(
          active: default
          (base_layer): Linear(in_features=16, out_features=8, bias=True)
          ...
        >>> layer.in_features, layer.weight.requires_grad  # missing attributes come from the base layer
        (16, False)
    """

    REFUSED: ClassVar = "weight"

    def __init__(self, base_layer: nn.Module) -> None:
        """Wrap a layer; raise UnsupportedError if it cannot be adapted."""
        super().__init__()
        self.base_layer = base_layer
        self.adapters = Adapters()
        self.active: tuple[str, ...] = ()
        self.merged = False
        self.disabled = 0
        self._swapped: dict[str, nn.Parameter] = {}  # while merged, the original tensors; in `disable`, the merged ones
        self._made: dict[str, nn.Parameter] = {}  # the merged tensors
        self._digests: dict[str, tuple[torch.dtype, int]] = {}  # of the merged tensors, in their first dtype
        self._base = self._chain = operator(base_layer)
        self._links: list[nn.Module | None] = []  # the modules that _chain is built from

    def extra_repr(self) -> str:
        """Return the names of the active adapters, and whether they are merged, for ``print(model)``."""
        return f"active: {', '.join(self.active) or 'none'}{', merged' if self.merged else ''}"

    def __getattr__(self, name: str) -> Any:
        """Look up missing public names (weight, bias, in_features, ...) in the base layer."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):  # the base's __deepcopy__ or _hf_hook is not the wrapper's
                raise
            return getattr(super().__getattr__("base_layer"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a parameter of the base layer is set there, to allow tied weights, unless it is merged."""
        base = self.__dict__.get("_modules", {}).get("base_layer")
        if base is None or name not in base._parameters:
            super().__setattr__(name, value)
            return
        self.refuse_if_merged(f"assigning its {name}")
        setattr(base, name, value)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the layer with its active adapters."""
        return self.base_layer(x) if self.merged else self.function(x)

    @property
    def function(self) -> Operator:
        """The layer f with its active adapters, or f alone inside a ``disable`` block."""
        moved = self._base.module is not self._modules["base_layer"]  # replaced, or an nn.DataParallel replica
        if moved:
            self._base = operator(self.base_layer)
        links = self._linked(self.active)
        if moved or len(links) != len(self._links) or not all(map(is_, links, self._links)):  # replaced by assignment
            self._chain, self._links = self._chained(self.active), links
        return self._base if self.disabled else self._chain

    def _linked(self, names: Sequence[str]) -> list[nn.Module | None]:
        known = self._modules["adapters"]._modules  # type: ignore[union-attr]
        links: list[nn.Module | None] = []
        for adapter in [known[name] for name in names if name in known]:
            links += adapter, *adapter._modules.values()  # type: ignore[union-attr]
        return links

    def _chained(self, names: Sequence[str]) -> Operator:
        chain = self._base
        for name in names:
            if name not in self.adapters:
                raise UnknownNameError("adapter", name, self.adapters)
            chain = self.adapters[name].on(chain)  # type: ignore[operator]
        return chain

    def switch_off(self) -> None:
        """Act as the base layer, even with merged adapters, until ``switch_on`` has undone every ``switch_off``."""
        self.disabled += 1
        if self.merged:
            self.exchange()

    def switch_on(self) -> None:
        """Undo one ``switch_off``."""
        self.disabled -= 1
        if not self.disabled and self._swapped:
            self.exchange()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        if self.disabled:  # a copy belongs to no `disable` block
            self.disabled = 1
            self.switch_on()

    def add(self, name: str, adapter: Adapter) -> None:
        """Add an adapter and activate it after the others.

        Raises:
            InvalidValueError: the name is invalid or taken, or the layer is merged.
        """
        self.check_free(name)
        self.adapters[name] = adapter
        self.activate(*self.active, name)

    def check_free(self, name: str) -> None:
        """Raise InvalidValueError if the name is invalid or taken, or the layer is merged."""
        check_name(name)
        if name in self.adapters:
            msg = f"There is already an adapter {name!r}; remove it first or choose another name."
            raise InvalidValueError(msg)
        self.refuse_if_merged("adding an adapter")

    def remove(self, name: str) -> None:
        """Remove an adapter, if the layer has it; raise InvalidValueError if the layer is merged."""
        self.refuse_if_merged("removing an adapter")
        if name in self.adapters:
            self.activate(*(other for other in self.active if other != name))
            del self.adapters[name]

    def activate(self, *names: str) -> None:
        """Activate only these adapters, in this order; raise an error for unknown or repeated ones, or if merged."""
        self.refuse_if_merged("choosing other adapters")
        check_distinct(names)
        self._chain = self._chained(names)
        self.active, self._links = names, self._linked(names)

    def merged_tensors(self) -> dict[str, Tensor]:
        """Return the weight and bias (if any) of an equivalent plain layer, in the base layer's layout and dtype.

        Raises:
            InvalidValueError: the result is not finite, or the base layer is on the meta device.
            UnsupportedError: the base layer has no plain weight, or lacks the bias that an adapter needs.
        """
        plain = operator(self.base_layer)  # created again: the layer may have been quantised or offloaded
        if plain.dense().is_meta:
            msg = "The layer's weight is on the meta device; load the weight before merging."
            raise InvalidValueError(msg)
        with _exactly(self.adapters, plain.like.device):
            stored = {"weight": plain.stored(self.function.dense())}
            if (bias := self.function.bias) is not None:
                if getattr(self.base_layer, "bias", None) is None:
                    msg = "An adapter with a bias cannot be merged into a layer without one; leave it unmerged."
                    raise UnsupportedError(msg)
                stored["bias"] = bias
            result = {key: _laid_out_like(getattr(self.base_layer, key), value) for key, value in stored.items()}
        for key, value in result.items():
            if not all(end.isfinite() for end in value.aminmax()):  # catches NaN too, and creates no large mask
                way = "check the layer and the adapter, or convert the layer to a dtype with a larger range"
                msg = f"The merged {key} contains NaN or infinity in {value.dtype}, so the layer is not merged; {way}."
                raise InvalidValueError(msg)
        return result

    def merge(self, tensors: dict[str, Tensor] | None = None, *, for_good: bool = False) -> None:
        """Install ``tensors`` (default: ``merged_tensors()``) if not merged yet; ``for_good`` drops the originals."""
        if not self._swapped:
            tensors = self.merged_tensors() if tensors is None else tensors
            self._made = {k: nn.Parameter(v, requires_grad=False) for k, v in tensors.items()}
            self._digests = {} if for_good else {k: (p.dtype, _digest(p)) for k, p in self._made.items()}
            self._swapped = dict(self._made)
            self.exchange()
        if for_good:
            self._swapped, self._made = {}, {}

    def unmerge(self) -> None:
        """Restore the base layer's original tensors, bit for bit unless the layer's dtype was changed meanwhile.

        Raises:
            InvalidValueError: a merged tensor was changed, so restoring the original would lose the change.
        """
        if not self.merged:
            return
        self.refuse_if_changed()
        self.exchange()
        self._swapped, self._made = {}, {}

    def refuse_if_changed(self) -> None:
        """Raise InvalidValueError if a merged weight or bias was replaced, or changed in place in the same dtype."""
        for key, (dtype, digest) in self._digests.items() if self.merged else ():
            now = getattr(self.base_layer, key)
            if now is not self._made[key] or (now.dtype == dtype and _digest(now) != digest):
                msg = (
                    f"The {key} of the layer was changed while its adapters were merged, and unmerging would lose the"
                    " change; call merge(model, unload=True) to keep it without the adapters."
                )
                raise InvalidValueError(msg)

    def exchange(self) -> None:
        """Swap the merged and the original tensors, converted to the layer's current device and dtype."""
        for key, other in self._swapped.items():
            now = getattr(self.base_layer, key)
            if (other.device, other.dtype) != (now.device, now.dtype):
                made = other is self._made[key]
                other = nn.Parameter(other.to(now), requires_grad=False)
                self._made[key] = other if made else self._made[key]
            setattr(self.base_layer, key, other)
            self._swapped[key] = now
        self.merged = not self.merged

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the state_dict; raise InvalidValueError while adapters are merged into the base layer's weights."""
        self.refuse_if_merged("calling state_dict(), or call merge(model, unload=True) to keep the merged weights")
        return super().state_dict(*args, **kwargs)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        self.refuse_if_merged("loading a state_dict")
        if (refused := state_dict.get(f"{prefix}{self.REFUSED}")) is not None and refused.numel() == 1:
            del state_dict[f"{prefix}{self.REFUSED}"]
        super()._load_from_state_dict(state_dict, prefix, *args)

    def refuse_if_merged(self, doing: str) -> None:
        """Raise InvalidValueError if adapters are merged, even inside a ``disable`` block."""
        if self._swapped:
            msg = f"The adapters of the layer are merged; call unmerge(model) before {doing}."
            raise InvalidValueError(msg)


def check_distinct(names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"Adapter {twice[0]!r} is given more than once; give it once, and use scale() to strengthen it."
        raise InvalidValueError(msg)


def check_name(name: str) -> None:
    if not isinstance(name, str) or not name.isidentifier() or hasattr(nn.ModuleDict(), name):
        msg = f"{name!r} is not a valid adapter name; give a Python identifier that nn.ModuleDict does not use."
        raise InvalidValueError(msg)


@contextmanager
def _exactly(module: nn.Module, device: torch.device) -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _laid_out_like(old: Tensor, value: Tensor) -> Tensor:
    value = value.to(old.dtype)
    return value if value.stride() == old.stride() else torch.empty_like(old).copy_(value)  # may be channels_last


def _digest(tensor: Tensor) -> int:
    bits = tensor.detach().cpu().contiguous().view(torch.uint8)
    return zlib.crc32(bits.numpy().data)  # half the time of the merge of a LoRA


def base_of(module: nn.Module) -> nn.Module:
    return module.base_layer if isinstance(module, AdaptedLayer) else module


def walk(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the submodules under all of their names, except the model itself and the contents of adapted layers."""
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules(remove_duplicate=False):
        if not name or name.startswith(inside):
            continue
        if isinstance(module, AdaptedLayer):
            inside = (*inside, f"{name}.")
        yield name, module
