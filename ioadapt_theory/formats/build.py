"""Construction of an adapter from the tensors of one layer in a file: choice of its kind, and common checks."""

from collections.abc import Collection, Mapping

import torch
from torch.nn.functional import pad

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family, LoRA, Spec
from ioadapt_theory.adapters.families.family import Ranges, Size, picked
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats.kinds import Kind, Parts, Shapes, lora, lycoris

FILES = (lora, lycoris)
"""The modules of ``kinds`` that define kinds of adapters; add a new module here."""
KINDS: dict[str, Kind] = {name: kind for file in FILES for name, kind in file.KINDS.items()}
CORES = {"lora_mid", "hada_t1", "hada_t2", "lokr_t2"}
"""Cores of Tucker decompositions, which are not supported."""
SHIFTS = ("up_bias", "diff_b")
"""Biases of adapters: up_bias is scaled like the change of the weight; diff_b already includes the scaling."""


def kind_of(keys: Mapping[str, str]) -> str:
    """Return the kind of adapter with these parts; ``keys``: part -> key of its tensor."""
    parts = {*keys}
    for name, kind in KINDS.items():
        if kind.required <= parts <= kind.required | kind.optional:
            return name
    dora = parts & {"magnitude", "dora_scale"} and not parts & {"down", "up"}
    if dora or parts & CORES:
        what = "a DoRA magnitude without LoRA factors" if dora else "a Tucker core"
        msg = f"{what} is not supported; use the library that wrote the adapter to merge it into the base model"
        raise UnsupportedError(msg)
    raise _incomplete(parts, keys.values())


def _incomplete(parts: Collection[str], names: Collection[str]) -> FileFormatError:
    listed = ", ".join(sorted(names))
    if any({*parts} <= kind.required | kind.optional for kind in KINDS.values()):
        return FileFormatError(f"the adapter is incomplete and has only {listed}; download the file again")
    return FileFormatError(f"{listed} are tensors of different kinds of adapters; save the adapter again")


def rank_of(kind: str, shapes: Shapes) -> int | None:
    """Return the rank by which alpha is divided, or None if the adapter has no rank."""
    try:
        return KINDS[kind].rank(shapes)
    except IndexError:
        raise _misfit(shapes) from None


def _misfit(shapes: Shapes) -> FileFormatError:
    listed = ", ".join(f"{role} {list(shape)}" for role, shape in shapes.items())
    return FileFormatError(f"the shapes of the tensors do not fit together ({listed}); save the adapter again")


def build(kind: str, parts: Parts, scaling: float) -> Adapter:
    shapes = {role: tuple(t.shape) for role, t in parts.items()}
    if () in shapes.values():
        raise _misfit(shapes)  # torch only warns when a scalar is transposed
    try:
        phi = KINDS[kind].build(parts, scaling)
    except (FileFormatError, UnsupportedError):
        raise
    except KeyError:
        raise _incomplete(shapes, shapes) from None
    except (RuntimeError, IndexError, ValueError):
        raise _misfit(shapes) from None
    columns = phi.size[1]
    shifts = [(role, parts[role].flatten()) for role in SHIFTS if role in parts]
    if misfits := [b.numel() for _, b in shifts if b.numel() != columns]:
        msg = f"the adapter's bias has {misfits[0]} values, but the layer has {columns} outputs; save the adapter again"
        raise FileFormatError(msg)
    shift = [b if role == "up_bias" else b / phi.scaling for role, b in shifts]
    family = next(name for name, one in FAMILIES.items() if type(phi) is one)
    return Adapter(family, {Placement.WEIGHT: phi}, torch.stack(shift).sum(0) if shift else None)


def refit(adapter: Adapter, size: Size) -> None:
    """Set those sizes that do not follow from the adapter's tensors, such as a kernel's taps, from the layer's size."""
    _, columns, channels = size
    sizes: dict[Placement, Size] = {
        Placement.WEIGHT: size,
        Placement.INPUT: (channels, channels, channels),
        Placement.OUTPUT: (columns, columns, columns),
    }
    for placement, phi in adapter.parts():
        rows, outputs, inputs = phi.size
        here = sizes[placement]
        if rows in {0, here[0]} and outputs in {0, here[1]} and inputs == rows:
            phi.size = here


def widened(adapter: Adapter, columns: int) -> Adapter:
    """Return a LoRA of a weight for another number of outputs: the common ones; further outputs are not changed."""
    (_, phi), *_ = adapter.parts()
    n = columns - phi.size[1]
    b, shift = pad(phi.get_parameter("B"), (0, n)), adapter.shift
    size, spec = (phi.size[0], columns, phi.size[2]), Spec(rank=phi.spec.rank, scaling=phi.scaling)
    new = LoRA.stored(size, spec, {"A": phi.get_parameter("A"), "B": b})
    return Adapter("lora", {Placement.WEIGHT: new}, None if shift is None else pad(shift, (0, n)))


def cut(adapter: Adapter, ranges: Ranges) -> Adapter:
    """Return the part of an adapter for output ranges of its layer; raise UnsupportedError if it cannot be split."""
    parts = dict[Placement, Family]()
    for placement, phi in adapter.parts():
        if placement is Placement.OUTPUT:
            what = "an output adapter mixes all outputs of this fused layer, but the model has separate layers for them"
            msg = f"{what}; bake the adapter into a plain LoRA first"
            raise UnsupportedError(msg)
        parts[placement] = phi if placement is Placement.INPUT else phi.cut(ranges)
    kinds = {type(phi) for phi in parts.values()}
    if len(kinds) > 1:
        what = "a LoKr in two placements cannot be split inside a block of its Kronecker product, as this model needs"
        msg = f"{what}; bake it into a plain LoRA first"
        raise UnsupportedError(msg)
    family = next(name for name, kind in FAMILIES.items() if kind in kinds)
    return Adapter(family, parts, None if adapter.shift is None else picked(adapter.shift, ranges))
