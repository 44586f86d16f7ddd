"""A generator of glyphs learns an unseen face from six letters, and its adapters are moved (after Tables 1, 8, 9).

The letters are of the fonts that matplotlib ships; nothing is downloaded. Targets: the generator trained further, on
another family of faces, distilled to four steps, pruned and healed, disturbed; the same function in other weights
(heads, the residual stream); and a generator trained apart. How much a sample looks like the face, and whether its
letter can be read, is told by networks that saw other faces.

Examples:
  python toys/diffusion.py            8 seeds, each with another unseen face; learning rates chosen for every method
  python toys/diffusion.py --quick    2 seeds and smaller models
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

from ioadapt_theory.adapters import parameters
from toys.glyphs import sheet
from toys.glyphs.faces import FACES, LETTERS, OTHER, POOL, glyphs
from toys.glyphs.family import FEW, STEPS, family
from toys.glyphs.judges import Subject, judge
from toys.glyphs.networks import DEPTH, Batch, Model, flow_loss, noisy, on, sampled, train
from toys.transfer import command
from toys.transfer.cache import models

REVISION: Final = 1
LAYERS: Final = tuple(f"blocks.{i}.{m}" for i in range(DEPTH) for m in ("q", "k", "v", "o"))
"""Attention alone, as in the paper (Table 7)."""
ALL: Final = range(len(LETTERS))
LEARNT, VALIDATED, TESTED = (tuple(map(LETTERS.index, some)) for some in ("AEGNRT", "BHKMUZ", "CDFIJLOPQSVWXY"))
SHOWN: Final = (1, 8, 9, 11)  # of those that are tested: D, Q, S, W


@dataclass(frozen=True, slots=True)
class Size:
    """Steps of training base, targets, adapters and judge; glyphs in a step; drawings and samples of a letter."""

    base: int
    target: int
    adapter: int
    judge: int
    batch: int
    drawings: int
    samples: int


SIZES: Final = {"full": Size(1000, 120, 80, 600, 32, 6, 2), "quick": Size(200, 30, 30, 200, 16, 2, 1)}


def seen(seed: int) -> tuple[str, ...]:
    """Return the faces that the generators of a seed learn: all but its subject."""
    return tuple(face for face in POOL if face != subject(seed))


def subject(seed: int) -> str:
    """Return the face that the generators of a seed do not know."""
    return POOL[seed % len(POOL)]


def build(seed: int, size: Size) -> dict[str, nn.Module]:
    """Return the source and every target."""
    known, other = glyphs(seen(seed), ALL, size.drawings, seed), glyphs(OTHER, ALL, size.drawings, seed + 1)
    steps = size.base, size.target
    return family(Model, known, other, known[1:], seed=seed, steps=steps, batch=size.batch)


class World:
    """See ``toys.transfer.world``."""

    layers = LAYERS

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.size = seed, SIZES[size]
        self.judge = judge(cache, self.size.judge)
        config = {"toy": "diffusion", "revision": REVISION, "seed": seed, "size": size}
        self.models: Mapping[str, nn.Module] = models(cache, config, Model, partial(build, seed, self.size))

    def drawn(self, letters: tuple[int, ...], each: int, seed: int) -> Batch:
        """Return real glyphs of the unseen face."""
        return glyphs([subject(self.seed)], letters, each, 100 * self.seed + seed)

    @cached_property
    def tested(self) -> Subject:
        """Return what samples are compared with: letters that were neither learnt nor validated."""
        real, letters, _ = self.drawn(TESTED, 1, 3)
        return Subject(self.judge, real, letters)

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """Train an adapter on six glyphs of the unseen face, one a letter; return the loss on six other letters."""
        del where
        learned = [p for _, p in parameters(model)]
        train(model, on(self.drawn(LEARNT, 1, 1), 12), self.size.adapter, rate, self.seed, learned)
        with torch.no_grad():
            validation = flow_loss(model, self.drawn(VALIDATED, 16, 2), torch.Generator().manual_seed(99))
        return float(validation) if math.isfinite(validation) else math.inf

    def carrying(self) -> dict[str, Any]:
        """Return glyphs of the letters that are learnt and validated, on their way from noise."""
        return {"inputs": noisy(self.drawn(LEARNT + VALIDATED, 8, 2), 256, self.seed), "need": "change"}

    def samples(self, model: nn.Module, where: str, letters: Tensor, face: str) -> Tensor:
        """Make glyphs in as many steps as the model was made for, from noise that is the same for every model."""
        faces = torch.full_like(letters, FACES.index(face))
        return sampled(model, letters, faces, FEW if where == "distilled" else STEPS, 1000 + self.seed)[1]

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Return the distance from the unseen face and the share misread, on letters that were not learnt."""
        letters = self.tested.letters.repeat(self.size.samples)
        return self.tested.compared(self.samples(model, where, letters, subject(self.seed)))

    def shown(self, model: nn.Module, where: str) -> Tensor:
        """Return some of the samples that are measured, for a sheet."""
        return self.samples(model, where, self.tested.letters, subject(self.seed))[list(SHOWN)]

    def real(self) -> dict[str, Tensor]:
        """Return what samples should look like, and what was learnt."""
        return {"real": self.tested.real[list(SHOWN)], "learnt": self.drawn(LEARNT, 1, 1)[0]}

    def ceiling(self) -> dict[str, float]:
        """Return the measures of real glyphs of the face that are drawn again: samples can hardly be better."""
        again = self.drawn(TESTED, self.size.samples, 9)[0]  # letter by letter; samples are drawing by drawing
        return self.tested.compared(again[torch.arange(len(again)).view(len(TESTED), -1).T.flatten()])

    def own(self, model: nn.Module, where: str) -> float:
        """Return the share of letters misread in a face that was learnt."""
        face = OTHER[0] if where == "shifted" else seen(self.seed)[0]
        real, letters, _ = glyphs([face], ALL, 1, self.seed)
        return Subject(self.judge, real, letters).compared(self.samples(model, where, letters, face))["misread"]


def world(seed: int, size: str, cache: Path) -> World:
    """Return the world of a seed."""
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    """See ``toys.transfer.command.main``."""
    return command.main("diffusion", __doc__, argv, samples=sheet)


if __name__ == "__main__":
    sys.exit(main())
