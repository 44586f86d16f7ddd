"""Training and loss of SmolLM2 on rows of a task."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ioadapt_theory.outputs import replacing

BATCH: Final = 8
"""Rows in a step."""
STORED: Final = 200
"""Number of steps after which a training is stored."""


def train(
    model: nn.Module,
    parameters: Iterable[nn.Parameter],
    rows: Tensor,
    steps: int,
    rate: float,
    seed: int,
    *,
    mixed: bool = False,
    store: Path | None = None,
) -> None:
    """Train parameters of ``model`` in place by Adam, with a rate that rises over ten steps and falls to 0.

    ``mixed`` computes the outputs in bfloat16. A long training is kept in the file ``store``, and goes on from there.
    """
    weights: list[Tensor] = [*parameters]
    optimiser = torch.optim.Adam(weights, lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: min(1.0, (k + 1) / 10) * (1 - k / steps))
    drawn = torch.Generator().manual_seed(seed)
    batches = [torch.randint(len(rows), (BATCH,), generator=drawn) for _ in range(steps)]
    if store is not None and store.exists():
        kept = torch.load(store, weights_only=True)
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
        with torch.no_grad():
            torch._foreach_copy_(weights, kept["weights"])
    while (k := schedule.last_epoch) < steps:
        if store is not None and k and k % STORED == 0:
            state = {"weights": weights, "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
            with replacing(store) as temporary:
                torch.save(state, temporary)
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = _loss(model, rows[batches[k]]).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    if store is not None:
        store.unlink(missing_ok=True)


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
