"""The labelled molecules, their split into three sets, and the tasks of adapters; all energies are in kcal/mol."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from ioadapt_theory.errors import FileFormatError

FILE = Path(__file__).parents[1] / "data" / "molecules.npz"
KCAL_PER_MOL = 627.5094740631
"""Kilocalories per mole in one hartree."""
ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8}
"""Symbol -> atomic number of every element, in torchani's order."""


class Task(StrEnum):
    """The energies that an adapter learns to predict.

    Attributes:
        WATER: the base network's energy plus the solvation energy in water (GFN2-xTB with ALPB). The change to learn is
            the same for every base network.
        GFN2: the energy that another method, GFN2-xTB, computes. The change to learn depends on the base network.
    """

    WATER = "water"
    GFN2 = "gfn2"


@dataclass(frozen=True, slots=True)
class Molecules:
    """The labelled geometries, with their atoms concatenated; energies are in kcal/mol.

    Attributes:
        smiles: the SMILES of every molecule.
        molecule: (geometries,) index of the molecule in ``smiles``.
        atoms: (geometries,) number of atoms.
        numbers: (all atoms,) atomic numbers.
        places: (all atoms, 3) coordinates in Å.
        energy: (geometries,) GFN2-xTB energy in the gas phase.
        solvation: (geometries,) solvation energy in water (ALPB).
    """

    smiles: np.ndarray
    molecule: np.ndarray
    atoms: np.ndarray
    numbers: np.ndarray
    places: np.ndarray
    energy: np.ndarray
    solvation: np.ndarray

    @property
    def geometry(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.atoms)), self.atoms)

    @property
    def composition(self) -> np.ndarray:
        """Return the number of atoms of each element in each geometry, (geometries, 4), in the order of ELEMENTS."""
        counts = np.zeros((len(self.atoms), len(ELEMENTS)))
        kind = np.searchsorted(list(ELEMENTS.values()), self.numbers)
        np.add.at(counts, (self.geometry, kind), 1)
        return counts


@cache
def molecules(path: Path = FILE) -> Molecules:
    """Return the labelled molecules in an ``.npz`` file, with energies converted from hartree to kcal/mol.

    Raises:
        FileFormatError: the file is missing, or its content is not a set of labelled molecules.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {key: stored[key] for key in Molecules.__slots__}
    except (OSError, ValueError, KeyError) as error:
        msg = (
            f"{path} is missing or does not contain labelled molecules ({type(error).__name__}); create it with"
            f" python toys/data/make_molecules.py {path}."
        )
        raise FileFormatError(msg) from error
    for key in ("energy", "solvation"):
        found[key] = found[key] * KCAL_PER_MOL
    return Molecules(**found)


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of the geometries for training, validation (early stopping, choice of learning rates) and testing."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(data: Molecules, seed: int) -> Split:
    """Return a random split of the molecules (60, 20 and 20 %), which keeps the geometries of a molecule together."""
    order = np.random.default_rng(seed).permutation(len(data.smiles))
    cut = [round(0.6 * len(order)), round(0.8 * len(order))]
    return Split(*(np.flatnonzero(np.isin(data.molecule, part)) for part in np.split(order, cut)))


def wanted(data: Molecules, task: Task, base: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the target energies of the adapted network, (geometries,): the base network's energies plus a change.

    The change is the solvation energy (WATER), or the GFN2-xTB energy minus the base network's (GFN2); in both cases, a
    constant per atom of each element is subtracted. The constants, fitted on ``train``, remove the energies of isolated
    atoms, which are conventions that differ between methods.

    Args:
        data: the labelled molecules.
        task: the task that determines the labels.
        base: (geometries,) energies of the base network.
        train: indices of the geometries that are used in the fit.
    """
    change = data.solvation if task is Task.WATER else data.energy - base
    return base + refitted(change, data.composition, train)


def refitted(energies: np.ndarray, composition: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return ``energies``, (geometries,), minus a constant per atom of each element, fitted on ``train``."""
    per_element = np.linalg.lstsq(composition[train], energies[train], rcond=None)[0]
    left: np.ndarray = energies - composition @ per_element
    return left
