"""`save`: one safetensors file, written whole or not at all.

One file, replaced in one step, of the same name and the same bytes for the same content: however many processes save,
and whenever they are killed, a whole adapter is there. Nothing else in its folder is touched.
"""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import card as cards
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import layers, naming, trained_elsewhere
from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.formats.kinds.base_changes import AppliedChange, applied_by
from ioadapt_theory.formats.kinds.ioadapt import CHANGES, FILE, adapter_of, describe, header_of
from ioadapt_theory.formats.tensor_writer import require_folder, writing
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
    """Write an adapter, with the changes of the base that loading it made; return the folder.

    An interruption leaves the former adapter whole. Several processes may save at once: the last one's file stays. On
    layers sharded by ``fully_shard`` every rank has to call it.

    Args:
        model: with the adapter; torch's wrappers around it leave no trace in the names.
        folder: made where it is missing; or a file that ends in ".safetensors".
        name: of the adapter.
        card: also write a model card, README.md beside the file; a text goes into it, such as the text of ``report``.

    Warns:
        UserWarning: tensors outside the adapters are trained, a new head for example, which the file does not hold.

    Raises:
        UnknownNameError: no such adapter on the model.
        InvalidValueError: a parameter is not finite, a file is where the folder is to be, or a README.md is there that
            is not a card, or that somebody edited.
        UnsupportedError: parameters that are not of the sizes that their family has, as within FSDP1.

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
    places: dict[str, Adapter] = {n: m.adapters[name] for n, m in layers(model, name).items()}  # type: ignore[misc]
    for place, adapter in places.items():
        with naming(_plain(place)):
            adapter.require_whole()
    header = fingerprint.header(model, {place: _plain(place) for place in places})
    changes = {(_plain(module), leaf): change for (module, leaf), change in applied_by(model, name).items()}
    adapters = {_plain(n): a for n, a in places.items()}
    page = (Path(folder).parent if Path(folder).suffix == ".safetensors" else Path(folder)) / cards.NAME
    if card:
        cards.require_room(page)
        known, base = fingerprint.recorded(header, page), header.get(fingerprint.BASE_NAME)
        text = cards.card(adapters, base=base, known=known, report=card if isinstance(card, str) else "")
    path = write(folder, adapters, header, changes)
    if card:
        with replacing(page) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path


def write(
    folder: Path | str,
    adapters: Mapping[str, Adapter],
    header: Mapping[str, str],
    changes: Mapping[tuple[str, str], AppliedChange] = MappingProxyType({}),
) -> Path:
    """Write adapters by layer; return the folder.

    Args:
        folder: see ``save``.
        adapters: by layer.
        header: what the file's header has besides.
        changes: of the base, by module and parameter.

    Raises:
        InvalidValueError, UnsupportedError: see ``save``.
    """
    path = file = Path(folder)
    if path.suffix != ".safetensors":
        require_folder(path)
        file = path / FILE
    tensors: dict[str, Tensor] = {}
    plans: dict[str, Any] = {}
    written: dict[int, str] = {}
    for layer, adapter in adapters.items():
        if id(adapter) in written:  # one module that stands in several places
            plans[layer] = {"same_as": written[id(adapter)]}
            continue
        written[id(adapter)] = layer
        plans[layer] = describe(adapter)
        tensors |= {f"{layer}.{key}": t for key, t in _whole(file, layer, adapter, plans[layer])}
    tensors |= {f"{CHANGES}.{module}.{leaf}": change.values for (module, leaf), change in changes.items()}
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            msg = f"{key} is not finite; the adapter was not saved."
            raise InvalidValueError(msg)
    with writing(file, {**header, **header_of(plans, changes)}) as out:
        for key in sorted(tensors, key=lambda key: (-tensors[key].element_size(), key)):  # so that they lie aligned
            out.add(key, tensors[key])
    return path


def _whole(path: Path, layer: str, adapter: Adapter, plan: Any) -> Iterator[tuple[str, Tensor]]:
    """The adapter's tensors as they are to be stored, gathered where they are sharded."""
    shapes = {key: tuple(p.shape) for key, p in adapter.named_parameters()}
    expected = dict(adapter_of(path, layer, plan, shapes).named_parameters())
    for key, p in adapter.named_parameters():
        if key not in expected or p.shape != expected[key].shape:
            msg = (
                f"{layer}: {key} is {list(p.shape)}, which is no {adapter.family} of this size; it was not saved. Under"
                " FSDP1 save within FullyShardedDataParallel.summon_full_params(model)."
            )
            raise UnsupportedError(msg)
        t = p.detach()
        t = t.full_tensor() if hasattr(t, "full_tensor") else t
        yield key, t.cpu().clone(memory_format=torch.contiguous_format)  # FSDP1 resizes what numpy may not see


def _plain(name: str) -> str:
    """A module's name without what torch's wrappers put into it."""
    return ".".join(part for part in name.split(".") if part not in {*WRAPPERS.values()} - {"module"})
