"""The interface of a toy: a source model and its targets, and the training and measurement of adapters on them."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch import nn


class World(Protocol):
    """The models made from one seed, and how adapters on them are trained and measured.

    Attributes:
        models: "source" and every target of the protocol; callers copy a model before they change it.
        layers: names of the adapted layers.
    """

    models: Mapping[str, nn.Module]
    layers: tuple[str, ...]

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """Train the adapter of ``model``, a copy of the model named ``where``, in place.

        Returns:
            The validation loss; infinity if the training diverged.
        """

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Return the measures of ``model``, an adapted copy of the model named ``where``.

        Nuisance parameters, such as zeros of energy, are fitted anew for each copy.
        """

    def carrying(self) -> dict[str, Any]:
        """Return arguments for ``transfer``: unlabelled inputs, ``need``, and a ``call`` if a plain call is not enough.

        The inputs are from the adapter's domain, but not from the test data.
        """

    def own(self, model: nn.Module, where: str) -> float:
        """Return a loss that shows how good ``model``, named ``where``, is without an adapter; lower is better."""


class Toy(Protocol):
    """A module of ``toys`` with an experiment; REVISION is increased when the same run would give different results."""

    REVISION: int

    def world(self, seed: int, size: str, cache: Path) -> World:
        """Return the ``World`` of a seed; ``size`` is "full" or "quick", and trained models are stored in ``cache``."""


def toy(name: str) -> Toy:
    return import_module(f"toys.{name}")
