"""The networks of ANI-1x and ANI-1ccx from torchani: one small network per element; the atoms' energies are summed.

The features of an atom (AEVs: 384 numbers that describe its surroundings) do not depend on trained parameters and are
the same for both models, so they are computed once.
"""

import copy
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ioadapt_theory.errors import MissingExtraError, UnsupportedError
from toys.ani.molecules import ELEMENTS, KCAL_PER_MOL, Molecules
from toys.data.weights import verified

MEMBERS = 8
"""Number of networks in an ensemble; member i of ANI-1ccx was fine-tuned from member i of ANI-1x."""
RELEASES = {"1x": "ani-1x_8x", "1ccx": "ani-1ccx_8x"}


@dataclass(frozen=True, slots=True)
class Batch:
    """The features of the atoms in a batch of geometries, grouped by element.

    Attributes:
        features: element -> features of the atoms of this element, (atoms, 384).
        geometry: element -> index of the geometry of each of these atoms, (atoms,), from 0 to size - 1.
        size: number of geometries.
    """

    features: Mapping[str, Tensor]
    geometry: Mapping[str, Tensor]
    size: int

    def take(self, geometries: Tensor) -> "Batch":
        """Return a batch of the geometries with these indices, which must be distinct, in this order."""
        place = torch.full((self.size,), -1, device=geometries.device)
        place[geometries] = torch.arange(len(geometries), device=geometries.device)
        here = {e: place[g] for e, g in self.geometry.items()}
        rows = {e: torch.nonzero(p >= 0).squeeze(1) for e, p in here.items()}
        features = {e: self.features[e].index_select(0, r) for e, r in rows.items()}
        return Batch(features, {e: here[e][r] for e, r in rows.items()}, len(geometries))

    def to(self, device: str) -> "Batch":
        features, geometry = ({e: t.to(device) for e, t in part.items()} for part in (self.features, self.geometry))
        return Batch(features, geometry, self.size)


class Potential(nn.ModuleDict):
    """One network per element; maps a ``Batch`` to energies summed over the atoms, (geometries,), in kcal/mol."""

    def forward(self, batch: Batch) -> Tensor:
        some = next(self.parameters())
        energies = torch.zeros(batch.size, dtype=some.dtype, device=some.device)
        for element, network in self.items():
            atoms = network(batch.features[element]).squeeze(1)
            energies = energies.index_add(0, batch.geometry[element], atoms)
        return energies * KCAL_PER_MOL


def potential(release: str, member: int) -> Potential:
    """Return a float32 copy of network ``member`` of the ensemble ``release``, a key of RELEASES."""
    return copy.deepcopy(_read(release, member))


def renumbered(potential: Potential, seed: int) -> Potential:
    """Return a copy that computes the same function, with the neurons of every hidden layer permuted."""
    other = copy.deepcopy(potential)
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for network in other.values():
            layers = [layer for layer in network.children() if isinstance(layer, nn.Linear)]
            for layer, after in pairwise(layers):
                order = torch.randperm(layer.out_features, generator=drawn)
                layer.weight.copy_(layer.weight[order])
                layer.bias.copy_(layer.bias[order])
                after.weight.copy_(after.weight[:, order])
    return other


@cache
def _read(release: str, member: int) -> Potential:
    neurochem = _torchani().neurochem
    folder = verified(_resources() / RELEASES[release], "torchani") / f"train{member}" / "networks"
    with _plain_float32():
        return Potential({e: neurochem.load_atomic_network(str(folder / f"ANN-{e}.nnf")) for e in ELEMENTS})


def features_of(data: Molecules) -> Batch:
    """Return the features of all atoms, as one batch of all geometries.

    Raises:
        MissingExtraError: torchani (or one of its dependencies) is not installed.
        UnsupportedError: the two releases define different features.
    """
    torchani = _torchani()
    constants = [next((_resources() / folder).glob("*.params")) for folder in RELEASES.values()]
    if len({path.read_bytes() for path in constants}) != 1:
        msg = (
            "The installed torchani defines different features for ANI-1x and ANI-1ccx, but one set is computed for"
            " both; install torchani==1.2."
        )
        raise UnsupportedError(msg)
    kind = np.searchsorted(list(ELEMENTS.values()), data.numbers)
    first = np.concatenate([[0], np.cumsum(data.atoms)])
    species = torch.full((len(data.atoms), int(data.atoms.max())), -1)
    places = torch.zeros(*species.shape, 3, dtype=torch.float32)
    for g, n in enumerate(data.atoms):
        here = slice(first[g], first[g + 1])
        species[g, :n] = torch.from_numpy(kind[here])
        places[g, :n] = torch.from_numpy(data.places[here])
    with _plain_float32(), torch.no_grad():
        computer = torchani.AEVComputer(**torchani.neurochem.Constants(str(constants[0])))
        parts = [computer((species[k : k + 64], places[k : k + 64]))[1] for k in range(0, len(species), 64)]
    atoms = torch.cat(parts)[species >= 0]
    geometry = torch.from_numpy(data.geometry)
    rows = {e: torch.from_numpy(np.flatnonzero(kind == k)) for k, e in enumerate(ELEMENTS)}
    return Batch({e: atoms[r] for e, r in rows.items()}, {e: geometry[r] for e, r in rows.items()}, len(data.atoms))


@contextmanager
def _plain_float32() -> Iterator[None]:
    """Within the context, set torch's default dtype to float32, for torchani's tensors, and ignore all warnings."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(dtype)


@cache
def _torchani() -> Any:
    try:
        with _plain_float32():
            import torchani
    except ImportError as error:
        raise MissingExtraError(error.name or "torchani", "molecules") from error
    return torchani


def _resources() -> Path:
    return Path(_torchani().__file__).with_name("resources")
