"""Training of an adapter on the energies of molecules, with early stopping."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ioadapt_theory.adapters import parameters
from toys.ani.molecules import Split
from toys.ani.networks import Batch, Potential

PATIENCE = 6
"""Number of validation checks without improvement after which training stops."""


def rmse(energies: Tensor, wanted: Tensor) -> float:
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
    """Train the adapter with Adam, then restore its parameters from the check with the smallest validation error.

    Args:
        network: the network with the adapter.
        batch: features of all geometries.
        wanted: (geometries,) target energies.
        parts: the geometries for training and validation.
        lr: learning rate of Adam.
        steps: number of steps, unless PATIENCE checks without improvement end the training earlier.
        every: number of steps between checks of the validation error.
        size: batch size in geometries.
        seed: seed of the random batches.

    Returns:
        ``validation``: the smallest validation error (root mean square); ``step``: the step of that check; ``steps``:
        the step at which training ended.
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
            if error < best:  # False for NaN
                best, at, kept = error, step, {key: p.detach().clone() for key, p in learned.items()}
            elif step - at >= PATIENCE * every:
                break
        chosen = torch.from_numpy(order.choice(parts.train, size, replace=False)).to(device)
        loss = (network(batch.take(chosen)) - wanted[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for key, value in kept.items():  # {} if every error is NaN
            learned[key].copy_(value)
    return {"validation": best, "step": at, "steps": step}
