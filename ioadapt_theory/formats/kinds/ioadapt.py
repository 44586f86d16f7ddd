"""What our own file says in its header: every layer's family, placements, sizes and settings, as data and back.

Folders of version 1 have the same in adapter_config.json, which names the file of the tensors.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, LIMITS, Spec
from ioadapt_theory.adapters.families.family import Limit, Shapes, is_count, is_finite
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.kinds import base_changes
from ioadapt_theory.formats.kinds.base_changes import Change, Made
from ioadapt_theory.formats.tensors import TensorFile, is_name, parse_json, read_json

FILE, FORMAT, VERSION = "ioadapt.safetensors", "ioadapt_theory", 2
LAYERS, CHANGES = "ioadapt.layers", "ioadapt.base_changes"
FORMER_WEIGHTS = re.compile(r"adapter_model-[0-9a-f]{16}\.safetensors")


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
    """What the header says of an adapter."""
    parts = {}
    for placement, family in adapter.parts():
        spec = {key: getattr(family.spec, key) for key in LIMITS}
        parts[str(placement)] = {"size": list(family.size), **spec, "scaling": family.scaling}
    return {"family": adapter.family, "placements": parts}


def header_of(plans: Mapping[str, Any], made: Mapping[tuple[str, str], Made]) -> dict[str, str]:
    """The header for adapters by layer, and for changes of the base."""
    changes = {f"{module}.{leaf}": {"how": m.how, "rows": [*m.rows]} for (module, leaf), m in made.items()}
    header = {"made_by": FORMAT, "ioadapt.version": f"{VERSION}", LAYERS: json.dumps(plans)}
    return header | ({CHANGES: json.dumps(changes)} if changes else {})


def is_own(source: TensorFile) -> bool:
    """Whether a file is of ours."""
    return source.metadata.get("made_by") == FORMAT and LAYERS in source.metadata


def content_of(source: TensorFile) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """Layers and what is said of them, parameters of the base likewise, and where that is said.

    Raises:
        FileFormatError: a version of the future, or an object that is none.
    """
    said = source.metadata
    _demand(
        source.path, {"version": said.get("ioadapt.version", "1")}, ("version", "1 or 2", lambda v: v in {"1", "2"})
    )
    found = {key: parse_json(said.get(key, "{}"), f"{source.path}: {key} in the header") for key in (LAYERS, CHANGES)}
    _demand(source.path, {"layers": found[LAYERS]}, RULES["layers"])
    _demand(source.path, {CHANGES: found[CHANGES]}, (CHANGES, "an object", lambda v: isinstance(v, dict)))
    return found[LAYERS], found[CHANGES], source.path


def former_content(path: Path) -> tuple[str, dict[str, Any]] | None:
    """The weights file and the layers that a configuration of version 1 names; None where it is of another tool.

    Raises:
        FileFormatError: a value is not what it has to be.
    """
    if not path.exists():
        return None
    config = read_json(path)
    if isinstance(config, dict) and "peft_type" in config:
        return None
    for rule in RULES.values():
        _demand(path, config, rule)
    return config["weights"], config["layers"]


Rule = tuple[str, str, Callable[[Any], Any]]
RULES: dict[str, Rule] = {
    rule[0]: rule
    for rule in (
        ("format", repr(FORMAT), lambda v: v == FORMAT),
        ("version", "1", lambda v: v == 1),
        ("weights", "a file name as save writes it", lambda v: isinstance(v, str) and FORMER_WEIGHTS.fullmatch(v)),
        (
            "layers",
            "an object with at least one layer, of printable names",
            lambda v: isinstance(v, dict) and v and all(map(is_name, v)),
        ),
    )
}


def _demand(path: Path, content: Any, rule: Rule) -> None:
    key, expected, valid = rule
    found = content.get(key) if isinstance(content, dict) else content
    if not valid(found):
        msg = f"{path}: {key} has to be {expected}, found {found!r:.80}."
        raise FileFormatError(msg)


def adapter_of(where: object, layer: str, entry: Any, shapes: Shapes) -> Adapter:
    """The adapter that a header describes, without numbers.

    Args:
        where: of the description, for errors.
        layer: name of the layer.
        entry: what is said of it; not changed.
        shapes: of the layer's stored tensors, by their names in the adapter.

    Raises:
        FileFormatError: a value is not what it has to be; key, expected and found are named.
    """

    def demand(key: str, expected: str, found: Any, *, ok: bool) -> None:
        if not ok:
            msg = f"{where}: layers.{layer}.{key} has to be {expected}, found {found!r:.80}."
            raise FileFormatError(msg)

    demand("family", "an object", entry, ok=isinstance(entry, dict))
    family, parts = entry.get("family"), entry.get("placements")
    demand("family", f"one of {', '.join(FAMILIES)}", family, ok=isinstance(family, str) and family in FAMILIES)
    demand("placements", f"an object of {', '.join(Placement)}", parts, ok=isinstance(parts, dict) and bool(parts))
    demand("placements", f"nothing but {', '.join(Placement)}", parts, ok=set(parts) <= set(Placement))
    families = {}
    for placement in Placement:
        if placement not in parts:
            continue
        part, key = parts[placement], f"placements.{placement}"
        demand(key, f"an object with {', '.join(FIELDS)}", part, ok=isinstance(part, dict) and set(part) == set(FIELDS))
        for field, (expected, valid) in FIELDS.items():
            demand(f"{key}.{field}", expected, part[field], ok=valid(part[field]))
        size, spec = part["size"], Spec(**{f: part[f] for f in part if f != "size"})
        phi = FAMILIES[family](SizesAlone(*size), spec)
        found = {k.removeprefix(f"{placement}."): s for k, s in shapes.items() if k.startswith(f"{placement}.")}
        phi.take({name: torch.empty(of, device="meta") for name, of in phi.shapes(size, spec, found).items()})
        phi.scaling = spec.scaling
        families[placement] = phi
    *_, last = families.values()
    return Adapter(family, families, torch.empty(last.size[1], device="meta") if "shift" in shapes else None)


def change_of(source: TensorFile, key: str, entry: Any) -> Change:
    """The change of the base that a header describes.

    Raises:
        FileFormatError: it is none, or its tensor is missing.
    """
    module, _, leaf = key.rpartition(".")
    how, tensor = entry.get("how") if isinstance(entry, dict) else None, f"{CHANGES}.{key}"
    if tensor not in source.shapes or how not in base_changes.HOWS:
        found = "no tensor" if tensor not in source.shapes else f"{entry!r:.80}"
        msg = f"{source.path}: {CHANGES}.{key} has to be one of {', '.join(base_changes.HOWS)}, found {found}."
        raise FileFormatError(msg)
    source.require_floats([tensor])
    name = Name("", module)
    match how:
        case "added to":
            return base_changes.added(name, leaf, source, tensor)
        case "replaced":
            return base_changes.whole(name, leaf, source, tensor)
        case _:
            return base_changes.chosen(name, leaf, source, tensor, entry.get("rows"))
