"""Contrastive training of an adapter on pairs, and measures of retrieval."""

import math
from typing import Final

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ioadapt_theory.adapters import parameters
from toys.sentences.packages import split
from toys.sentences.text import Pairs

TEMPERATURE: Final = 0.05
"""Temperature of the training loss; the networks were pretrained with the same temperature."""
CHUNK: Final = 8
"""Number of pairs to embed at once."""


def train(model: nn.Module, pairs: Pairs, *, steps: int, batch: int, rate: float, seed: int) -> None:
    """Train the adapter with in-batch negatives, AdamW, warm-up, a cosine schedule and clipped gradients."""
    learned = [p for _, p in parameters(model)]
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.0)
    drawn = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 5) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        chosen = [pairs[k] for k in torch.randperm(len(pairs), generator=drawn)[:batch]]
        wrong = loss(likeness(model, chosen), TEMPERATURE)
        optimizer.zero_grad()
        wrong.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()


def likeness(model: nn.Module, pairs: Pairs) -> Tensor:
    """Return the cosines between the embeddings of all descriptions and of all described texts, (pairs, pairs)."""
    chunks = [pairs[k : k + CHUNK] for k in range(0, len(pairs), CHUNK)]
    found = [model([split(one[k]) for k in (0, 1) for one in chunk]).chunk(2) for chunk in chunks]
    one, other = (torch.cat(side) for side in zip(*found, strict=True))
    return one @ other.mT


def loss(alike: Tensor, temperature: float) -> Tensor:
    """Return the cross-entropy of retrieval by the cosines ``alike``, in nats, averaged over both directions."""
    right = torch.arange(len(alike))
    return (cross_entropy(alike / temperature, right) + cross_entropy(alike.mT / temperature, right)) / 2


@torch.no_grad()
def measured(model: nn.Module, pairs: Pairs) -> dict[str, float]:
    """Return ``missed``, 1 - the mean reciprocal rank in both directions, and ``loss`` at the best temperature.

    If an embedding is not finite, they are 1 and infinity.
    """
    alike = likeness(model, pairs).double()
    if not alike.isfinite().all():
        return {"missed": 1.0, "loss": math.inf}
    ranks = [1 + (way > way.diag()[:, None]).sum(1) for way in (alike, alike.mT)]
    best = minimize_scalar(lambda log: float(loss(alike, math.exp(log))), bounds=(-6, 1), method="bounded")
    return {"missed": 1 - float(torch.cat(ranks).double().reciprocal().mean()), "loss": float(best.fun)}
