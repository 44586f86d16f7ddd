"""The contents of each tool's adapter files, and `Kind`, which describes a kind of adapter in files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import Family

Shapes = Mapping[str, tuple[int, ...]]
Parts = Mapping[str, Tensor]
Built = tuple[str, dict[Placement, Family]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of adapter in files: a few tensors for each layer, in torch's layout of weights.

    Attributes:
        required: parts that the adapter must have, by their names in files.
        optional: further parts that the adapter may have.
        rank: shapes -> the rank by which alpha is divided, or None if there is no rank and alpha is ignored.
        build: (parts, scaling) -> our family's name, and a family for each placement; also works on meta tensors, so
            that a file's shapes are checked before its values are read.
    """

    required: frozenset[str]
    optional: frozenset[str]
    rank: Callable[[Shapes], int | None]
    build: Callable[[Parts, float], Built]
