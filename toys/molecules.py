"""Adapters of the networks ANI-1x and ANI-1ccx are moved to related, permuted and unrelated networks.

No download and no GPU are needed: the 2 x 8 networks are shipped with torchani, the labelled molecules with this
repository. Every ANI-1ccx network was fine-tuned from an ANI-1x network. The zero of energy of each element is a
convention. It is fitted for every row of the tables on the training molecules, so that no row is better because of it.

Examples:
  python toys/molecules.py            two tasks, both directions, 8 members; learning rates chosen for every method
  python toys/molecules.py --quick    one task, one direction, 2 members
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from toys.ani.molecules import Split, Task, molecules, refitted, split, wanted
from toys.ani.networks import MEMBERS, Batch, Potential, features_of, potential, renumbered
from toys.ani.training import train
from toys.transfer import command

REVISION: Final = 1
RELEASES: Final = {"ANI-1x": "1x", "ANI-1ccx": "1ccx"}


@dataclass(frozen=True, slots=True)
class Size:
    """Maximum number of steps, number of steps between validation checks, and batch size in geometries."""

    steps: int
    every: int
    batch: int


SIZES: Final = {"full": Size(120, 20, 16), "quick": Size(60, 20, 16)}


class World:
    """The models made from one seed, and how adapters on them are trained and measured.

    ``case`` names the task, the source and its kin, as in "water: ANI-1x to ANI-1ccx"; one of the two was fine-tuned
    from the other. ``seed`` determines the member of the ensembles and the split of the molecules.
    """

    def __init__(self, seed: int, size: str, case: str) -> None:
        task, _, way = case.partition(": ")
        source, kin = (RELEASES[name] for name in way.split(" to "))
        member = seed % MEMBERS
        self.seed, self.size, self.task = seed, SIZES[size], Task(task)
        self.parts: Split = split(molecules(), seed)
        here = potential(source, member)
        self.models: Mapping[str, nn.Module] = {
            "source": here,
            "kin": potential(kin, member),
            "renumbered": renumbered(here, seed),
            "apart": potential(source, (member + 1) % MEMBERS),
        }
        for model in self.models.values():
            model.requires_grad_(requires_grad=False)
        self.layers = tuple(name for name, m in here.named_modules() if isinstance(m, nn.Linear))
        self._goals: dict[str, Tensor] = {}

    def goal(self, where: str) -> Tensor:
        """Return the energies that an adapter on the model ``where`` learns to predict, (geometries,), in kcal/mol."""
        if where not in self._goals:
            base = energies(self.models[where], features())
            self._goals[where] = torch.from_numpy(
                wanted(molecules(), self.task, base, self.parts.train).astype(np.float32)
            )
        return self._goals[where]

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """Train the adapter; return the smallest root mean square error on the validation molecules, in kcal/mol."""
        steps, every, batch = self.size.steps, self.size.every, self.size.batch
        options: dict[str, Any] = {"steps": steps, "every": every, "size": batch, "seed": self.seed}
        assert isinstance(model, Potential)
        return float(train(model, features(), self.goal(where), self.parts, lr=rate, **options)["validation"])

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Return the root mean square error on test molecules in kcal/mol, with the zeros of energy fitted."""
        return {"kcal/mol": self._error(model, self.goal(where).double().numpy())}

    def carrying(self) -> dict[str, Any]:
        at = torch.from_numpy(self.parts.validation)
        return {"inputs": at, "call": lambda model, some: model(features().take(some)), "need": "change"}

    def own(self, model: nn.Module, where: str) -> float:
        """Return the root mean square error against GFN2-xTB energies, on which neither release was trained."""
        del where
        return self._error(model, molecules().energy)

    def _error(self, model: nn.Module, goal: np.ndarray) -> float:
        at = np.concatenate([self.parts.train, self.parts.test])
        missing = goal[at] - energies(model, features().take(torch.from_numpy(at)))
        left = refitted(missing, molecules().composition[at], np.arange(len(self.parts.train)))
        return float(np.sqrt(np.mean(left[len(self.parts.train) :] ** 2)))


def energies(model: nn.Module, batch: Batch) -> np.ndarray:
    with torch.no_grad():
        found: np.ndarray = model(batch).double().numpy()
        return found


@once
def features() -> Batch:
    return features_of(molecules())


def world(seed: int, size: str, cache: Path, case: str) -> World:
    del cache
    return World(seed, size, case)


def main(argv: list[str] | None = None) -> int:
    return command.main("molecules", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
