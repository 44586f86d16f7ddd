"""`save`, and reading it back: one safetensors file, written whole or not at all.

One file, replaced in one step, of the same name and the same bytes for the same content: however many processes save,
and whenever they are killed, a whole adapter is there. Nothing else in its folder is touched.
"""

import copy
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import card as cards
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import PLAIN_DTYPES
from ioadapt_theory.adapters.model import layers, naming, trained_elsewhere
from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnsupportedError
from ioadapt_theory.formats.kinds.base_changes import Change, Made, made_by
from ioadapt_theory.formats.kinds.ioadapt import (
    CHANGES,
    FILE,
    adapter_of,
    change_of,
    content_of,
    describe,
    former_content,
    header_of,
    is_own,
)
from ioadapt_theory.formats.kinds.peft import CONFIG, WEIGHTS
from ioadapt_theory.formats.tensor_writer import require_folder, writing
from ioadapt_theory.formats.tensors import TensorFile
from ioadapt_theory.results import replacing

WRAPPERS = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "FullyShardedDataParallel": "_fsdp_wrapped_module",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""torch's wrappers of a model, and under which name they keep it."""


def save(model: nn.Module, folder: Path | str, name: str = "default", *, card: bool | str = False) -> Path:
    """Write the adapter of this name, with what loading it did to the base itself. Returns the folder.

    An interruption leaves the former adapter whole. Several processes may save at once: the last one's file stays. On
    layers sharded by ``fully_shard`` every rank has to call it.

    Args:
        model: with the adapter; torch's wrappers around it leave no trace in the names.
        folder: made where it is missing; or a file that ends in ".safetensors".
        name: of the adapter.
        card: also write a model card, README.md beside the file; a text goes into it, such as what ``report`` prints.

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
        msg = f"What is saved is a model, not a {type(model).__name__}: save(model, folder)."
        raise InvalidValueError(msg)
    if elsewhere := trained_elsewhere(model):
        some = ", ".join(elsewhere[:3]) + ", ..." * (len(elsewhere) > 3)
        msg = f"{len(elsewhere)} trained tensors outside the adapters are not in the file ({some}): save them yourself."
        warnings.warn(msg, stacklevel=2)
    return save_adapter(model, folder, name, card=card)


def save_adapter(model: nn.Module, folder: Path | str, name: str = "default", *, card: bool | str = False) -> Path:
    """Write one adapter as ``save`` does, without asking what else of the model is trained."""
    while type(model).__name__ in WRAPPERS:
        model = getattr(model, WRAPPERS[type(model).__name__])
    places = {n: m.adapters[name] for n, m in layers(model, name).items()}
    for place, adapter in places.items():
        with naming(_plain(place)):
            adapter.require_whole()  # type: ignore[operator]
    header = fingerprint.header(model, {place: _plain(place) for place in places})
    changes = {(_plain(module), leaf): made for (module, leaf), made in made_by(model, name).items()}
    adapters: dict[str, Adapter] = {_plain(n): a for n, a in places.items()}  # type: ignore[misc]
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
    changes: Mapping[tuple[str, str], Made] | None = None,
) -> Path:
    """Write adapters by layer, what the file's header says besides, and changes of the base; see ``save``."""
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
    made = changes or {}
    tensors |= {f"{CHANGES}.{module}.{leaf}": change.values for (module, leaf), change in made.items()}
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            msg = f"{key} is not finite; the adapter was not saved."
            raise InvalidValueError(msg)
    with writing(file, {**header, **header_of(plans, made)}) as out:
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


def find(path: Path, source: TensorFile | None = None) -> "Stored | None":
    """Our own file, or that of a folder, of this version or the one before; None where it is of another tool.

    ``source`` is the file, if it is open already.

    Raises:
        FileFormatError: it cannot be opened, or a folder has one of ours and one of PEFT.
    """
    if not os.path.isdir(path):
        source = source or TensorFile(path)
        return Stored(source, *content_of(source)) if is_own(source) else None
    config = path / CONFIG
    if not (path / FILE).exists():
        before = former_content(config)
        return None if before is None else Stored(TensorFile(path / before[0]), before[1], {}, config)
    if config.exists() and former_content(config) is None:
        msg = f"{path}: holds an adapter of ours and one of PEFT; name the file, {FILE} or {WEIGHTS[0]}."
        raise FileFormatError(msg)
    return find(path / FILE)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file of ours holds; its numbers are not read yet.

    Attributes:
        source: the file.
        plans: layer -> what is said of it.
        made: parameter of the base -> what was done to it.
        config: where that is said, for errors: the file itself, or the configuration of a folder of before.
    """

    source: TensorFile
    plans: Mapping[str, Any]
    made: Mapping[str, Any]
    config: Path

    def sketches(self) -> dict[str, Adapter]:
        """The adapters by layer, without numbers.

        Raises:
            FileFormatError: plans or tensors are not what they have to be; file, key, expected and found are named.
        """
        shapes: dict[str, dict[str, tuple[int, ...]]] = {layer: {} for layer in self.plans}
        unknown = []
        for key, shape in self.source.shapes.items():
            parts = key.split(".")
            end = 1 if parts[-1] == "shift" else 2
            layer = ".".join(parts[:-end])
            if layer in shapes:
                shapes[layer][".".join(parts[-end:])] = shape
            elif key.removeprefix(f"{CHANGES}.") not in self.made:
                unknown.append(key)
        found: dict[str, Adapter] = {}
        kinds: dict[object, Adapter] = {}  # large models have tens of thousands of layers of a few kinds
        for layer, plan in self.plans.items():
            same = plan.get("same_as") if isinstance(plan, dict) else None
            if same is None:
                kind = json.dumps(plan), *shapes[layer].items()
                if kind not in kinds:
                    kinds[kind] = adapter_of(self.config, layer, plan, shapes[layer])
                found[layer] = kinds[kind].twin()
                self._check(layer, found[layer], unknown)
            elif same in found:
                found[layer] = found[same]
            else:
                msg = f"{self.config}: layers.{layer}.same_as has to be a layer before it, found {same!r:.80}."
                raise FileFormatError(msg)
        if unknown:
            some = ", ".join(sorted(unknown)[:5])
            msg = f"{self.source.path}: tensors that {self.config.name} does not know: {some}."
            raise FileFormatError(msg)
        return found

    def _check(self, layer: str, sketch: Adapter, unknown: list[str]) -> None:
        expected = {f"{layer}.{key}": tuple(p.shape) for key, p in sketch.named_parameters()}
        for key, shape in expected.items():
            found = self.source.shapes.get(key)
            kind = self.source.dtype(key) if found is not None else None
            if found != shape or kind not in PLAIN_DTYPES:
                what = "nothing" if found is None else f"{kind} {[*found]}"
                msg = f"{self.source.path}: tensor {key} has to be floating point {[*shape]}, found {what}."
                raise FileFormatError(msg)

    def adapter(self, layer: str, sketch: Adapter) -> Adapter:
        """The adapter of one layer, read now.

        Raises:
            FileFormatError: a tensor that cannot be read, or is not finite.
        """
        plan = self.plans[layer]
        name = plan.get("same_as", layer)
        new = copy.deepcopy(sketch)
        for key, _ in [*new.named_parameters()]:
            owner, _, leaf = key.rpartition(".")
            setattr(new.get_submodule(owner), leaf, nn.Parameter(self.source.stored(f"{name}.{key}")))
        return new

    def changes(self) -> tuple[Change, ...]:
        """What it does to the base itself."""
        return tuple(change_of(self.source, key, entry) for key, entry in self.made.items())
