"""Training an adapter on a network for energies of molecules, to its smallest validation error."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.adapters import parameters
from toys.ani.molecules import Split
from toys.ani.networks import Batch, Potential

PATIENCE = 6
"""Checks of the validation error without a new best after which training stops."""


def rmse(energies: Tensor, wanted: Tensor) -> float:
    """Return root mean square error."""
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
    optimizer = torch.optim.Adam(learned.values(), lr=lr, fused=True)
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
