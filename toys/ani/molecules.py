"""The labelled molecules, their split, and what the adapters shall learn; energies in kcal/mol."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from ioadapt_theory.errors import FileFormatError

FILE = Path(__file__).parents[1] / "data" / "molecules.npz"
KCAL_PER_MOL = 627.5094740631
"""In one hartree."""
ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8}
"""In the order of the networks."""


class Task(StrEnum):
    """What is asked of the adapted network.

    WATER: its own energy plus what a solvent adds (GFN2-xTB, ALPB water). The wanted change is the same for every base
    model, so that none is favoured.
    GFN2: the energy of another method, GFN2-xTB. The wanted change depends on the base model: the bases disagree.
    """

    WATER = "water"
    GFN2 = "gfn2"


@dataclass(frozen=True, slots=True)
class Molecules:
    """The labelled geometries; atoms of all of them lie one after the other.

    Attributes:
        smiles: a name for every molecule.
        molecule: (geometries,) which molecule it is.
        atoms: (geometries,) how many atoms it has.
        numbers: (all atoms,) atomic numbers.
        places: (all atoms, 3) coordinates, Å.
        energy: (geometries,) GFN2-xTB in gas.
        solvation: (geometries,) what ALPB water adds.
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
        """Return the geometry that each atom belongs to: (all atoms,)."""
        return np.repeat(np.arange(len(self.atoms)), self.atoms)

    @property
    def composition(self) -> np.ndarray:
        """Return how many atoms of each element a geometry has: (geometries, 4)."""
        counts = np.zeros((len(self.atoms), len(ELEMENTS)))
        kind = np.searchsorted(list(ELEMENTS.values()), self.numbers)
        np.add.at(counts, (self.geometry, kind), 1)
        return counts


@cache
def molecules(path: Path = FILE) -> Molecules:
    """Return the labelled set.

    Raises:
        FileFormatError: the file is missing or is not such a set.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {key: stored[key] for key in Molecules.__slots__}
    except (OSError, ValueError, KeyError) as error:
        msg = f"{path} is not the labelled set ({type(error).__name__}); toys/data/make_molecules.py makes it."
        raise FileFormatError(msg) from error
    for key in ("energy", "solvation"):
        found[key] = found[key] * KCAL_PER_MOL
    return Molecules(**found)


@dataclass(frozen=True, slots=True)
class Split:
    """Geometries for training, for choosing (early stopping, learning rate), and for the reported errors."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(data: Molecules, seed: int) -> Split:
    """Split the molecules at random, 60 / 20 / 20 %; all geometries of one molecule stay together."""
    order = np.random.default_rng(seed).permutation(len(data.smiles))
    cut = [round(0.6 * len(order)), round(0.8 * len(order))]
    return Split(*(np.flatnonzero(np.isin(data.molecule, part)) for part in np.split(order, cut)))


def wanted(data: Molecules, task: Task, base: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return (geometries,) the energies that the adapted network shall give, with a zero of energy per element.

    The change asked for, label minus base, is fitted on ``train`` by one number per element (energies of lone atoms,
    which are conventions and differ between methods); only what remains is left to learn.

    Args:
        data: the labelled set.
        task: which label.
        base: (geometries,) energies of the base network.
        train: geometries of the fit.
    """
    change = data.solvation if task is Task.WATER else data.energy - base
    return base + refitted(change, data.composition, train)


def refitted(energies: np.ndarray, composition: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Subtract one number for each element, fitted on ``train``, from differences of energies: (geometries,)."""
    per_element = np.linalg.lstsq(composition[train], energies[train], rcond=None)[0]
    left: np.ndarray = energies - composition @ per_element
    return left
