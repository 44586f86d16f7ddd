"""The contents of each tool's adapter files, and `Kind`, which describes a kind of adapter in files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ioadapt_theory.adapters.families import Family

Shapes = Mapping[str, tuple[int, ...]]
Parts = Mapping[str, Tensor]
UNKNOWN = "not a known part of an adapter"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of adapter in files: a few tensors for each layer, in torch's layout of weights.

    Attributes:
        required: names, such as "down", of the tensors that every layer must have.
        optional: names of further tensors that a layer may have.
        rank: function from the shapes of a layer's tensors, by name, to the rank by which alpha is divided, or None if
            there is no rank and alpha is ignored.
        build: function from a layer's tensors, by name, and the scaling to our adapter of the layer's weight; works on
            meta tensors, too, to check their shapes.
    """

    required: frozenset[str]
    optional: frozenset[str]
    rank: Callable[[Shapes], int | None]
    build: Callable[[Parts, float], Family]
