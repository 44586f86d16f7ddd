"""A generator of glyphs learns an unseen typeface from six letters, and its adapters are moved (after Tables 1, 8, 9).

The letters are from matplotlib's fonts; nothing is downloaded. The targets are the generator after further training,
after training on another family of typefaces, distilled to four steps, pruned and trained further, and perturbed;
generators with the same function but different weights (heads, the residual stream); and an independently trained
generator. A network trained on other typefaces judges how similar a sample is to the unseen typeface, and whether its
letter is legible.

Examples:
  python toys/diffusion.py            8 seeds with different unseen typefaces; learning rates chosen for every method
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
"""The adapted layers: only attention, as in the paper (Table 7)."""
ALL: Final = range(len(LETTERS))
LEARNT, VALIDATED, TESTED = (tuple(map(LETTERS.index, some)) for some in ("AEGNRT", "BHKMUZ", "CDFIJLOPQSVWXY"))
SHOWN: Final = (1, 8, 9, 11)  # test letters: D, Q, S, W


@dataclass(frozen=True, slots=True)
class Size:
    """Training steps of a base model, target, adapter and judge; batch size; drawings and samples per letter."""

    base: int
    target: int
    adapter: int
    judge: int
    batch: int
    drawings: int
    samples: int


SIZES: Final = {"full": Size(1000, 120, 80, 600, 32, 6, 2), "quick": Size(200, 30, 30, 200, 16, 2, 1)}


def seen(seed: int) -> tuple[str, ...]:
    return tuple(face for face in POOL if face != subject(seed))


def subject(seed: int) -> str:
    """Return the typeface that adapters learn with this seed; the generators of the seed are trained without it."""
    return POOL[seed % len(POOL)]


def build(seed: int, size: Size) -> dict[str, nn.Module]:
    known, other = glyphs(seen(seed), ALL, size.drawings, seed), glyphs(OTHER, ALL, size.drawings, seed + 1)
    steps = size.base, size.target
    return family(Model, known, other, known[1:], seed=seed, steps=steps, batch=size.batch)


class World:
    layers = LAYERS

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.size = seed, SIZES[size]
        self.judge = judge(cache, self.size.judge)
        config = {"toy": "diffusion", "revision": REVISION, "seed": seed, "size": size}
        self.models: Mapping[str, nn.Module] = models(cache, config, Model, partial(build, seed, self.size))

    def drawn(self, letters: tuple[int, ...], each: int, seed: int) -> Batch:
        return glyphs([subject(self.seed)], letters, each, 100 * self.seed + seed)

    @cached_property
    def tested(self) -> Subject:
        """Return the real glyphs to compare samples with; adapters are trained and validated on other letters."""
        real, letters, _ = self.drawn(TESTED, 1, 3)
        return Subject(self.judge, real, letters)

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        del where
        learned = [p for _, p in parameters(model)]
        train(model, on(self.drawn(LEARNT, 1, 1), 12), self.size.adapter, rate, self.seed, learned)
        with torch.no_grad():
            validation = flow_loss(model, self.drawn(VALIDATED, 16, 2), torch.Generator().manual_seed(99))
        return float(validation) if math.isfinite(validation) else math.inf

    def carrying(self) -> dict[str, Any]:
        return {"inputs": noisy(self.drawn(LEARNT + VALIDATED, 8, 2), 256, self.seed), "need": "change"}

    def samples(self, model: nn.Module, where: str, letters: Tensor, face: str) -> Tensor:
        faces = torch.full_like(letters, FACES.index(face))
        return sampled(model, letters, faces, FEW if where == "distilled" else STEPS, 1000 + self.seed)[1]

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        letters = self.tested.letters.repeat(self.size.samples)
        return self.tested.compared(self.samples(model, where, letters, subject(self.seed)))

    def shown(self, model: nn.Module, where: str) -> Tensor:
        return self.samples(model, where, self.tested.letters, subject(self.seed))[list(SHOWN)]

    def real(self) -> dict[str, Tensor]:
        return {"real": self.tested.real[list(SHOWN)], "learnt": self.drawn(LEARNT, 1, 1)[0]}

    def ceiling(self) -> dict[str, float]:
        """Return the measures of new drawings of the unseen typeface, as a reference for samples."""
        again = self.drawn(TESTED, self.size.samples, 9)[0]
        # The drawings of a letter are adjacent here; samples repeat the whole sequence of letters.
        return self.tested.compared(again[torch.arange(len(again)).view(len(TESTED), -1).T.flatten()])

    def own(self, model: nn.Module, where: str) -> float:
        """Return the share of samples that the judge misreads, in a typeface on which the model was trained."""
        face = OTHER[0] if where == "shifted" else seen(self.seed)[0]
        real, letters, _ = glyphs([face], ALL, 1, self.seed)
        return Subject(self.judge, real, letters).compared(self.samples(model, where, letters, face))["misread"]


def world(seed: int, size: str, cache: Path) -> World:
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    return command.main("diffusion", __doc__, argv, samples=sheet)


if __name__ == "__main__":
    sys.exit(main())
