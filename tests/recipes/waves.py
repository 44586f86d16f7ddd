"""A classifier of waves learns to classify waves in noise, and its adapters are moved: the smallest study.

Targets: the network trained further, the same function with permuted neurons, and an independently trained network.

Examples:
  python toys/waves.py            4 seeds, learning rates chosen for every method
  python toys/waves.py --quick    2 seeds, with fewer steps
"""

import copy
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from ioadapt_theory.adapters import parameters
from toys.transfer import command
from toys.transfer.cache import models

REVISION: Final = 1
KINDS, LENGTH, WIDTH = 5, 24, 32
STEPS: Final = {"full": 150, "quick": 40}


def waves(noise: float, seed: int, n: int = 200) -> tuple[Tensor, Tensor]:
    """Return noisy sines (n, LENGTH) with random phases, and the label of each one's frequency."""
    drawn = torch.Generator().manual_seed(seed)
    kinds = torch.randint(KINDS, (n,), generator=drawn)
    phase = torch.rand(n, 1, generator=drawn, dtype=torch.float32)
    time = torch.arange(LENGTH) / LENGTH
    clean = torch.sin(2 * torch.pi * ((kinds[:, None] + 1) * time + phase))
    return clean + noise * torch.randn(n, LENGTH, generator=drawn, dtype=torch.float32), kinds


def blank() -> nn.Sequential:
    layers = nn.Linear(LENGTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, KINDS)
    return nn.Sequential(*layers).float()


def train(model: nn.Module, learned: list[nn.Parameter], noise: float, steps: int, rate: float, seed: int) -> nn.Module:
    optimizer, (x, kinds) = torch.optim.Adam(learned, lr=rate), waves(noise, seed)
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(model(x), kinds).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


def renumbered(model: nn.Sequential, seed: int) -> nn.Sequential:
    """Return a network with the same function and permuted hidden neurons."""
    other = copy.deepcopy(model)
    order = torch.randperm(WIDTH, generator=torch.Generator().manual_seed(seed))
    other[0].weight.data, other[0].bias.data = model[0].weight.data[order], model[0].bias.data[order]
    other[2].weight.data = model[2].weight.data[:, order]
    return other


def build(seed: int, steps: int) -> dict[str, nn.Module]:
    def base(seed: int) -> nn.Sequential:
        torch.manual_seed(seed)
        return train(one := blank(), list(one.parameters()), 0.1, steps, 1e-2, seed)  # type: ignore[return-value]

    source = base(seed)
    further = copy.deepcopy(source)
    train(further, list(further.parameters()), 0.3, steps // 2, 1e-2, seed + 100)
    renewed = {"continued": further, "neurons": renumbered(source, seed), "independent": base(seed + 500)}
    return {"source": source, **renewed}


class World:
    """The study's models and data; see ``toys.transfer.world``."""

    layers = ("0",)

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.steps = seed, STEPS[size]
        config = {"toy": "waves", "revision": REVISION, "seed": seed, "size": size}
        self.models: Mapping[str, nn.Module] = models(cache, config, blank, partial(build, seed, self.steps))

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """Train the adapter on noisy waves, and return the loss on other waves."""
        del where
        train(model, [p for _, p in parameters(model)], 1.0, self.steps, rate, self.seed)
        return self._loss(model, 1.0, self.seed + 1)

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Return the squared error of the predicted probabilities on test waves."""
        del where
        with torch.no_grad():
            x, kinds = waves(1.0, self.seed + 2)
            return {"squared error": float((model(x).softmax(-1) - one_hot(kinds, KINDS)).square().sum(-1).mean())}

    def carrying(self) -> dict[str, Any]:
        """Return unlabelled waves for ``transfer``; they are used neither for training nor for testing."""
        return {"inputs": waves(1.0, self.seed + 4)[0], "need": "labels"}

    def own(self, model: nn.Module, where: str) -> float:
        """Return the loss on the task of the base: waves with little noise."""
        del where
        return self._loss(model, 0.1, self.seed + 3)

    @torch.no_grad()
    def _loss(self, model: nn.Module, noise: float, seed: int) -> float:
        x, kinds = waves(noise, seed)
        return float(cross_entropy(model(x), kinds))


def world(seed: int, size: str, cache: Path) -> World:
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    return command.main("waves", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
