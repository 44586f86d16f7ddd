"""The interface of a toy: the source and the targets of a seed, and the training and measurement of adapters."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch import nn


class World(Protocol):
    """The models, data and task of one seed.

    Attributes:
        models: "source" and every target of the protocol; they are copied before any change.
        layers: names of the adapted layers.
    """

    models: Mapping[str, nn.Module]
    layers: tuple[str, ...]

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """Train the adapter of ``model``, a copy of ``where``, in place.

        Returns:
            The validation loss; infinity if the training diverged.
        """

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Return the measures of ``model``, an adapted copy of ``where``.

        Nuisance parameters, such as zeros of energy, are fitted anew for each copy.
        """

    def carrying(self) -> dict[str, Any]:
        """Return arguments for ``transfer``: unlabelled inputs, ``need``, and a ``call`` if a plain call is not enough.

        The inputs are from the adapter's domain, but not from the test data.
        """

    def own(self, model: nn.Module, where: str) -> float:
        """Return a loss that shows how good the model is without an adapter; lower is better."""


class Toy(Protocol):
    """A module of ``toys`` with an experiment; REVISION is increased when the same run would give different results."""

    REVISION: int

    def world(self, seed: int, size: str, cache: Path) -> World:
        """Return the models, data and task of a seed; ``size`` is "full" or "quick"; trained models go to ``cache``."""


def toy(name: str) -> Toy:
    return import_module(f"toys.{name}")
