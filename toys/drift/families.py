"""Three families of small networks, with their training, their drift by further training, and their adapters."""

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from ioadapt_theory.adapters import parameters
from toys.glyphs.faces import JUDGES, LETTERS, OTHER, POOL, glyphs
from toys.transfer import gauges
from toys.words.model import FLOAT, HEADS, LAYERS, Model
from toys.words.text import corpora, windows

Batch = tuple[Tensor, Tensor]
"""A batch of inputs and labels."""
Draw = Callable[[torch.Generator], Batch]

SIDE: Final = 8
"""Side length of an image in pixels."""
SMOOTHING: Final = 0.1
"""Label smoothing in the training of bases and targets, so that they are not overconfident."""
ROWS: Final = 256
"""Number of images with which ``transfer`` fits an adapter to a target; for texts, half as many windows are used."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of network with its data.

    Attributes:
        blank: function that returns an untrained network.
        layers: names of the adapted layers.
        placements: placements of the copied adapters.
        known: function that samples a training batch of the base.
        other: function that samples a training batch of the drift.
        task: function that samples a training batch of an adapter.
        inputs: data from the adapter's domain; the labels are used only to choose learning rates.
        test: data from the adapter's domain that are used only for testing.
        gauge: function of a model and a seed that returns a model with the same function but different weights.
        rate: learning rate of the base's training.
        speed: learning rate of the drift.
        steps: "full" or "quick" -> numbers of steps.
    """

    blank: Callable[[], nn.Module]
    layers: tuple[str, ...]
    placements: tuple[str, ...]
    known: Draw
    other: Draw
    task: Draw
    inputs: Batch
    test: Batch
    gauge: Callable[[nn.Module, int], nn.Module]
    rate: float
    speed: float
    steps: Mapping[str, Steps]

    def base(self, seed: int, size: str) -> nn.Module:
        torch.manual_seed(seed)
        return train(self.blank(), self.known, self.steps[size].base, self.rate, seed, smoothing=SMOOTHING)

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
        for _ in trained(model, self.other, self.steps[size].drift, self.speed, seed, warm=100, falls=False, **how):
            while left and cosine(source, model, self.layers) <= left[-1]:
                there = copy.deepcopy(model)
                found[left.pop()] = train(there, self.other, SETTLED, self.speed / 2, seed + 1, smoothing=SMOOTHING)
            if not left:
                break
        return found

    def fit(self, model: nn.Module, rate: float, seed: int, size: str) -> nn.Module:
        return train(model, self.task, self.steps[size].adapter, rate, seed, [p for _, p in parameters(model)])

    def loss(self, model: nn.Module, batch: Batch) -> float:
        with torch.no_grad():
            return float(cross_entropy(model(batch[0]).flatten(0, -2), batch[1].flatten()))


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
        wrong = cross_entropy(model(x).flatten(0, -2), y.flatten(), label_smoothing=smoothing)
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


def turned_heads(model: nn.Module, seed: int) -> nn.Module:
    return gauges.neurons(gauges.heads(model, seed, HEADS), seed)


@lru_cache(maxsize=8)
def letters(faces: tuple[str, ...], each: int, seed: int, *, turned: bool = False) -> Batch:
    """Return drawings of all letters in ``faces``, (n, SIDE²), rotated by 90° if ``turned``, and their labels."""
    x, letter, _ = glyphs(faces, range(len(LETTERS)), each, seed)
    x = avg_pool2d(x, x.shape[-1] // SIDE)
    return (x.rot90(1, (2, 3)) if turned else x).flatten(1), letter


def unseen(data: Batch, *others: Batch) -> Batch:
    """Return the rows of ``data`` whose inputs are not in ``others``; drawings with different seeds may coincide."""
    seen = {tuple(row) for other in others for row in other[0].tolist()}
    at = torch.tensor([tuple(row) not in seen for row in data[0].tolist()])
    return data[0][at], data[1][at]


def some_of(data: Batch, n: int) -> Draw:
    def draw(drawn: torch.Generator) -> Batch:
        at = torch.randint(len(data[1]), (n,), generator=drawn)
        return data[0][at], data[1][at]

    return draw


def of_text(use: str, n: int) -> Draw:
    return lambda drawn: windows(corpora()[use], n, drawn)


def family(name: str) -> Family:
    return FAMILIES[name]()


def pictures(blank: Callable[[], nn.Module], layers: tuple[str, ...], speed: float) -> Family:
    task, inputs = letters(POOL, 8, 2, turned=True), letters(POOL, 4, 3, turned=True)
    return Family(
        blank=blank,
        layers=layers,
        placements=("weight", "input", "output"),
        known=some_of(letters(POOL, 8, 0), 64),
        other=some_of(letters((*OTHER[:3], *JUDGES), 8, 1), 64),
        task=some_of(task, 64),
        inputs=some_of(inputs, ROWS)(torch.Generator().manual_seed(0)),
        test=unseen(letters(POOL, 8, 4, turned=True), task, inputs),
        gauge=renumbered,
        rate=2e-3,
        speed=speed,
        steps={"quick": Steps(200, 50, 300), "full": Steps(600, 150, 6000)},
    )


def texts() -> Family:
    return Family(
        blank=Model,
        layers=LAYERS,
        placements=("weight", "input", "output", "residual"),
        known=of_text("documents", 16),
        other=of_text("docstrings", 8),
        task=of_text("train", 16),
        inputs=of_text("validation", ROWS // 2)(torch.Generator().manual_seed(98)),
        test=of_text("test", 256)(torch.Generator().manual_seed(99)),
        gauge=turned_heads,
        rate=3e-3,
        speed=1e-2,
        steps={"quick": Steps(100, 20, 200), "full": Steps(400, 60, 2000)},
    )


FAMILIES: Final[Mapping[str, Callable[[], Family]]] = {
    "perceptron": lambda: pictures(perceptron, ("0", "2", "4"), 4e-2),
    "convolution": lambda: pictures(convolutional, ("1", "3", "5"), 4e-2),
    "bytes": texts,
}
