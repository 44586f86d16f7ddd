"""One adapter: put on a frozen network, trained, moved to another network, measured."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.adapters import adapt, parameters
from toys.ani.molecules import Split
from toys.ani.networks import Batch, Potential

PATIENCE = 8
"""Checks of the validation error without a new best after which training stops."""


@dataclass(frozen=True, slots=True)
class Method:
    """How a network is adapted.

    Attributes:
        label: for people.
        options: for ``adapt``; ranks make the numbers of parameters equal to a few percent.
    """

    label: str
    options: dict[str, Any]


METHODS = {
    "lora": Method("LoRA", {"target_modules": "all-linear", "placement": "weight", "rank": 4}),
    "input": Method("input adapter", {"target_modules": "all-linear", "placement": "input", "rank": 3}),
    "output": Method("output adapter", {"target_modules": "all-linear", "placement": "output", "rank": 6}),
    "lora_first": Method("LoRA (first layers)", {"target_modules": r"\w+\.0", "placement": "weight", "rank": 8}),
    "first": Method("input (first layers)", {"target_modules": r"\w+\.0", "placement": "input", "rank": 6}),
}
"""The last two act only where every network sees the same space, the features of an atom."""


def adapted(network: Potential, method: str, seed: int) -> Potential:
    """The network, frozen, with a fresh adapter on it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return adapt(network, **METHODS[method].options)  # type: ignore[return-value]


def rmse(energies: Tensor, wanted: Tensor) -> float:
    """Root mean square error."""
    return float((energies - wanted).detach().square().mean().sqrt())


def train(
    network: Potential,
    batch: Batch,
    wanted: Tensor,
    parts: Split,
    *,
    lr: float,
    steps: int,
    every: int,
    size: int,
    seed: int,
) -> dict[str, Any]:
    """Train the adapter with Adam; leave it as it was at its smallest validation error.

    The validation error is looked at every ``every`` steps. Training ends after PATIENCE looks without a new best,
    at the latest after ``steps`` steps.

    Args:
        network: with an adapter on it.
        batch: features of all geometries.
        wanted: (geometries,) energies.
        parts: which geometries train and which validate.
        lr: of Adam.
        steps: at most.
        every: steps between two looks.
        size: geometries in a step.
        seed: of the order of geometries, equal for all methods.

    Returns:
        ``validation``: the smallest error, ``step``: where it was, ``steps``: how many were made.
    """
    device = wanted.device
    order = np.random.default_rng(seed)
    look = torch.from_numpy(parts.validation).to(device)
    validation, goal = batch.take(look), wanted[look]
    learned = dict(parameters(network))
    optimizer = torch.optim.Adam(learned.values(), lr=lr)
    best, at, kept = float("inf"), 0, {}
    step = 0
    for step in range(steps + 1):
        if step % every == 0:
            with torch.no_grad():
                error = rmse(network(validation), goal)
            if error < best:  # NaN never is
                best, at, kept = error, step, {key: p.detach().clone() for key, p in learned.items()}
            elif step - at >= PATIENCE * every:
                break
        chosen = torch.from_numpy(order.choice(parts.train, size, replace=False)).to(device)
        loss = (network(batch.take(chosen)) - wanted[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for key, p in learned.items():
            p.copy_(kept[key])
    return {"validation": best, "step": at, "steps": step}
