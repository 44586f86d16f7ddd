"""`save`: one safetensors file, written whole or not at all.

One file, replaced in one step, and the same bytes for the same content: however many processes save, and whenever they
are killed, a whole adapter is there.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import layers, naming, trained_elsewhere
from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats import card as cards
from ioadapt_theory.formats.kinds.base_changes import AppliedChange, applied_by
from ioadapt_theory.formats.kinds.ioadapt import CHANGES, FILE, header_of
from ioadapt_theory.formats.tensors import require_folder, writing
from ioadapt_theory.results import replacing

WRAPPERS = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""torch's wrappers of a model, and the name under which each keeps it."""


def save(model: nn.Module, folder: Path | str, name: str = "default", *, card: bool | str = False) -> Path:
    """Write an adapter, with the changes of the base that loading it made.

    An interruption leaves the former adapter whole. Several processes may save at once: the last one's file stays. On
    layers sharded by ``fully_shard`` every rank has to call it.

    Args:
        model: with the adapter; torch's wrappers around it leave no trace in the names.
        folder: made where it is missing; or a file that ends in ".safetensors".
        name: of the adapter.
        card: also write a model card, README.md beside the file; a text goes into it, such as the text of ``report``.

    Returns:
        The folder.

    Raises:
        UnknownNameError: no such adapter on the model.
        InvalidValueError: a parameter is not finite, or a file is where the folder is to be.
        UnsupportedError: parameters that are not of the sizes that their family has, as within FSDP1.

    Warns:
        UserWarning: tensors outside the adapters are trained, a new head for example, which the file does not hold; or
            a README.md is there already, which is left as it is.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, save
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"])
        >>> (save(model, tempfile.mkdtemp()) / "ioadapt.safetensors").exists()
        True
    """
    if not isinstance(model, nn.Module):
        msg = f"save takes a model, not a {type(model).__name__}: save(model, folder)."
        raise InvalidValueError(msg)
    if elsewhere := trained_elsewhere(model):
        some = ", ".join(elsewhere[:3]) + ", ..." * (len(elsewhere) > 3)
        msg = f"{len(elsewhere)} trained tensors outside the adapters are not in the file ({some}): save them yourself."
        warnings.warn(msg, stacklevel=2)
    return save_adapter(model, folder, name, card=card)


def save_adapter(model: nn.Module, folder: Path | str, name: str = "default", *, card: bool | str = False) -> Path:
    """Write one adapter as ``save`` does, without asking what else of the model is trained; return the folder."""
    while type(model).__name__ in WRAPPERS:
        model = getattr(model, WRAPPERS[type(model).__name__])
    names = {place: _plain(place) for place in layers(model, name)}
    adapters: dict[str, Adapter] = {names[n]: m.adapters[name] for n, m in layers(model, name).items()}  # type: ignore[misc]
    for place, adapter in adapters.items():
        with naming(place):
            adapter.require_whole()
    header = fingerprint.header(model, names)
    changes = {(_plain(module), leaf): change for (module, leaf), change in applied_by(model, name).items()}
    page, text = _file(folder).with_name(cards.NAME), ""
    if card and page.exists():
        msg = f"{page} is there already and was left as it is; delete it to have a card written in its place."
        warnings.warn(msg, stacklevel=3)
    elif card:
        text = cards.card(
            adapters, base=header.get(fingerprint.BASE_NAME), report=card if isinstance(card, str) else ""
        )
    path = write(folder, adapters, header, changes)
    if text:
        with replacing(page) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path


def write(
    folder: Path | str,
    adapters: Mapping[str, Adapter],
    header: Mapping[str, str],
    changes: Mapping[tuple[str, str], AppliedChange] = MappingProxyType({}),
) -> Path:
    """Write adapters by layer with what the header has besides, and changes of the base; return the folder."""
    file = _file(folder)
    if file != Path(folder):
        require_folder(file.parent)
    tensors: dict[str, Tensor] = {}
    for layer, adapter in adapters.items():
        tensors |= {f"{layer}.{key}": _gathered(p) for key, p in adapter.named_parameters()}
    tensors |= {f"{CHANGES}.{module}.{leaf}": change.values for (module, leaf), change in changes.items()}
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            msg = f"{key} is not finite; the adapter was not saved."
            raise InvalidValueError(msg)
    with writing(file, {**header, **header_of(adapters, changes)}) as add:
        for key in sorted(tensors, key=lambda key: (-tensors[key].element_size(), key)):  # so that they lie aligned
            add(key, tensors[key])
    return Path(folder)


def _file(folder: Path | str) -> Path:
    return Path(folder) if Path(folder).suffix == ".safetensors" else Path(folder) / FILE


def _gathered(parameter: nn.Parameter) -> Tensor:
    """Return a parameter as it is to be stored, gathered where it is sharded."""
    t: Any = parameter.detach()
    t = t.full_tensor() if hasattr(t, "full_tensor") else t
    return t.cpu().clone(memory_format=torch.contiguous_format)  # FSDP1 resizes what numpy may not see


def _plain(name: str) -> str:
    """Return a module's name without what torch's wrappers put into it."""
    return ".".join(part for part in name.split(".") if part not in {*WRAPPERS.values()} - {"module"})
