"""Training and loss of SmolLM2 on rows of a task."""

from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

BATCH: Final = 8
"""Rows in a step."""


def train(
    model: nn.Module, parameters: Iterable[nn.Parameter], rows: Tensor, steps: int, rate: float, seed: int
) -> None:
    """Train parameters of ``model`` in place by Adam, with a rate that rises over ten steps and falls to 0."""
    optimiser = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: min(1.0, (k + 1) / 10) * (1 - k / steps))
    drawn = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        some = rows[torch.randint(len(rows), (BATCH,), generator=drawn)]
        optimiser.zero_grad()
        _loss(model, some).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


@torch.no_grad()
def losses(model: nn.Module, rows: Tensor) -> list[float]:
    """Return the loss on each row, in nats per token."""
    return [loss for some in torch.split(rows, 2 * BATCH) for loss in _loss(model, some).tolist()]


def _loss(model: Any, rows: Tensor) -> Tensor:
    logits = model(input_ids=rows, use_cache=False).logits[:, :-1].float()
    each = cross_entropy(
        logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="none"
    )  # the classes' axis last: faster
    return each.reshape(len(rows), -1).mean(1)
