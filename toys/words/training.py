"""Training of a byte-level model or its adapter, and the loss on text."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div

from toys.words.text import corpora, windows


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Return the cross-entropy of the next bytes in a batch, in nats per byte."""
    return cross_entropy(model(batch[0]).flatten(0, 1), batch[1].flatten())


@torch.no_grad()
def measured(model: nn.Module, use: str, n: int) -> float:
    """Return the loss on n windows of the text ``corpora()[use]``; the windows are the same for every model."""
    return float(loss(model, windows(corpora()[use], n, torch.Generator().manual_seed(99))))


def train(
    model: nn.Module,
    text: Tensor,
    steps: int,
    rate: float,
    seed: int,
    batch: int,
    learned: list[nn.Parameter] | None = None,
    teacher: nn.Module | None = None,
) -> nn.Module:
    """Return the model, trained in place with AdamW, warm-up, a cosine schedule and clipped gradients.

    If ``learned`` is given, only these parameters are trained. If ``teacher`` is given, the model learns the teacher's
    sharpened probabilities instead of the next bytes.
    """
    learned = list(model.requires_grad_().parameters()) if learned is None else learned
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.0)
    drawn = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        x, y = windows(text, batch, drawn)
        if teacher is None:
            wrong = loss(model, (x, y))
        else:
            with torch.no_grad():
                wanted = (1.5 * teacher(x)).log_softmax(-1)  # sharpened, as by guidance
            wrong = kl_div(model(x).log_softmax(-1), wanted, log_target=True, reduction="sum") / y.numel()
        optimizer.zero_grad()
        wrong.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
    return model
