"""The config of our own folder: every layer's family, placements, sizes and settings, as data and back."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ioadapt_theory.adapters.config import is_finite
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family, Spec
from ioadapt_theory.adapters.families.lokr import LoKr
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats.kinds.holding import Recorded

Shapes = Mapping[str, tuple[int, ...]]
LARGEST = 1 << 28  # a size beyond it is a mistake or an attack; products of two stay below what torch can count
SPEC_FIELDS = ("rank", "dropout", "detach_norm", "factor")


def _size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_whole, value))


def _whole(value: Any) -> bool:
    return type(value) is int and 0 < value <= LARGEST


FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "size": ("[rows, columns, channels]", lambda v: _size(v) and v[0] % v[2] == 0),
    "rank": ("a whole number, at least 1", _whole),
    "scaling": ("a finite number", is_finite),
    "dropout": ("a number in [0, 1)", lambda v: is_finite(v) and 0 <= v < 1),
    "detach_norm": ("true or false", lambda v: isinstance(v, bool)),
    "factor": ("a size, or -1", lambda v: _whole(v) or (type(v) is int and v == -1)),
}
"""What the config records of each placement of a layer: what it has to be, and the test of it."""


def describe(adapter: Adapter) -> dict[str, Any]:
    """What the config says of an adapter."""
    parts = {}
    for placement, family in adapter.parts():
        spec = {key: getattr(family.spec, key) for key in SPEC_FIELDS}
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
        settings = {field: part[field] for field in SPEC_FIELDS}
        phi = FAMILIES[family](Recorded(*part["size"]), Spec(**settings, scaling=part["scaling"]))
        phi.scaling = part["scaling"]
        _split_as_stored(phi, {k.removeprefix(f"{placement}."): s for k, s in shapes.items()})
        families[placement] = phi
    *_, last = families.values()
    return Adapter(family, families, torch.empty(last.size[1], device="meta") if "shift" in shapes else None)


def _split_as_stored(phi: Family, shapes: Shapes) -> None:
    """Give a LoKr the factors of its tensors: those of a foreign file need not follow the rule of ``split``."""
    small = shapes.get("C", ())
    rows, columns, channels = phi.size
    if not isinstance(phi, LoKr) or len(small) != 2 or 0 in small or channels % small[0] or columns % small[1]:
        return
    (m2, n2), r = (rows // small[0], columns // small[1]), phi.spec.rank
    phi.low_rank = "A" in shapes
    for name in {n for n, _ in phi.named_parameters()}:
        delattr(phi, name)
    for name, shape in {"C": small, **({"A": (m2, r), "B": (r, n2)} if phi.low_rank else {"D": (m2, n2)})}.items():
        setattr(phi, name, nn.Parameter(torch.empty(shape, device="meta")))
