"""From the parts of one layer to our adapter: which kind of adapter they are, and what is checked on any kind."""

from collections.abc import Collection
from functools import lru_cache
from importlib import import_module

import torch

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family
from ioadapt_theory.adapters.families.family import Ranges, Size, picked
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import FileFormatError, ShapeError, UnsupportedError
from ioadapt_theory.formats.kinds import Kind, Parts, Shapes

NAMES = ("lora", "lycoris", "peanut")
"""The files of ``kinds`` that know kinds of adapters; a new one is added by its file and its name."""
KINDS: dict[str, Kind] = {
    name: kind for file in NAMES for name, kind in import_module(f"ioadapt_theory.formats.kinds.{file}").KINDS.items()
}
SHIFTS = ("up_bias", "diff_b")
"""Biases that an adapter brings along: to be scaled like its change, and scaled already."""


def kind_of(roles: Collection[str]) -> str:
    """Which kind of adapter has these parts.

    Raises:
        FileFormatError: parts are missing or do not belong together.
        UnsupportedError: they do, in a variant that our families do not have.
    """
    found = {*roles} - {"alpha"}
    for name, kind in KINDS.items():
        if found and kind.required <= found <= kind.required | kind.optional:
            return name
    if found & {"magnitude", "dora_scale"} and not found & {"down", "up"}:
        msg = "a DoRA magnitude on a LoHa or LoKr is not read here; let the library that wrote it merge it"
        raise UnsupportedError(msg)
    msg = f"the parts {', '.join(sorted(found)) or 'alpha alone'} make no whole adapter"
    raise FileFormatError(msg)


def rank_of(kind: str, shapes: Shapes) -> int | None:
    """The rank that alpha is divided by; None where there is none.

    Raises:
        FileFormatError: a rank of 0, or a part that is no matrix.
    """
    if empty := [role for role, shape in shapes.items() if 0 in shape]:
        msg = f"{empty[0]} has the shape {list(shapes[empty[0]])}, a rank 0 or no features"
        raise FileFormatError(msg)
    try:
        return KINDS[kind].rank(shapes)
    except IndexError:
        msg = f"the shapes {', '.join(f'{role} {list(shape)}' for role, shape in shapes.items())} are no matrices"
        raise FileFormatError(msg) from None


def build(kind: str, parts: Parts, scaling: float) -> Adapter:
    """Our adapter for the parts of one layer.

    Raises:
        FileFormatError: shapes that contradict each other.
        UnsupportedError: a variant that our families do not have.
    """
    try:
        if single := [role for role, t in parts.items() if t.ndim == 0]:
            raise ShapeError(single[0])  # where torch only warns
        family, placed = KINDS[kind].build(parts, scaling)
    except (RuntimeError, IndexError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        shapes = ", ".join(f"{role} {list(t.shape)}" for role, t in parts.items())
        msg = f"the shapes {shapes} do not fit together"
        raise FileFormatError(msg) from None
    (*_, last), columns = placed.values(), placed[Placement.WEIGHT].size[1] if Placement.WEIGHT in placed else 0
    shifts = [(role, parts[role].flatten()) for role in SHIFTS if role in parts]
    if any(b.shape != (columns,) for _, b in shifts):
        msg = f"a bias of {shifts[0][1].numel()} numbers for {columns} outputs"
        raise FileFormatError(msg)
    shift = [b if role == "up_bias" else b / last.scaling for role, b in shifts]
    return Adapter(family, placed, torch.stack(shift).sum(0) if shift else None)


def sketch(kind: str, shapes: Shapes, scaling: float) -> Adapter:
    """The same without numbers, from the shapes alone."""
    return _sketch(kind, tuple(shapes.items()), scaling).twin()


@lru_cache(256)
def _sketch(kind: str, shapes: tuple[tuple[str, tuple[int, ...]], ...], scaling: float) -> Adapter:
    """Kept, as tens of thousands of layers in a file are of a few shapes, and building modules is slow."""
    parts = {role: torch.empty(shape, dtype=torch.float32, device="meta") for role, shape in shapes}
    return build(kind, parts, scaling)


def refit(adapter: Adapter, size: Size) -> None:
    """Tell an adapter what its tensors do not show of the layer: a kernel's taps, sizes that its family has in none."""
    _, columns, channels = size
    wanted = {
        Placement.WEIGHT: size,
        Placement.INPUT: (channels, channels, channels),
        Placement.OUTPUT: (columns, columns, columns),
    }
    for placement, phi in adapter.parts():
        rows, found, unknown = phi.size
        here = wanted[placement]
        if rows in {0, here[0]} and found in {0, here[1]} and unknown == rows:
            phi.size = here


def cut(adapter: Adapter, ranges: Ranges) -> Adapter:
    """The adapter of a layer with these outputs [start, stop) alone, in this order; exact.

    An input adapter is the same for all outputs. What a family becomes is said by its ``cut``.

    Raises:
        UnsupportedError: an output adapter, which mixes the outputs, or parts that become of different families.
    """
    parts = dict[Placement, Family]()
    for placement, phi in adapter.parts():
        if placement is Placement.OUTPUT:
            msg = "an output adapter mixes the outputs of a layer that the model has in parts"
            raise UnsupportedError(msg)
        parts[placement] = phi if placement is Placement.INPUT else phi.cut(ranges)
    kinds = {type(phi) for phi in parts.values()}
    if len(kinds) > 1:
        msg = "a sum with a LoKr whose blocks end elsewhere than the layers of the model has no form here"
        raise UnsupportedError(msg)
    family = next(name for name, kind in FAMILIES.items() if kind in kinds)
    return Adapter(family, parts, None if adapter.shift is None else picked(adapter.shift, ranges))


def require_square(phi: Family, placement: Placement) -> None:
    """Refuse a side that changes the number of features: it stands where an identity stood.

    Raises:
        ShapeError: with its sizes.
    """
    rows, columns, _ = phi.size
    if placement is not Placement.WEIGHT and 0 not in {rows, columns} and rows != columns:
        msg = f"on the {placement} side it has to map the features to as many, not {rows} to {columns}"
        raise ShapeError(msg)
