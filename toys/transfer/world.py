"""What a toy brings: for one seed a source model, the targets, and how an adapter is trained and measured on them."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch import nn


class World(Protocol):
    """Everything that depends on the seed.

    Attributes:
        models: "source" and every target of the protocol; nobody changes them, they are copied first.
        layers: names of the layers that are adapted.
    """

    models: Mapping[str, nn.Module]
    layers: tuple[str, ...]

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """Train the adapter of a model made from ``where``, in place; the validation loss, infinite if it diverged."""

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Return what is reported of a model made from ``where``; a nuisance is fitted alike for every row."""

    def carrying(self) -> dict[str, Any]:
        """Return what ``transfer`` takes to carry an adapter over: inputs without labels, and how a model takes them.

        They are of what the adapter learned, and none of them is measured on.
        """

    def own(self, model: nn.Module, where: str) -> float:
        """Return how well a model still does what ``where`` was made for, lower is better."""


class Toy(Protocol):
    """A module of ``toys`` that has an experiment; REVISION rises when the same run would give other figures."""

    REVISION: int

    def world(self, seed: int, size: str, cache: Path) -> World:
        """Return the world of a seed; ``size`` is "full" or "quick"; what it trains is kept in ``cache``."""


def toy(name: str) -> Toy:
    """Return the toy of this name."""
    return import_module(f"toys.{name}")
