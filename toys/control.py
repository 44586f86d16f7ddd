"""A generator of glyphs learns to follow edges, and its adapters are moved (after Fig. 5).

As in OminiControl, the prompt gives the letter and the typeface, but not the glyph's position, size and slant. These
are visible in an image of the glyph's edges, which low-rank adapters learn to follow. The edges are embedded patch by
patch and added to the tokens of the generated image, since this small generator did not learn to use them as separate
tokens. The targets are those of ``toys/diffusion.py`` without the pruned and the perturbed generator.

Examples:
  python toys/control.py            6 seeds; learning rates chosen for every method
  python toys/control.py --quick    2 seeds and smaller models
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, max_pool2d

from ioadapt_theory.adapters import parameters
from toys.glyphs import sheet
from toys.glyphs.faces import LETTERS, OTHER, POOL, PROMPT, encoder, glyphs
from toys.glyphs.family import FEW, STEPS, family
from toys.glyphs.networks import DEPTH, FLOAT, PICTURE, Batch, Guided, flow_loss, noisy, on, picked, sampled, train
from toys.transfer import command
from toys.transfer.cache import models

REVISION: Final = 1
LAYERS: Final = tuple(f"blocks.{i}.{m}" for i in range(DEPTH) for m in ("q", "k", "v", "o", "up_proj", "down_proj"))
ALL: Final = range(len(LETTERS))
UNUSED: Final = ("pruned", "noise")
"""Models returned by ``family`` that this study leaves out."""
MEASURED: Final = 80
"""Number of test glyphs."""
SHOWN: Final = range(4)


@dataclass(frozen=True, slots=True)
class Size:
    """Training steps of a base model, a target and an adapter; batch size; drawings per letter and typeface.

    ``taught`` is the number of glyphs that the teacher generates to train the distilled generator.
    """

    base: int
    target: int
    adapter: int
    batch: int
    drawings: int
    taught: int


SIZES: Final = {"full": Size(800, 120, 150, 32, 12, 1000), "quick": Size(150, 20, 40, 16, 2, 200)}


def placed(x: Tensor, seed: int) -> Tensor:
    drawn = torch.Generator().manual_seed(seed)
    slant, large, wide, right, down = 2 * torch.rand(5, len(x), generator=drawn, dtype=FLOAT) - 1
    large, wide = 0.95 + 0.2 * large, 1 + 0.15 * wide
    map_ = torch.stack(
        [large * wide, 0.35 * slant * large, 0.25 * right, torch.zeros_like(slant), large / wide, 0.25 * down], 1
    )
    map_ = affine_grid(map_.view(-1, 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, map_, padding_mode="border", align_corners=False)


def edges(x: Tensor) -> Tensor:
    """Return images that are 1 at pixels of ink (x > 0) with paper among their eight neighbours, and 0 elsewhere."""
    ink = (x > 0).to(FLOAT)
    return ink - ink * -max_pool2d(-ink, 3, 1, 1)


def prompted(faces: tuple[str, ...], each: int, seed: int, again: int = 0) -> Batch:
    """Return randomly transformed glyphs, their letters, and the tokens of their typefaces, (n, 1, PROMPT).

    Different values of ``again`` give different drawings with the same transformations.
    """
    x, letters, told = glyphs(faces, ALL, each, seed + again)
    return placed(x, seed), letters, encoder()[1][told][:, None]


def controlled(batch: Batch) -> Batch:
    x, letters, told = batch
    return x, letters, torch.cat([told, edges(x).view(-1, PICTURE, PROMPT)], 1)


def unlike(x: Tensor, y: Tensor) -> float:
    """Return 1 - SSIM (structural similarity) of two batches of glyphs, averaged over windows of 7 x 7 pixels."""
    mean = partial(avg_pool2d, kernel_size=7, stride=1)
    a, b = mean(x), mean(y)
    both, each = mean(x * y) - a * b, mean(x * x) - a * a + mean(y * y) - b * b
    c, d = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # the usual constants of SSIM, for values in a range of two
    return 1 - float(((2 * a * b + c) * (2 * both + d) / ((a * a + b * b + c) * (each + d))).mean())


def missed(x: Tensor, wanted: Tensor) -> float:
    """Return 1 - the F1 score of the edge pixels of the images ``x``, compared with the edge images ``wanted``."""
    found = edges(x)
    return 1 - float(2 * (found * wanted).sum() / (found.sum() + wanted.sum()))


def build(seed: int, size: Size) -> dict[str, nn.Module]:
    known, other = prompted(POOL, size.drawings, seed), prompted(OTHER, size.drawings, seed + 1)
    taught = picked(known, size.taught, torch.Generator().manual_seed(seed + 9))[1:]
    found = family(Guided, known, other, taught, seed=seed, steps=(size.base, size.target), batch=size.batch)
    return {name: model for name, model in found.items() if name not in UNUSED}


class World:
    layers = LAYERS

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.size = seed, SIZES[size]
        config = {"toy": "control", "revision": REVISION, "seed": seed, "size": size}
        self.models: Mapping[str, nn.Module] = models(cache, config, Guided, partial(build, seed, self.size))

    @cached_property
    def learnt(self) -> Batch:
        return controlled(prompted(POOL, self.size.drawings, 100 * self.seed + 51))

    @cached_property
    def tested(self) -> Batch:
        return controlled(self._asked(0))

    def _asked(self, again: int) -> Batch:
        some = torch.Generator().manual_seed(self.seed)
        return picked(prompted(POOL, 1, 100 * self.seed + 53, again), MEASURED, some)

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        del where
        learned = [p for _, p in parameters(model)]
        train(model, on(self.learnt, self.size.batch), self.size.adapter, rate, self.seed, learned)
        with torch.no_grad():
            unseen = controlled(prompted(POOL, 2, 100 * self.seed + 52))
            validation = flow_loss(model, unseen, torch.Generator().manual_seed(99))
        return float(validation) if math.isfinite(validation) else math.inf

    def carrying(self) -> dict[str, Any]:
        return {"inputs": noisy(controlled(prompted(POOL, 2, 100 * self.seed + 52)), 256, self.seed), "need": "change"}

    def samples(self, model: nn.Module, where: str, letters: Tensor, told: Tensor) -> Tensor:
        return sampled(model, letters, told, FEW if where == "distilled" else STEPS, 1000 + self.seed)[1].clamp(-1, 1)

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        real, letters, told = self.tested
        made = self.samples(model, where, letters, told)
        return {"1 - SSIM": unlike(made, real), "edges missed": missed(made, edges(real))}

    def own(self, model: nn.Module, where: str) -> float:
        """Return the loss, with prompts without edges, on new drawings of typefaces on which the model was trained."""
        unseen = prompted(OTHER if where == "shifted" else POOL, 2, 100 * self.seed + 54)
        with torch.no_grad():
            return float(flow_loss(model, unseen, torch.Generator().manual_seed(99)))

    def shown(self, model: nn.Module, where: str) -> Tensor:
        _, letters, told = self.tested
        return self.samples(model, where, letters, told)[list(SHOWN)]

    def real(self) -> dict[str, Tensor]:
        real = self.tested[0][list(SHOWN)]
        return {"real": real, "edges": 2 * edges(real) - 1}

    def ceiling(self) -> dict[str, float]:
        """Return the measures of new drawings of the test glyphs, transformed like these, as a reference."""
        real, again = self.tested[0], self._asked(1)[0]
        return {"1 - SSIM": unlike(again, real), "edges missed": missed(again, edges(real))}


def world(seed: int, size: str, cache: Path) -> World:
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    return command.main("control", __doc__, argv, samples=sheet)


if __name__ == "__main__":
    sys.exit(main())
