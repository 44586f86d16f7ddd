"""Replacement of modules in a model, and of methods that would bypass or lose its adapters."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.errors import UnsupportedError

FAST_PATHS = {nn.TransformerEncoderLayer: "activation_relu_or_gelu", nn.TransformerEncoder: "use_nested_tensor"}
"""Class with a fast path that reads weights instead of calling layers -> the attribute that enables the fast path."""
SAVERS: list[Callable[[nn.Module, Path, str], object]] = []
"""The function that saves an adapter; ``ioadapt_theory.formats``, which this module may not import, adds it."""


def replace(model: nn.Module, modules: Mapping[str, nn.Module]) -> None:
    """Replace modules by name, and turn off methods and fast paths that would bypass or lose the model's adapters.

    They are turned on again for modules that no longer contain adapters.
    """
    for name, new in modules.items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, new)
    for module in model.modules():
        for kind, switch in FAST_PATHS.items():
            if isinstance(module, kind):
                _switch(module, switch)
        for name, instead in INSTEAD.items():
            if hasattr(type(module), name):
                module.__dict__.pop(name, None)
                if _is_adapted(module):
                    module.__dict__[name] = partial(instead, module)  # unlike a method, it can be pickled


def save_pretrained(model: Any, save_directory: Path | str, *args: Any, **options: Any) -> None:
    """Save a checkpoint of an adapted model for transformers' ``Trainer``; refuse other calls.

    ``from_pretrained`` cannot load these adapters: it would initialise new weights for adapted layers and only warn.
    Therefore, the checkpoint has, for each of these layers, a weight of a size that ``from_pretrained`` rejects.
    ``Trainer`` can resume from the checkpoint. Each adapter is also saved to a file, for ``load`` on the base model.

    Raises:
        UnsupportedError: ``state_dict``, which ``Trainer`` passes, is missing, or ``formats`` is not imported.
    """
    if "state_dict" not in options:
        msg = (
            f"This {type(model).__name__} has adapters, which from_pretrained cannot load; use ioadapt_theory.save and"
            " ioadapt_theory.load for the adapters, or call ioadapt_theory.merge(model, unload=True) before saving"
            " the model."
        )
        raise UnsupportedError(msg)
    if not SAVERS:
        msg = "The checkpoint's adapters cannot be saved without ioadapt_theory.formats; import it before training."
        raise UnsupportedError(msg)
    wrappers = [(name, module) for name, module in model.named_modules() if isinstance(module, AdaptedLayer)]
    refused = {f"{name}.{AdaptedLayer.REFUSED}": torch.zeros(1) for name, _ in wrappers}
    options["state_dict"] = {**(options["state_dict"] or model.state_dict()), **refused}
    type(model).save_pretrained(model, save_directory, *args, **options)
    for name in dict.fromkeys(name for _, module in wrappers for name in module.adapters):
        folder = Path(save_directory) / ("" if name == "default" else name)
        SAVERS[0](model, folder, name)


def fuse_projections(module: Any, *args: Any, name: str, **options: Any) -> Any:
    """Fuse projections with diffusers' own method; raise UnsupportedError if that would drop unmerged adapters."""
    if any(getattr(part, "merged", True) is False for part in module.modules()):
        msg = (
            f"Fusing the projections of this {type(module).__name__} would silently drop their adapters; merge"
            " the adapters first (fuse_lora() in diffusers), or fuse before adapting."
        )
        raise UnsupportedError(msg)
    return getattr(type(module), name)(module, *args, **options)


FUSING = "fuse_qkv_projections", "fuse_projections"
INSTEAD: dict[str, Callable[..., Any]] = {
    "save_pretrained": save_pretrained,
    **{name: partial(fuse_projections, name=name) for name in FUSING},
}
"""Method of transformers' or diffusers' modules that would silently lose adapters -> its replacement."""


def _is_adapted(module: nn.Module) -> bool:
    return any(isinstance(part, AdaptedLayer) for part in module.modules())


def _switch(module: nn.Module, switch: str) -> None:
    if _is_adapted(module):
        module.__dict__.setdefault("_before_adapters", getattr(module, switch))
        setattr(module, switch, False)
    elif "_before_adapters" in module.__dict__:
        setattr(module, switch, module.__dict__.pop("_before_adapters"))
