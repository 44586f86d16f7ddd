"""Our adapter from the parts of one layer in a file: which kind of adapter they are, with the checks of any kind."""

from collections.abc import Collection
from functools import lru_cache

import torch

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family
from ioadapt_theory.adapters.families.family import Ranges, Size, picked
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.errors import FileFormatError, ShapeError, UnsupportedError
from ioadapt_theory.formats.kinds import Kind, Parts, Shapes, lora, lycoris, peanut

FILES = (lora, lycoris, peanut)
"""The modules of ``kinds`` that have kinds of adapters; a new one is imported and added here."""
KINDS: dict[str, Kind] = {name: kind for file in FILES for name, kind in file.KINDS.items()}
SHIFTS = ("up_bias", "diff_b")
"""Biases that an adapter brings along: to be scaled like its change, and scaled already."""


def kind_of(roles: Collection[str]) -> str:
    """Return the name of the kind of adapter that has these parts.

    Raises:
        FileFormatError: parts are missing or do not belong together.
        UnsupportedError: they do, in a variant that our families do not have.
    """
    parts = {*roles} - {"alpha"}
    for name, kind in KINDS.items():
        if parts and kind.required <= parts <= kind.required | kind.optional:
            return name
    if parts & {"magnitude", "dora_scale"} and not parts & {"down", "up"}:
        msg = "a DoRA magnitude on a LoHa or LoKr is not supported; merge it with the library that wrote it"
        raise UnsupportedError(msg)
    msg = f"incomplete adapter: found only {', '.join(sorted(parts)) or 'alpha'}"
    raise FileFormatError(msg)


def rank_of(kind: str, shapes: Shapes) -> int | None:
    """Return the rank that alpha is divided by; None where there is none.

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
    """Return our adapter for the parts of one layer.

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
    """Return the same without numbers, from the shapes alone."""
    return _sketch(kind, tuple(shapes.items()), scaling).twin()


@lru_cache(256)
def _sketch(kind: str, shapes: tuple[tuple[str, tuple[int, ...]], ...], scaling: float) -> Adapter:
    """Cached, as tens of thousands of layers in a file are of a few shapes, and building modules is slow."""
    parts = {role: torch.empty(shape, dtype=torch.float32, device="meta") for role, shape in shapes}
    return build(kind, parts, scaling)


def refit(adapter: Adapter, size: Size) -> None:
    """Set what an adapter's tensors do not show of the layer: a kernel's taps, sizes that its family has in none."""
    _, columns, channels = size
    sizes = {
        Placement.WEIGHT: size,
        Placement.INPUT: (channels, channels, channels),
        Placement.OUTPUT: (columns, columns, columns),
    }
    for placement, phi in adapter.parts():
        rows, outputs, inputs = phi.size
        here = sizes[placement]
        if rows in {0, here[0]} and outputs in {0, here[1]} and inputs == rows:
            phi.size = here


def cut(adapter: Adapter, ranges: Ranges) -> Adapter:
    """Return the adapter for these outputs [start, stop) of its layer alone, in this order; exact.

    An input adapter is the same for all outputs; other parts are cut by their family's ``cut``.

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
        msg = "a sum with a LoKr is supported only where its blocks end with the model's layers"
        raise UnsupportedError(msg)
    family = next(name for name, kind in FAMILIES.items() if kind in kinds)
    return Adapter(family, parts, None if adapter.shift is None else picked(adapter.shift, ranges))
