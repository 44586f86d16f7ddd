"""`save` writes one safetensors file. It is replaced atomically, so that it is complete even if a process is killed."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.model import layers, naming, trained_elsewhere
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats.kinds.ioadapt import BASE_NAME, FILE, header_of
from ioadapt_theory.formats.tensors import require_folder
from ioadapt_theory.formats.tensors import write as write_tensors
from ioadapt_theory.outputs import at_home

WRAPPERS = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""Class name of a torch wrapper -> its attribute for the wrapped model."""
ALTERED = "_altered_by_adapters"
"""Attribute of a model: name of an adapter -> tensors of the base that were replaced on loading."""


def save(model: nn.Module, folder: Path | str, name: str = "default") -> Path:
    """Write an adapter to a folder, and return the folder.

    If saving is interrupted, the previous adapter is unchanged. Several processes may save to one folder at once; the
    file that is written last stays. If layers are sharded by ``fully_shard``, every rank must call this function.

    Args:
        model: the model with the adapter; torch's wrappers do not appear in the stored names.
        folder: the folder, created if missing; or a file name that ends in ".safetensors".
        name: name of the adapter.

    Returns:
        The path that was given as ``folder``.

    Raises:
        UnknownNameError: the model has no adapter of this name.
        InvalidValueError: ``model`` is not a module, a parameter is not finite, or ``folder`` is neither a folder nor
            a safetensors file.
        UnsupportedError: parameters have the wrong sizes, such as shards of FSDP1.

    Warns:
        UserWarning: tensors outside the adapters are trained, or were replaced by ``load``, and are not in the file.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, save
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input")
        >>> (save(model, tempfile.mkdtemp()) / "ioadapt.safetensors").exists()
        True
    """
    if not isinstance(model, nn.Module):
        msg = f"model must be a torch.nn.Module, not {type(model).__name__}; call save(model, folder)."
        raise InvalidValueError(msg)
    if elsewhere := [*trained_elsewhere(model), *_unwrapped(model).__dict__.get(ALTERED, {}).get(name, ())]:
        some = ", ".join(elsewhere[:3]) + ", ..." * (len(elsewhere) > 3)
        msg = f"The file does not contain the changed tensors outside the adapters ({some}); save them separately."
        warnings.warn(msg, stacklevel=2)
    return save_adapter(model, folder, name)


def save_adapter(
    model: nn.Module,
    folder: Path | str,
    name: str = "default",
    *,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write one adapter like ``save``, without warnings about other trained tensors, and return the folder."""
    model = _unwrapped(model)
    adapted = layers(model, name)
    first = {id(module): place for place, module in reversed(adapted.items())}  # a module may have several names
    names = {place: _plain(place) for place, module in adapted.items() if first[id(module)] == place}
    adapters: dict[str, Adapter] = {plain: adapted[place].adapters[name] for place, plain in names.items()}  # type: ignore[misc]
    for place, adapter in adapters.items():
        with naming(place):
            adapter.require_whole()
    base = getattr(model, "name_or_path", None) or getattr(getattr(model, "config", None), "_name_or_path", None)
    named = {BASE_NAME: base} if isinstance(base, str) and base else {}
    return write(folder, adapters, {**metadata, **named})


def write(folder: Path | str, adapters: Mapping[str, Adapter], header: Mapping[str, str]) -> Path:
    path = at_home(folder)
    file = path if path.suffix == ".safetensors" else path / FILE
    require_folder(file.parent)
    tensors: dict[str, Tensor] = {}
    for layer, adapter in adapters.items():
        for key, p in adapter.named_parameters():
            t = p.detach()
            tensors[f"{layer}.{key}"] = t.full_tensor().cpu() if hasattr(t, "full_tensor") else t
    write_tensors(file, tensors, {**header, **header_of(adapters)})
    return Path(folder)


def _unwrapped(model: nn.Module) -> nn.Module:
    while type(model).__name__ in WRAPPERS:
        model = getattr(model, WRAPPERS[type(model).__name__])
    return model


def _plain(name: str) -> str:
    """Return a module's name without what torch's wrappers add; "module" stays, since a model may use this name."""
    return ".".join(part for part in name.split(".") if part not in {*WRAPPERS.values()} - {"module"})
