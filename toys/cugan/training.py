"""Adapters on the generators: methods of equal size, their training on a task, and their error on test patches."""

import copy
from functools import cache
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import adapt, parameters
from toys.cugan.images import TASKS, TEST, TRAINING, VALIDATION, patches
from toys.cugan.networks import CONVOLUTIONS, upscaler

FIRST: Final = tuple(name for name in CONVOLUTIONS if name.startswith("shallow."))
METHODS: Final[dict[str, dict[str, Any]]] = {
    "lora": {"placement": "weight", "rank": 4},
    "lora-first": {"placement": "weight", "rank": 16, "layers": FIRST},
    "input": {"placement": "input", "rank": 18},
    "output": {"placement": "output", "rank": 18},
}
"""Placement, rank and layers of each method; the numbers of parameters differ by at most 5 %."""
RATES: Final = {"lora": 3e-3, "lora-first": 1e-3, "input": 3e-3, "output": 1e-3}
STEPS, BATCH, SIZE = 40, 4, 24


def adapted(name: str, method: str, seed: int) -> nn.Module:
    """Return a copy of the generator with a fresh adapter of a method."""
    options = dict(METHODS[method])
    layers = list(options.pop("layers", CONVOLUTIONS))
    rank = options.pop("rank")
    narrow = {f"^{one}$": 3 for one in layers if one.endswith("outer.first")} if method == "input" else {}
    narrow |= {"^deep.out$": 3} if method == "output" else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return adapt(copy.deepcopy(upscaler(name)), target_modules=layers, rank=rank, rank_pattern=narrow, **options)


def train(model: nn.Module, task: str, rate: float, seed: int, steps: int = STEPS) -> None:
    """Train the adapter of ``model`` in place, on random patches of the training photographs."""
    weights = [p for _, p in parameters(model)]
    optimiser = torch.optim.Adam(weights, lr=rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: min(1.0, (k + 1) / 5) * (1 - k / steps))
    for step in range(steps):
        x, y = TASKS[task](*patches(TRAINING, BATCH, SIZE, seed * steps + step))
        optimiser.zero_grad()
        (model(x) - y).square().mean().backward()
        optimiser.step()
        schedule.step()


@cache
def held_out(task: str, photographs: tuple[str, ...], count: int) -> tuple[Tensor, Tensor]:
    return TASKS[task](*patches(photographs, count, 32, 7))


def errors(model: nn.Module, task: str, photographs: tuple[str, ...] = TEST, count: int = 24) -> list[float]:
    """Return the mean squared error on each of ``count`` patches of the photographs, in units of 1e-3.

    Outputs are clipped to [0, 1], as in a file: some networks diverge on some patches.
    """
    x, y = held_out(task, photographs, count)
    with torch.no_grad():
        images = [model(x[k : k + 4]).clamp(0, 1) for k in range(0, count, 4)]
        found = [1e3 * (image - y[4 * k : 4 * k + 4]).square().mean((1, 2, 3)) for k, image in enumerate(images)]
    return torch.cat(found).tolist()


def validation(model: nn.Module, task: str) -> float:
    return sum(errors(model, task, VALIDATION, 12)) / 12
