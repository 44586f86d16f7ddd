"""Our own format, in which the header has every layer's family, placements, sizes and settings as JSON.

`save` writes one safetensors file. It is replaced atomically, so that it is complete even if a process is killed.
"""

import copy
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, LIMITS, Spec
from ioadapt_theory.adapters.families.family import Limit, Shapes, is_count, is_finite
from ioadapt_theory.adapters.matrices import PLAIN_DTYPES
from ioadapt_theory.adapters.model import layers, naming, trained_elsewhere
from ioadapt_theory.checkpoints.files.plain import parse_json
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.tensors import TensorFile, is_name, require_folder
from ioadapt_theory.formats.tensors import write as write_tensors
from ioadapt_theory.outputs import at_home

FILE, FORMAT, VERSION = "ioadapt.safetensors", "ioadapt_theory", "2"
LAYERS, BASE_NAME = "ioadapt.layers", "ioadapt.base_name"


def _is_size(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 3 and all(map(is_count, value))
    return whole and value[0] % value[2] == 0


FIELDS: dict[str, Limit] = {
    "size": ("[rows, columns, channels] with rows a multiple of channels", _is_size),
    **LIMITS,
    "scaling": ("a finite number", is_finite),
}
"""Settings stored for each placement (weight, input or output), with a description of valid values and a check."""
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
    model: nn.Module, folder: Path | str, name: str = "default", *, metadata: Mapping[str, str] = MappingProxyType({})
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
    plans = {layer: describe(adapter) for layer, adapter in adapters.items()}
    own = {"made_by": FORMAT, "ioadapt.version": VERSION, LAYERS: json.dumps(plans)}
    write_tensors(file, tensors, {**header, **own})
    return Path(folder)


def _unwrapped(model: nn.Module) -> nn.Module:
    while type(model).__name__ in WRAPPERS:
        model = getattr(model, WRAPPERS[type(model).__name__])
    return model


def _plain(name: str) -> str:
    """Return a module's name without what torch's wrappers add; "module" stays, since a model may use this name."""
    return ".".join(part for part in name.split(".") if part not in {*WRAPPERS.values()} - {"module"})


def describe(adapter: Adapter) -> dict[str, Any]:
    parts = {}
    for placement, family in adapter.parts():
        spec = {key: getattr(family.spec, key) for key in LIMITS}
        parts[str(placement)] = {"size": list(family.size), **spec, "scaling": family.scaling}
    return {"family": adapter.family, "placements": parts}


def is_own(source: TensorFile) -> bool:
    return source.metadata.get("made_by") == FORMAT and LAYERS in source.metadata


def contents(opened: Path, source: TensorFile) -> AdapterFile:
    """Return the content of a file in our format; no values are read."""
    version = source.metadata.get("ioadapt.version")
    expected = f"{VERSION} (for a newer file, upgrade ioadapt-theory; otherwise save the adapter again)"
    _demand(f"{source.path}: ioadapt.version in the header", expected, version, ok=version == VERSION)
    entries = parse_json(source.metadata[LAYERS], f"{source.path}: {LAYERS} in the header")
    named = isinstance(entries, dict) and bool(entries) and all(map(is_name, entries))
    expected = "a JSON object with at least one layer and printable names"
    _demand(f"{source.path}: {LAYERS} in the header", expected, entries, ok=named)
    keys: dict[str, dict[str, str]] = {layer: {} for layer in entries}
    for key in source.shapes:
        parts = key.split(".")
        end = 1 if parts[-1] == "shift" else 2
        layer = ".".join(parts[:-end])
        if layer not in keys:
            msg = f"{source.path}: tensor {key} belongs to no layer of {LAYERS} in the header; save the adapter again."
            raise FileFormatError(msg)
        keys[layer][".".join(parts[-end:])] = key
    stored = [stored_layer(source, Name("", n), entry, keys[n], source.stored) for n, entry in entries.items()]
    base = source.metadata.get(BASE_NAME)
    return AdapterFile(opened, FORMAT, tuple(stored), (), {}, base if is_name(base) else None, source)


def stored_layer(
    source: TensorFile, name: Name, entry: Any, keys: Mapping[str, str], read: Callable[[str], Tensor]
) -> StoredLayer:
    """Return the adapter of layer ``name``, given its settings (``entry``) and its parameters' keys in the file."""
    shapes = {part: source.shapes[key] for part, key in keys.items()}
    sketch = adapter_of(source.path, name.path, entry, shapes)
    expected = {part: tuple(p.shape) for part, p in sketch.named_parameters()}
    for part in sorted(expected.keys() | shapes.keys()):
        dtype = source.dtype(keys[part]) if part in keys else None
        if expected.get(part) != shapes.get(part) or dtype not in PLAIN_DTYPES:
            there = f"{dtype} of shape {[*shapes[part]]}" if part in keys else "missing"
            wanted = f"floating point of shape {[*expected[part]]}" if part in expected else "absent"
            msg = f"{source.path}: tensor {keys.get(part, f'{name}.{part}')} must be {wanted}, not {there}."
            raise FileFormatError(msg)

    def adapter() -> Adapter:
        new = copy.deepcopy(sketch)
        new.load_state_dict({**new.state_dict(), **{part: read(key) for part, key in keys.items()}}, assign=True)
        return new

    return StoredLayer(name, sketch, adapter, keys=keys)


def adapter_of(where: object, layer: str, entry: Any, shapes: Shapes) -> Adapter:
    """Return the adapter for a layer's entry in a header, on the meta device; error messages begin with ``where``."""
    at = f"{where}: layers.{layer}"
    _demand(at, "an object", entry, ok=isinstance(entry, dict))
    family, parts = entry.get("family"), entry.get("placements")
    valid_family = isinstance(family, str) and family in FAMILIES
    _demand(f"{at}.family", f"one of {', '.join(FAMILIES)}", family, ok=valid_family)
    known = isinstance(parts, dict) and bool(parts) and set(parts) <= set(Placement)
    _demand(f"{at}.placements", f"an object with keys among {', '.join(Placement)}", parts, ok=known)
    families = {}
    for placement in filter(parts.__contains__, Placement):
        part, key = parts[placement], f"{at}.placements.{placement}"
        fields = f"an object with exactly the keys {', '.join(FIELDS)}"
        _demand(key, fields, part, ok=isinstance(part, dict) and set(part) == set(FIELDS))
        for field, (expected, valid) in FIELDS.items():
            _demand(f"{key}.{field}", expected, part[field], ok=valid(part[field]))
        size, spec = part["size"], Spec(**{f: part[f] for f in part if f != "size"})
        phi = FAMILIES[family](SizesAlone(*size), spec)
        given = {k.removeprefix(f"{placement}."): s for k, s in shapes.items() if k.startswith(f"{placement}.")}
        phi.take({name: torch.empty(of, device="meta") for name, of in phi.shapes(size, spec, given).items()})
        phi.scaling = spec.scaling
        families[placement] = phi
    *_, last = families.values()
    return Adapter(family, families, torch.empty(last.size[1], device="meta") if "shift" in shapes else None)


def _demand(key: str, expected: str, value: Any, *, ok: bool) -> None:
    if not ok:
        msg = f"{key} must be {expected}, not {value!r:.80}."
        raise FileFormatError(msg)
