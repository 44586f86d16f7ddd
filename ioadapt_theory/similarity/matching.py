"""Pairing of the tensors of several checkpoints, with the reasons for skipping tensors."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ioadapt_theory.checkpoints.checkpoint import OTHER_DTYPES, Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.names.kinds import block, kind
from ioadapt_theory.checkpoints.names.unet import canonical
from ioadapt_theory.errors import UnknownNameError


class Space(StrEnum):
    """The compared matrices: the weights, or their Gram matrices over input channels or over output channels.

    >>> [str(space) for space in Space]
    ['weight', 'input', 'output']
    """

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"

    @classmethod
    def _missing_(cls, value: object) -> "Space":
        kind = "space"
        raise UnknownNameError(kind, str(value), cls)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that at least two models have.

    Attributes:
        name: Name used for matching, from the first model that has the layer.
        kind: One of `names.kinds.KINDS`, such as "conv", "norm" or "bias".
        block: The block of the network that contains the layer, such as ``down_blocks.0``.
        shape: The shape stored by the first model that has the layer.
        tensors: The layer's stored name in each model, or None for a model that lacks it.
    """

    name: str
    kind: str
    block: str
    shape: tuple[int, ...]
    tensors: tuple[str | None, ...]

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def models(self) -> tuple[int, ...]:
        return tuple(i for i, name in enumerate(self.tensors) if name is not None)

    def side(self, space: Space) -> tuple[int, int]:
        """Return the axis of the stored tensor with the input or output channels, as ``space`` says, and its size."""
        axis = int((space is Space.INPUT) != (self.kind == "embed"))
        return axis, self.shape[axis]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A tensor that was left out, the models that have it, and the reason."""

    name: str
    models: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Matching:
    """The paired layers, the skipped tensors, and notes about the pairing for the user."""

    layers: tuple[Layer, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def paired(checkpoints: Sequence[Checkpoint], labels: Sequence[str]) -> Matching:
    """Return the pairing of tensors that have the same name and, up to trailing 1s, the same shape."""
    names = [canonical(c.tensors) for c in checkpoints]
    groups: defaultdict[str, defaultdict[tuple[int, ...], dict[int, TensorInfo]]]
    groups = defaultdict(lambda: defaultdict(dict))
    skipped = []
    for i, checkpoint in enumerate(checkpoints):
        for stored, info in checkpoint.tensors.items():
            if not info.is_float:
                reason = f"{'unsupported dtype' if info.dtype in OTHER_DTYPES else 'not floating point'} ({info.dtype})"
                skipped.append(Skipped(names[i][stored], (labels[i],), reason))
            elif info.numel == 0:
                skipped.append(Skipped(names[i][stored], (labels[i],), "no elements"))
            else:
                groups[names[i][stored]][info.key].setdefault(i, info)
    unread = {s.name for s in skipped}  # not reported as missing, since the other model has them too
    layers = []
    for name, shapes in groups.items():
        for members in shapes.values():
            if len(members) > 1:
                tensors = tuple(members[i].name if i in members else None for i in range(len(checkpoints)))
                info = members[min(members)]
                axes = len(info.key) if len(info.key) < 2 else len(info.shape)  # [n, 1, 1] is a vector, not a kernel
                layers.append(Layer(name, kind(name, axes), block(name), info.shape, tensors))
        holders = {i: info for members in shapes.values() for i, info in members.items()}
        if len(shapes) > 1:
            told = ", ".join(f"{list(info.shape)} in {labels[i]}" for i, info in sorted(holders.items()))
            skipped.append(Skipped(name, tuple(labels[i] for i in sorted(holders)), f"shapes differ: {told}"))
        elif len(holders) == 1 and name not in unread:
            (only,) = holders
            skipped.append(Skipped(name, (labels[only],), "in no other model"))
    return Matching(tuple(layers), tuple(skipped), tuple(_other_depths(names, labels)))


def _other_depths(names: Sequence[Mapping[str, str]], labels: Sequence[str]) -> list[str]:
    """Return a note for each model that shares numbered modules with the first model, but has more or fewer of them."""
    parts = [
        {name[: m.end()] for name in plain.values() for m in re.finditer(r"(?:^|\.)\d+(?=\.)", name)} for plain in names
    ]
    return [
        f"{labels[0]} has {len(parts[0])} numbered modules, and {labels[i]} has {len(some)}. If blocks were removed and"
        " renumbered, the same name may refer to different layers; `ioadapt transfer --match provenance` pairs"
        " layers by their weights."
        for i, some in enumerate(parts)
        if len(some) != len(parts[0]) and parts[0] & some
    ]
