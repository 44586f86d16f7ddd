"""A generator of glyphs and its relatives: trained further, distilled, disturbed, in other weights, trained apart."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from toys.glyphs.networks import HEADS, Batch, Loss, distilled, on, train
from toys.transfer import gauges

STEPS, FEW = 8, 4
"""Steps of the sampler, and those of the distilled generator."""


def base(blank: Callable[[], nn.Module], known: Batch, *, seed: int, steps: tuple[int, int], batch: int) -> nn.Module:
    """Return a model that has learnt what is known; see ``family``."""
    torch.manual_seed(seed)
    return train(blank(), on(known, batch), steps[0], 5e-3, seed)


def family(
    blank: Callable[[], nn.Module],
    known: Batch,
    other: Batch,
    taught: tuple[Tensor, Tensor],
    *,
    seed: int,
    steps: tuple[int, int],
    batch: int,
) -> dict[str, nn.Module]:
    """Return the source, which learns what is known, and every target.

    Args:
        blank: makes one that has learnt nothing.
        known: glyphs that the source learns.
        other: those of another style, for the target that is shifted.
        taught: letters and faces of which a teacher tells the distilled generator.
        seed: of the base; others follow from it.
        steps: of the base, and of a target.
        batch: glyphs in a step.
    """
    drawn = torch.Generator().manual_seed(seed + 7)

    def further(model: nn.Module, loss: Loss, seed: int) -> nn.Module:
        return train(copy.deepcopy(model), loss, steps[1], 2e-3, seed)

    source = base(blank, known, seed=seed, steps=steps, batch=batch)
    thin = gauges.each(source, lambda w: w * (w.abs() >= w.abs().flatten().kthvalue(w.numel() // 2).values))
    straight = distilled(source, taught, 2 * STEPS, FEW, batch, seed + 8)
    return {
        "source": source,
        "continued": further(source, on(known, batch), seed + 100),
        "shifted": further(source, on(other, batch), seed + 200),
        "distilled": further(source, straight, seed + 300),
        "pruned": further(thin, on(known, batch), seed + 400),
        "noise": gauges.each(
            source, lambda w: w + 0.2 * w.std() * torch.randn(w.shape, generator=drawn, dtype=w.dtype)
        ),
        "heads": gauges.heads(source, seed, HEADS),
        "stream": gauges.stream(source, seed),
        "independent": base(blank, known, seed=seed + 5000, steps=steps, batch=batch),
    }
