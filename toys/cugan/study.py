"""The study's parts: one adapter trained on a network, or one moved from a network to another; results are cached."""

import copy
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import parameters
from ioadapt_theory.moving import transfer
from toys.cugan.images import TASKS, TRAINING, patches
from toys.cugan.networks import CONVOLUTIONS, upscaler
from toys.cugan.training import RATES, SIZE, STEPS, adapted, errors, train
from toys.transfer.cache import figures, tensors
from toys.transfer.runs import cosines

REVISION: Final = 1
NONE: Final = ""
"""The method of a network without an adapter."""
ROWS: Final = 48
OVER: Final = 20
"""Number of unlabelled patches, and of gradient steps, with which an adapter is carried over."""


@dataclass(frozen=True, slots=True)
class Part:
    """A measurement: the errors of ``target`` with an adapter of ``method`` that was trained on ``source``.

    If ``carried`` is set, the adapter is carried over with unlabelled patches, else copied.
    """

    source: str
    target: str
    task: str
    method: str
    seed: int = 0
    steps: int = STEPS
    carried: bool = False

    def result(self, cache: Path) -> Mapping[str, Any]:
        """Return the error on each test patch and, for an adapter that is carried over, its predicted share."""
        return figures(cache, {**asdict(self), "toy": "upscalers", "revision": REVISION}, lambda: self._compute(cache))

    def _compute(self, cache: Path) -> dict[str, Any]:
        torch.set_num_threads(1)
        target: nn.Module = upscaler(self.target)
        if self.method == NONE:
            return {"errors": errors(target, self.task)}
        one = self._trained(cache)
        if self.source == self.target:
            return {"errors": errors(one, self.task)}
        there = copy.deepcopy(target)
        if not self.carried:
            transfer(one, there)
            return {"errors": errors(there, self.task)}
        inputs, _ = TASKS[self.task](*patches(TRAINING, ROWS, SIZE, self.seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the result has the predicted share
            outcome: Any = transfer(one, there, inputs=inputs, need="outputs", seed=self.seed, batch=8, steps=OVER)
        return {"errors": errors(there, self.task), "predicted": outcome.kept}

    def _trained(self, cache: Path) -> nn.Module:
        one = adapted(self.source, self.method, self.seed)

        def compute() -> dict[str, Tensor]:
            train(one, self.task, RATES[self.method], self.seed, self.steps)
            return dict(parameters(one))

        key = {"source": self.source, "task": self.task, "method": self.method, "seed": self.seed, "steps": self.steps}
        stored = tensors(cache, {**key, "toy": "upscalers", "revision": REVISION}, compute)
        with torch.no_grad():
            for name, p in parameters(one):
                p.copy_(stored[name])
        return one


def weight_cosine(a: str, b: str) -> float:
    """Return the mean over adapted layers of the cosine between the weights of two networks."""
    return mean(cosines(upscaler(a), upscaler(b), CONVOLUTIONS).values())
