"""Our own file: its header has every layer's family, placements, sizes and settings, as JSON."""

import copy
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, LIMITS, Spec
from ioadapt_theory.adapters.families.family import Limit, Shapes, is_count, is_finite
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import PLAIN_DTYPES
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.adapter_file import StoredLayer
from ioadapt_theory.formats.kinds.base_changes import HOWS, AppliedChange, Change, chosen_rows
from ioadapt_theory.formats.tensors import TensorFile, is_name, parse_json

FILE, FORMAT, VERSION = "ioadapt.safetensors", "ioadapt_theory", "2"
LAYERS, CHANGES = "ioadapt.layers", "ioadapt.base_changes"


def _is_size(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 3 and all(map(is_count, value))
    return whole and value[0] % value[2] == 0


FIELDS: dict[str, Limit] = {
    "size": ("[rows, columns, channels]", _is_size),
    **LIMITS,
    "scaling": ("a finite number", is_finite),
}
"""What is recorded of each placement of a layer: what it has to be, and the test of it."""


def describe(adapter: Adapter) -> dict[str, Any]:
    """Return family, placements, sizes and settings of an adapter as plain data."""
    parts = {}
    for placement, family in adapter.parts():
        spec = {key: getattr(family.spec, key) for key in LIMITS}
        parts[str(placement)] = {"size": list(family.size), **spec, "scaling": family.scaling}
    return {"family": adapter.family, "placements": parts}


def header_of(plans: Mapping[str, Any], changes: Mapping[tuple[str, str], AppliedChange]) -> dict[str, str]:
    """Return the header for adapters by layer, and for changes of the base."""
    described = {f"{module}.{leaf}": {"how": c.how, "rows": [*c.rows]} for (module, leaf), c in changes.items()}
    header = {"made_by": FORMAT, "ioadapt.version": VERSION, LAYERS: json.dumps(plans)}
    return header | ({CHANGES: json.dumps(described)} if described else {})


def is_own(source: TensorFile) -> bool:
    """Whether a file is of ours."""
    return source.metadata.get("made_by") == FORMAT and LAYERS in source.metadata


def contents(source: TensorFile) -> tuple[tuple[StoredLayer, ...], tuple[Change, ...]]:
    """Return the layers of one of our files, and its changes of the base; no numbers are read."""
    demand, version = partial(_demand, source.path), source.metadata.get("ioadapt.version")
    demand("version", VERSION, version, ok=version == VERSION)
    plans, changes = (
        parse_json(source.metadata.get(key, "{}"), f"{source.path}: {key} in the header") for key in (LAYERS, CHANGES)
    )
    expected = "an object with at least one layer, of printable names"
    demand("layers", expected, plans, ok=isinstance(plans, dict) and bool(plans) and all(map(is_name, plans)))
    demand(CHANGES, "an object", changes, ok=isinstance(changes, dict))
    sketches = _sketches(source, plans, changes)
    layers = [StoredLayer(Name("", n), s, partial(_read, source, plans, n, s)) for n, s in sketches.items()]
    return tuple(layers), tuple(_change(source, key, entry) for key, entry in changes.items())


def _sketches(source: TensorFile, plans: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Adapter]:
    """Return the adapters by layer, without numbers."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {layer: {} for layer in plans}
    unknown = []
    for key, shape in source.shapes.items():
        parts = key.split(".")
        end = 1 if parts[-1] == "shift" else 2
        layer = ".".join(parts[:-end])
        if layer in shapes:
            shapes[layer][".".join(parts[-end:])] = shape
        elif key.removeprefix(f"{CHANGES}.") not in changes:
            unknown.append(key)
    sketches: dict[str, Adapter] = {}
    by_plan: dict[object, Adapter] = {}  # large models have tens of thousands of layers of a few kinds
    for layer, plan in plans.items():
        same = plan.get("same_as") if isinstance(plan, dict) else None
        if same is None:
            kind = json.dumps(plan), *shapes[layer].items()
            if kind not in by_plan:
                by_plan[kind] = adapter_of(source.path, layer, plan, shapes[layer])
            sketches[layer] = by_plan[kind].twin()
            _check_tensors(source, layer, sketches[layer])
        else:
            known = isinstance(same, str) and same in sketches
            _demand(source.path, f"layers.{layer}.same_as", "a layer before it", same, ok=known)
            sketches[layer] = sketches[same]
    if unknown:
        msg = f"{source.path}: tensors that the header does not know: {', '.join(sorted(unknown)[:5])}."
        raise FileFormatError(msg)
    return sketches


def _check_tensors(source: TensorFile, layer: str, sketch: Adapter) -> None:
    for name, p in sketch.named_parameters():
        key = f"{layer}.{name}"
        shape = source.shapes.get(key)
        dtype = None if shape is None else source.dtype(key)
        if shape != tuple(p.shape) or dtype not in PLAIN_DTYPES:
            stored = "nothing" if shape is None else f"{dtype} {[*shape]}"
            msg = f"{source.path}: tensor {key} has to be floating point {[*p.shape]}, found {stored}."
            raise FileFormatError(msg)


def _read(source: TensorFile, plans: Mapping[str, Any], layer: str, sketch: Adapter) -> Adapter:
    """Return the adapter of one layer with its numbers."""
    new = copy.deepcopy(sketch)
    for key, _ in [*new.named_parameters()]:
        owner, _, leaf = key.rpartition(".")
        tensor = source.stored(f"{plans[layer].get('same_as') or layer}.{key}")
        setattr(new.get_submodule(owner), leaf, nn.Parameter(tensor))
    return new


def _demand(where: object, key: str, expected: str, value: Any, *, ok: bool) -> None:
    if not ok:
        msg = f"{where}: {key} has to be {expected}, found {value!r:.80}."
        raise FileFormatError(msg)


def adapter_of(where: object, layer: str, entry: Any, shapes: Shapes) -> Adapter:
    """Return the adapter that a header describes, without numbers.

    Args:
        where: of the description, for errors.
        layer: name of the layer.
        entry: its description; not changed.
        shapes: of the layer's stored tensors, by their names in the adapter.

    Returns:
        The adapter.
    """

    def demand(key: str, expected: str, value: Any, *, ok: bool) -> None:
        _demand(where, f"layers.{layer}.{key}", expected, value, ok=ok)

    demand("family", "an object", entry, ok=isinstance(entry, dict))
    family, parts = entry.get("family"), entry.get("placements")
    demand("family", f"one of {', '.join(FAMILIES)}", family, ok=isinstance(family, str) and family in FAMILIES)
    demand("placements", f"an object of {', '.join(Placement)}", parts, ok=isinstance(parts, dict) and bool(parts))
    demand("placements", f"nothing but {', '.join(Placement)}", parts, ok=set(parts) <= set(Placement))
    families = {}
    for placement in filter(parts.__contains__, Placement):
        part, key = parts[placement], f"placements.{placement}"
        demand(key, f"an object with {', '.join(FIELDS)}", part, ok=isinstance(part, dict) and set(part) == set(FIELDS))
        for field, (expected, valid) in FIELDS.items():
            demand(f"{key}.{field}", expected, part[field], ok=valid(part[field]))
        size, spec = part["size"], Spec(**{f: part[f] for f in part if f != "size"})
        phi = FAMILIES[family](SizesAlone(*size), spec)
        stored = {k.removeprefix(f"{placement}."): s for k, s in shapes.items() if k.startswith(f"{placement}.")}
        phi.take({name: torch.empty(of, device="meta") for name, of in phi.shapes(size, spec, stored).items()})
        phi.scaling = spec.scaling
        families[placement] = phi
    *_, last = families.values()
    return Adapter(family, families, torch.empty(last.size[1], device="meta") if "shift" in shapes else None)


def _change(source: TensorFile, key: str, entry: Any) -> Change:
    """Return the change of the base that a header describes."""
    module, _, leaf = key.rpartition(".")
    how, tensor = entry.get("how") if isinstance(entry, dict) else None, f"{CHANGES}.{key}"
    _demand(source.path, tensor, "a tensor of the file", None, ok=tensor in source.shapes)
    _demand(source.path, f"{tensor} in the header", f"one of {', '.join(HOWS)}", entry, ok=how in HOWS)
    source.require_floats([tensor])
    if how == "rows replaced":
        return chosen_rows(Name("", module), leaf, source, tensor, entry.get("rows"))
    return Change(Name("", module), leaf, how, source, (tensor,))
