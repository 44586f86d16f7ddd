"""Merging and unmerging the adapters of a model."""

from torch import Tensor, nn

from ioadapt_theory.adapters.model import layers, naming, refuse_if_disabled, unwrap
from ioadapt_theory.errors import UnsupportedError

SHARDED = frozenset({"FSDPModule", "FullyShardedDataParallel"})


def merge(model: nn.Module, *, unload: bool = False) -> nn.Module:
    """Return the model after merging its active adapters into the weights; if one layer fails, none is changed.

    Args:
        model: an adapted model.
        unload: also remove all adapters and the original weights, of layers that are merged already, too. This needs
            memory for only one additional layer, but twice the time, since all are checked before any is changed.

    Raises:
        UnsupportedError: a layer has no plain weight or lacks a bias to merge into, or FSDP has sharded the model.
        InvalidValueError: a merged weight is not finite, a weight is not loaded, or a ``disable`` block is open.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, merge
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input", init="random")
        >>> x = torch.randn(2, 16)
        >>> y = model(x)
        >>> torch.allclose(merge(model, unload=True)(x), y, atol=1e-5)
        True
        >>> type(model[0]).__name__
        'Linear'
    """
    if any(SHARDED & {kind.__name__ for kind in type(module).__mro__} for module in model.modules()):
        msg = "FSDP manages the weights and would undo a merge; save the adapter, and merge it into an unsharded model."
        raise UnsupportedError(msg)
    refuse_if_disabled(model, "merging")
    todo = {n: layer for n, layer in layers(model).items() if layer.active and not layer.merged}
    merged: dict[str, dict[str, Tensor] | None] = dict.fromkeys(todo)
    for name, layer in todo.items():
        with naming(name):
            tensors = layer.merged_tensors()
        if not unload:
            merged[name] = tensors
        del tensors
    for name, layer in todo.items():
        layer.merge(merged[name], for_good=unload)
    return unwrap(model, layers(model)) if unload else model


def unmerge(model: nn.Module) -> nn.Module:
    """Return the model with its original tensors restored, bit for bit unless the dtype was changed after merging.

    Raises:
        InvalidValueError: a ``disable`` block is open, or a merged tensor was replaced or changed in place.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, merge, unmerge
        >>> model = nn.Sequential(nn.Linear(16, 8))
        >>> weight = model[0].weight.clone()
        >>> _ = merge(adapt(model, target_modules=["0"], placement="input", init="random"))
        >>> torch.equal(unmerge(model)[0].base_layer.weight, weight)
        True
    """
    refuse_if_disabled(model, "unmerging")
    adapted = layers(model)
    for name, layer in adapted.items():
        with naming(name):
            layer.refuse_if_changed()
    for layer in adapted.values():
        layer.unmerge()
    return model
