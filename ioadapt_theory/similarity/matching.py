"""Pairing of the tensors of several checkpoints, with what is left out and why."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from ioadapt_theory.checkpoints.checkpoint import OTHER_DTYPES, Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.names.kinds import block, kind
from ioadapt_theory.checkpoints.names.unet import canonical
from ioadapt_theory.checkpoints.provenance import origins
from ioadapt_theory.errors import InvalidValueError


class Match(StrEnum):
    """Way to pair the layers of checkpoints: equal names, or for block-removed UNets equal origin."""

    NAME = "name"
    PROVENANCE = "provenance"


class Space(StrEnum):
    """Object of a comparison: the weights, or the spaces on either side of them.

    Example:
        >>> from ioadapt_theory.similarity import Space
        >>> [str(space) for space in Space]
        ['weight', 'input', 'output']
    """

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer shared by two models or more.

    Attributes:
        name: The name it is matched by; with several models, the first one's.
        kind: One of `names.KINDS`.
        block: The block of the network it sits in.
        shape: As stored by the first model that has it.
        tensors: Its stored name in every model, None where a model lacks it.
    """

    name: str
    kind: str
    block: str
    shape: tuple[int, ...]
    tensors: tuple[str | None, ...]

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def models(self) -> tuple[int, ...]:
        """Positions of the models that have it."""
        return tuple(i for i, name in enumerate(self.tensors) if name is not None)

    def side(self, space: Space) -> tuple[int, int]:
        """Return the stored tensor's axis of this side, and its number of channels."""
        axis = int((space is Space.INPUT) != (self.kind == "embed"))
        return axis, self.shape[axis]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A tensor that was left out."""

    name: str
    models: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Matching:
    """The paired layers, the skipped tensors, and notes about the pairing for the user."""

    layers: tuple[Layer, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()

    def stored(self, model: int) -> list[str]:
        """Return the names of a model's tensors that are to be read."""
        return [name for layer in self.layers if (name := layer.tensors[model]) is not None]


def paired(checkpoints: Sequence[Checkpoint], labels: Sequence[str], match: Match) -> Matching:
    """Pair tensors of equal name, or equal origin, and equal shape up to trailing 1s.

    Returns:
        The layers, the tensors without a partner, and notes where equal names mislead.

    Raises:
        InvalidValueError: Provenance is asked for, blocks were removed, and no model is a student of a known layout.
    """
    names = [canonical(c.tensors) for c in checkpoints]
    teachers = [origins(plain.values()) for plain in names]
    depths = [] if any(teachers) else _other_depths(names, labels)
    if match is Match.NAME:
        layers, skipped = _grouped(checkpoints, labels, names)
        return Matching(layers, skipped, (*_wrong_origins(layers, labels, teachers), *depths))
    if depths:
        msg = f"--match provenance knows block-removed UNets of SD-1.x (BK-SDM) only; {depths[0]}."
        raise InvalidValueError(msg)
    keys = [
        {stored: (teacher or {}).get(name, name) for stored, name in plain.items()}
        for plain, teacher in zip(names, teachers, strict=True)
    ]
    notes = [f"{labels[i]} is traced back to its teacher's layers" for i, teacher in enumerate(teachers) if teacher]
    return Matching(*_grouped(checkpoints, labels, keys), tuple(notes))


def _grouped(
    checkpoints: Sequence[Checkpoint], labels: Sequence[str], keys: Sequence[Mapping[str, str]]
) -> tuple[tuple[Layer, ...], tuple[Skipped, ...]]:
    """Pair tensors of equal key and equal shape, up to trailing 1s; ``keys`` has one for every stored name."""
    groups: defaultdict[str, defaultdict[tuple[int, ...], dict[int, TensorInfo]]]
    groups = defaultdict(lambda: defaultdict(dict))
    skipped = []
    for i, checkpoint in enumerate(checkpoints):
        for stored, info in checkpoint.tensors.items():
            if not info.is_float:
                cannot = " that can be computed with" if info.dtype in OTHER_DTYPES else ""
                reason = f"not floating point{cannot} ({info.dtype})"
                skipped.append(Skipped(keys[i][stored], (labels[i],), reason))
            elif info.numel == 0:
                skipped.append(Skipped(keys[i][stored], (labels[i],), "no elements"))
            else:
                groups[keys[i][stored]][info.key].setdefault(i, info)
    unread = {s.name for s in skipped}  # not "only there": the other has it, and why it does not count is said
    layers = []
    for name, shapes in groups.items():
        for members in shapes.values():
            if len(members) > 1:
                tensors = tuple(members[i].name if i in members else None for i in range(len(checkpoints)))
                info = members[min(members)]
                axes = len(info.key) if len(info.key) < 2 else len(info.shape)  # [n, 1, 1] is a vector, not a kernel
                layers.append(
                    Layer(name=name, kind=kind(name, axes), block=block(name), shape=info.shape, tensors=tensors)
                )
        holders = {i: info for members in shapes.values() for i, info in members.items()}
        if len(shapes) > 1:
            told = ", ".join(f"{list(info.shape)} in {labels[i]}" for i, info in sorted(holders.items()))
            skipped.append(Skipped(name, tuple(labels[i] for i in sorted(holders)), f"shapes differ: {told}"))
        elif len(holders) == 1 and name not in unread:
            (only,) = holders
            skipped.append(Skipped(name, (labels[only],), "only there"))
    return tuple(layers), tuple(skipped)


def _wrong_origins(
    layers: Sequence[Layer], labels: Sequence[str], teachers: Sequence[Mapping[str, str] | None]
) -> list[str]:
    """Return a note for each pair of models in which equal names are layers of different origin."""

    def origin(i: int, name: str) -> str:
        return (teachers[i] or {}).get(name, name)

    notes = []
    for i, j in combinations(range(len(labels)), 2):
        common = [x for x in layers if x.tensors[i] is not None and x.tensors[j] is not None]
        wrong = [x for x in common if origin(i, x.name) != origin(j, x.name)]
        if wrong:
            matrices, parameters = sum(len(x.shape) > 1 for x in wrong), sum(x.numel for x in wrong)
            notes.append(
                f"{labels[i]} | {labels[j]}: {len(wrong)} of {len(common)} common names ({matrices} of them matrices, "
                f"{parameters / 1e6:.1f} M parameters) are layers of different origin, because blocks were removed and "
                "renumbered: see --match provenance"
            )
    return notes


def _other_depths(names: Sequence[Mapping[str, str]], labels: Sequence[str]) -> list[str]:
    """Return a note for each model with more or fewer numbered blocks than the first."""
    blocks = [
        {name[: m.end()] for name in plain.values() if (m := re.search(r"(?:^|\.)\d+(?=\.)", name))} for plain in names
    ]
    return [
        f"{labels[0]} has {len(blocks[0])} numbered blocks and {labels[i]} {len(some)}: if blocks were removed and "
        "renumbered, equal names are different layers; `ioadapt report` pairs them by their contents"
        for i, some in enumerate(blocks)
        if len(some) != len(blocks[0]) and blocks[0] & some
    ]


def reasons(skipped: Sequence[Skipped]) -> Counter[str]:
    """Count the skipped tensors by reason, ignoring details."""
    return Counter(
        f"only in {', '.join(s.models)}" if s.reason == "only there" else s.reason.split(":")[0].split(" (")[0]
        for s in skipped
    )
