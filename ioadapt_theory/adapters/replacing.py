"""Putting modules in the places of others, and what torch's own modules have to know of it."""

from collections.abc import Mapping

from torch import nn

from ioadapt_theory.adapters.layer import AdaptedLayer

FAST_PATHS = {nn.TransformerEncoderLayer: "activation_relu_or_gelu", nn.TransformerEncoder: "use_nested_tensor"}
"""Modules that read weights instead of calling layers where they can, and the attribute without which they do not."""


def replace(model: nn.Module, modules: Mapping[str, nn.Module]) -> None:
    """Put modules in the places of these names; torch's fast paths are off while a layer there is adapted."""
    for name, new in modules.items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, new)
    for module in model.modules():
        for kind, switch in FAST_PATHS.items():
            if isinstance(module, kind):
                _switch(module, switch)


def _switch(module: nn.Module, switch: str) -> None:
    if any(isinstance(part, AdaptedLayer) for part in module.modules()):
        module.__dict__.setdefault("_before_adapters", getattr(module, switch))
        setattr(module, switch, False)
    elif "_before_adapters" in module.__dict__:
        setattr(module, switch, module.__dict__.pop("_before_adapters"))
