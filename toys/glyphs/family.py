"""A glyph generator, the source, and its targets: the models to which adapters of the source are moved."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from toys.glyphs.networks import HEADS, Batch, Loss, distilled, on, train
from toys.transfer import gauges

STEPS, FEW = 8, 4
"""Number of sampling steps of all generators but the distilled one, and of the distilled one."""


def base(blank: Callable[[], nn.Module], known: Batch, *, seed: int, steps: tuple[int, int], batch: int) -> nn.Module:
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
    """Return the source and the targets, the models to which its adapters are moved, by name.

    Args:
        blank: function that returns an untrained generator.
        known: training glyphs of the source.
        other: glyphs of other typefaces, on which the target "shifted" is trained.
        taught: letters and typefaces of the glyphs that the source generates to train the target "distilled".
        seed: seed of the source; other seeds follow from it.
        steps: training steps of the source, and of each target that is trained further.
        batch: batch size in glyphs.
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
