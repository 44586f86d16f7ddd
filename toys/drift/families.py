"""Two families of small networks that read letters, with their training, drift by further training, and adapters."""

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from ioadapt_theory.adapters import parameters
from toys.glyphs.faces import JUDGES, LETTERS, OTHER, POOL, glyphs
from toys.glyphs.networks import FLOAT

Batch = tuple[Tensor, Tensor]
"""A batch of inputs and labels."""
Draw = Callable[[torch.Generator], Batch]

SIDE: Final = 8
"""Side length of an image in pixels."""
SMOOTHING: Final = 0.1
"""Label smoothing in the training of bases and targets, so that they are not overconfident."""
ROWS: Final = 256
"""Number of images with which ``transfer`` fits an adapter to a target."""
RATE: Final = 2e-3
"""Learning rate of the base's training."""
SPEED: Final = 4e-2
"""Learning rate of the drift."""
DECAY: Final = 0.3
"""Weight decay during drift, which makes the cosine to the source fall faster."""
SETTLED: Final = 60
"""Number of steps with a decaying learning rate before a drifted model is used as a target."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Training steps of a base model and of an adapter, and the maximum number of drift steps."""

    base: int
    adapter: int
    drift: int


STEPS: Final = {"full": Steps(600, 150, 6000), "quick": Steps(200, 50, 300)}


