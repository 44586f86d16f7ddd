"""The config of our own folder: every layer's family, placements, sizes and settings, as data and back."""

from typing import Any

import torch

from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, LIMITS, Spec
from ioadapt_theory.adapters.families.family import Limit, Shapes, is_count, is_finite
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import FileFormatError


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
    """What the config says of an adapter."""
    parts = {}
    for placement, family in adapter.parts():
        spec = {key: getattr(family.spec, key) for key in LIMITS}
        parts[str(placement)] = {"size": list(family.size), **spec, "scaling": family.scaling}
    return {"family": adapter.family, "placements": parts}


def adapter_of(where: object, layer: str, entry: Any, shapes: Shapes) -> Adapter:
    """The adapter that the config describes, without numbers.

    Args:
        where: of the config, for errors.
        layer: name of the layer.
        entry: what the config says of it; not changed.
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
