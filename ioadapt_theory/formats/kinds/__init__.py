"""A module for each tool's files; and `Kind`, a kind of adapter in files."""

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
    """One kind of adapter as files hold it: a few tensors for each layer, stored as torch stores weights.

    Attributes:
        required: parts without which it is none, as files name them; at least one part there has to be.
        optional: parts that it may have.
        rank: what alpha is divided by, from the shapes; None where there is no rank, and alpha counts for nothing.
        build: (parts, scaling) -> our family's name, and a family for each placement; works on meta tensors as well, so
            that a file's shapes are checked before any of its numbers is read.
    """

    required: frozenset[str]
    optional: frozenset[str]
    rank: Callable[[Shapes], int | None]
    build: Callable[[Parts, float], Built]