@dataclass(frozen=True, slots=True)
class Data:
    """The data of both families.

    Attributes:
        known: function that samples a training batch of the base.
        other: function that samples a training batch of the drift.
        task: function that samples a training batch of an adapter.
        inputs: data from the adapter's domain; the labels are used only to choose learning rates.
        test: data from the adapter's domain that are used only for testing.
    """

    known: Draw
    other: Draw
    task: Draw
    inputs: Batch
    test: Batch


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of network: a function that returns an untrained one, and the names of the adapted layers."""

    blank: Callable[[], nn.Module]
    layers: tuple[str, ...]

    def base(self, seed: int, size: str) -> nn.Module:
        torch.manual_seed(seed)
        return train(self.blank(), data().known, STEPS[size].base, RATE, seed, smoothing=SMOOTHING)

    def drifted(self, source: nn.Module, levels: tuple[float, ...], seed: int, size: str) -> dict[float, nn.Module]:
        """Train a copy of the source on other data at a constant learning rate, and return targets taken on the way.

        A target is a copy of the drifting model, taken when its cosine to the source has fallen to one of the levels,
        and then trained for SETTLED steps with a decaying learning rate.

        Args:
            source: the model, which is not changed.
            levels: cosines between the adapted weights of the drifting model and of the source.
            seed: seed of the batches.
            size: "full" or "quick".

        Returns:
            The targets by level; a level that is not reached is missing.
        """
        model, found, left = copy.deepcopy(source), {}, sorted(levels)
        how: Any = {"smoothing": SMOOTHING, "weight_decay": DECAY}
        for _ in trained(model, data().other, STEPS[size].drift, SPEED, seed, warm=100, falls=False, **how):
            while left and cosine(source, model, self.layers) <= left[-1]:
                there = copy.deepcopy(model)
                found[left.pop()] = train(there, data().other, SETTLED, SPEED / 2, seed + 1, smoothing=SMOOTHING)
            if not left:
                break
        return found


def fit(model: nn.Module, rate: float, seed: int, size: str) -> nn.Module:
    return train(model, data().task, STEPS[size].adapter, rate, seed, [p for _, p in parameters(model)])


def loss(model: nn.Module, batch: Batch) -> float:
    with torch.no_grad():
        return float(cross_entropy(model(batch[0]), batch[1]))


def trained(
    model: nn.Module,
    draw: Draw,
    steps: int,
    rate: float,
    seed: int,
    learned: list[nn.Parameter] | None = None,
    *,
    smoothing: float = 0.0,
    weight_decay: float = 0.0,
    warm: int = 20,
    falls: bool = True,
) -> Iterator[int]:
    learned = list(model.requires_grad_().parameters()) if learned is None else learned
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=weight_decay)
    drawn = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / warm) * (0.5 + 0.5 * math.cos(math.pi * step / steps * falls))
        x, y = draw(drawn)
        wrong = cross_entropy(model(x), y, label_smoothing=smoothing)
        optimizer.zero_grad()
        wrong.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        yield step


def train(model: nn.Module, *how: Any, **more: Any) -> nn.Module:
    for _ in trained(model, *how, **more):
        pass
    return frozen(model)


def frozen(model: nn.Module) -> nn.Module:
    return model.requires_grad_(requires_grad=False)


def cosine(one: nn.Module, other: nn.Module, layers: tuple[str, ...]) -> float:
    a, b = (torch.cat([m.get_parameter(f"{n}.weight").detach().flatten() for n in layers]) for m in (one, other))
    return float(a @ b / (a.norm() * b.norm()))


def perceptron() -> nn.Module:
    widths = [SIDE * SIDE, 64, 64, 64]
    hidden = [part for a, b in itertools.pairwise(widths) for part in (nn.Linear(a, b, dtype=FLOAT), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(64, len(LETTERS), dtype=FLOAT))


def convolutional() -> nn.Module:
    channels = [1, 16, 16, 16]
    hidden = [
        part
        for k, (a, b) in enumerate(itertools.pairwise(channels))
        for part in (nn.Conv2d(a, b, 3, padding=1, stride=1 + (k == 1), dtype=FLOAT), nn.ReLU())
    ]
    top = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels[-1], len(LETTERS), dtype=FLOAT))
    return nn.Sequential(nn.Unflatten(1, (1, SIDE, SIDE)), *hidden, *top)


def renumbered(model: nn.Module, seed: int) -> nn.Module:
    """Return a copy with the same function and with hidden neurons or channels permuted and scaled, as ReLU allows."""
    other, drawn = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    layers: list[Any] = [m for m in other.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for one, two in itertools.pairwise(layers):
            n = len(one.weight)
            order, scale = (
                torch.randperm(n, generator=drawn),
                torch.exp(0.5 * torch.randn(n, generator=drawn, dtype=FLOAT)),
            )
            one.weight.copy_(one.weight[order] * scale.view(-1, *[1] * (one.weight.ndim - 1)))
            one.bias.copy_(one.bias[order] * scale)
            grouped = two.weight.reshape(len(two.weight), n, -1)  # the remaining pixels of a channel stay together
            two.weight.copy_((grouped[:, order] / scale[:, None]).reshape(two.weight.shape))
    return other


def letters(faces: tuple[str, ...], each: int, seed: int, *, turned: bool = False) -> Batch:
    """Return drawings of all letters in ``faces``, (n, SIDE²), rotated by 90° if ``turned``, and their labels."""
    x, letter, _ = glyphs(faces, range(len(LETTERS)), each, seed)
    x = avg_pool2d(x, x.shape[-1] // SIDE)
    return (x.rot90(1, (2, 3)) if turned else x).flatten(1), letter


def unseen(batch: Batch, *others: Batch) -> Batch:
    """Return the rows of ``batch`` whose inputs are not in ``others``; drawings with different seeds may coincide."""
    seen = {tuple(row) for other in others for row in other[0].tolist()}
    at = torch.tensor([tuple(row) not in seen for row in batch[0].tolist()])
    return batch[0][at], batch[1][at]


def some_of(batch: Batch, n: int) -> Draw:
    def draw(drawn: torch.Generator) -> Batch:
        at = torch.randint(len(batch[1]), (n,), generator=drawn)
        return batch[0][at], batch[1][at]

    return draw


@cache
def data() -> Data:
    task, inputs = letters(POOL, 8, 2, turned=True), letters(POOL, 4, 3, turned=True)
    return Data(
        known=some_of(letters(POOL, 8, 0), 64),
        other=some_of(letters((*OTHER[:3], *JUDGES), 8, 1), 64),
        task=some_of(task, 64),
        inputs=some_of(inputs, ROWS)(torch.Generator().manual_seed(0)),
        test=unseen(letters(POOL, 8, 4, turned=True), task, inputs),
    )


FAMILIES: Final = {
    "perceptron": Family(perceptron, ("0", "2", "4")),
    "convolution": Family(convolutional, ("1", "3", "5")),
}
