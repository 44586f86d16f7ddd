"""One training of the experiment: adapter, source network, the networks it is moved to; cached by what defines it."""

import copy
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ioadapt_theory.adapters import count, scale, transfer
from ioadapt_theory.processes import pool
from ioadapt_theory.results import cached
from toys.ani.molecules import FILE, Split, Task, molecules, split, wanted
from toys.ani.networks import MEMBERS, Batch, Potential, features_of, potential
from toys.ani.training import METHODS, adapted, rmse, train

REVISION: Final = 1
"""Raised when the same configuration would give other figures, so that old cached ones are not taken for them."""
SCALES: Final = (0.25, 0.5, 0.75, 1.0)
"""Strengths at which a moved adapter is measured; 1 is a plain copy."""
ROLES: Final = ("source", "related", "unrelated")
"""Where an adapter is trained (ANI-1x), and the two places it is moved to."""


def network_of(role: str, member: int) -> tuple[str, int]:
    """Release and member: ANI-1x_i, the ANI-1ccx_i that was made from it, or the next, unrelated ANI-1x."""
    match role:
        case "source":
            return "1x", member
        case "related":
            return "1ccx", member
        case _:
            return "1x", (member + 1) % MEMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One adapter trained on one network.

    Attributes:
        task: what it shall learn.
        method: key of METHODS.
        rate: Adam's learning rate.
        member: the replicate: networks, split, first values and order of geometries.
        role: where it is trained; anything but the source makes it an oracle, which is not moved.
        seed: of the whole experiment.
        steps, every, size: see ``train``.
    """

    task: Task
    method: str
    rate: float
    member: int
    role: str = "source"
    seed: int
    steps: int
    every: int
    size: int

    def measure(self, device: str = "cpu") -> dict[str, Any]:
        """Train, move, and give errors on the molecules for testing: role -> strength -> kcal/mol."""
        data, batch = molecules(), _features(device)
        parts = split(data, _seed(self.seed, self.member))
        roles = ROLES if self.role == "source" else (self.role,)
        networks = {role: _network(*network_of(role, self.member), device) for role in roles}
        goals = {role: _goal(network, batch, self.task, parts) for role, network in networks.items()}
        trained = adapted(copy.deepcopy(networks[self.role]), self.method, _seed(self.seed, self.member))
        options = {"lr": self.rate, "steps": self.steps, "every": self.every, "size": self.size}
        found = train(trained, batch, goals[self.role], parts, seed=_seed(self.seed, self.member), **options)  # type: ignore[arg-type]
        test = torch.from_numpy(parts.test).to(device)
        held_out = batch.take(test)

        def error(network: Potential, role: str) -> float:
            with torch.no_grad():
                return rmse(network(held_out), goals[role][test])

        return {
            **found,
            "numbers": count(trained),
            "none": {role: error(network, role) for role, network in networks.items()},
            "moved": {
                role: {str(s): error(moved, role) for s, moved in _strengths(trained, network)}
                for role, network in networks.items()
            },
        }


def _strengths(trained: Potential, network: Potential) -> Iterator[tuple[float, Potential]]:
    """The adapter of ``trained`` on a copy of another network, which is the same object at every strength."""
    target = copy.deepcopy(network)
    transfer(trained, target)
    now = 1.0
    for strength in SCALES:
        scale(target, strength / now)
        now = strength
        yield strength, target


def _seed(seed: int, member: int) -> int:
    return MEMBERS * seed + member


def _goal(network: Potential, batch: Batch, task: Task, parts: Split) -> torch.Tensor:
    with torch.no_grad():
        base = network(batch)
    goal = wanted(molecules(), task, base.double().cpu().numpy(), parts.train)
    return torch.from_numpy(goal.astype(np.float32)).to(base.device)


@cache
def _features(device: str) -> Batch:
    return features_of(molecules()).to(device)


@cache
def _network(release: str, member: int, device: str) -> Potential:
    return potential(release, member).to(device)


def _run_one(folder: Path, device: str, training: Training) -> dict[str, Any]:
    torch.set_num_threads(1)  # the processes share the cores
    config = {"revision": REVISION, "labels": _labels(), "device": device.split(":")[0], **asdict(training)}
    config["options"] = METHODS[training.method].options
    return dict(cached(folder, config, partial(training.measure, device)))


@cache
def _labels() -> str:
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:16]


Runner = Callable[[list[Training]], dict[Training, dict[str, Any]]]


@contextmanager
def runner(folder: Path, *, device: str, jobs: int, progress: Callable[[int, int], object]) -> Iterator[Runner]:
    """Give a function that runs trainings in ``jobs`` processes (1: in this one) and keeps what is finished.

    Args:
        folder: of the cache.
        device: where to train.
        jobs: processes.
        progress: told about trainings that were added and finished.
    """
    one = partial(_run_one, folder, device)
    with pool(jobs) if jobs > 1 else nullcontext() as processes:

        def run(todo: list[Training]) -> dict[Training, dict[str, Any]]:
            progress(len(todo), 0)
            found = {}
            if processes is None:
                for training in todo:
                    found[training] = one(training)
                    progress(0, 1)
            else:
                futures = {processes.submit(one, training): training for training in todo}
                for future in as_completed(futures):
                    found[futures[future]] = future.result()
                    progress(0, 1)
            return found

        yield run
