"""An encoder maps images of a typeface to words that adapters of a glyph generator learn to read (after Tables 3, 4).

As in ELITE, the generator reads two words by cross-attention, one for the typeface and one for the style of drawing. An
image encoder, the same for all generators, maps six letters of a typeface to two vectors. Adapters on keys and values
of cross-attention learn to read these vectors instead of words, on typefaces that the generator has seen. The adapters
are tested on a typeface that neither the generator nor the encoder has seen. The targets are those of
``toys/diffusion.py`` without the perturbed generator and the rotated residual stream. All of them, even the
independently trained generator, share the words and the encoder.

Examples:
  python toys/encoder.py            6 seeds with different unseen typefaces; learning rates chosen for every method
  python toys/encoder.py --quick    2 seeds and smaller models
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import parameters
from toys.diffusion import ALL, seen, subject
from toys.glyphs import sheet
from toys.glyphs.faces import FACES, LETTERS, OTHER, PROMPT, encoder, glyphs
from toys.glyphs.family import FEW, STEPS, family
from toys.glyphs.judges import Judge, Subject, changed, judge, trained
from toys.glyphs.networks import DEPTH, FLOAT, Batch, Reader, flow_loss, noisy, picked, sampled, train
from toys.transfer import command
from toys.transfer.cache import models, tensors

REVISION: Final = 1
LAYERS: Final = tuple(f"blocks.{2 * i}.{m}" for i in range(DEPTH) for m in ("k", "v"))
"""The adapted layers: keys and values of cross-attention, as in ELITE."""
WAYS, VALIDATED, TESTED = range(8), range(8, 10), (0, 10, 11)
"""Styles of drawing for training, for validation and for the unseen typeface; style 0 leaves glyphs unchanged."""
PICTURE: Final = tuple(map(LETTERS.index, "AEGNRT"))
"""The letters that the encoder reads; they are not measured."""
ASKED: Final = tuple(k for k in ALL if k not in PICTURE)
PICTURES: Final = 4
"""Number of images of every training typeface in every style."""
UNUSED: Final = ("noise", "stream")
"""Models returned by ``family`` that are left out; "stream" would not change the weights of the adapted layers."""
SHOWN: Final = (2, 13, 22, 53)
"""Indices of the samples to show: D in the first two styles, S in the first and the third style."""


@dataclass(frozen=True, slots=True)
class Size:
    """Training steps of a base model, a target and an adapter; batch size; drawings per letter.

    ``judge`` is the number of training steps of the image encoder and of the judge, and ``taught`` the number of glyphs
    that the teacher generates to train the distilled generator.
    """

    base: int
    target: int
    adapter: int
    judge: int
    batch: int
    drawings: int
    taught: int


SIZES: Final = {"full": Size(1000, 120, 150, 600, 32, 2, 2000), "quick": Size(150, 20, 40, 150, 16, 1, 200)}


def drawn(faces: Sequence[str], letters: Sequence[int], each: int, ways: Sequence[int], seed: int) -> Batch:
    """Return glyphs of every typeface in every style, their letters, and indices of the pairs of style and typeface."""
    x, told, _ = glyphs(faces, letters, each, seed)
    styles = torch.arange(len(ways) * len(faces)).repeat_interleave(len(letters) * each)
    return torch.cat([x if way == 0 else changed(x, 100 + way) for way in ways]), told.repeat(len(ways)), styles


def words(faces: Sequence[str], ways: Sequence[int]) -> Tensor:
    """Return a token of the typeface and one of the style, (n, 2, PROMPT), for every typeface within every style."""
    way = torch.randn(max(TESTED) + 1, PROMPT, generator=torch.Generator().manual_seed(54321), dtype=FLOAT)[[*ways]]
    face = encoder()[1][[FACES.index(one) for one in faces]]
    return torch.stack([face.repeat(len(ways), 1), way.repeat_interleave(len(faces), 0)], 1)


def named(faces: Sequence[str], size: Size, seed: int) -> Batch:
    x, letters, styles = drawn(faces, ALL, size.drawings, WAYS, seed)
    return x, letters, words(faces, WAYS)[styles]


def build(seed: int, size: Size) -> dict[str, nn.Module]:
    known, other = named(seen(seed), size, seed), named(OTHER, size, seed + 1)
    taught = picked(known, size.taught, torch.Generator().manual_seed(seed + 9))[1:]
    found = family(Reader, known, other, taught, seed=seed, steps=(size.base, size.target), batch=size.batch)
    return {name: model for name, model in found.items() if name not in UNUSED}


class World:
    layers = LAYERS

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.size, self.seen = seed, SIZES[size], seen(seed)
        self.judge = judge(cache, self.size.judge)
        config = {"toy": "encoder", "revision": REVISION, "seed": seed, "size": size}
        self.models: Mapping[str, nn.Module] = models(cache, config, Reader, partial(build, seed, self.size))
        self.learnt = drawn(self.seen, ALL, self.size.drawings, WAYS, seed)
        with torch.random.fork_rng(devices=[]):
            blank = partial(Judge, len(WAYS) * len(self.seen), 2 * PROMPT)
            compute = lambda: trained(blank, self.learnt, self.size.judge, seed).state_dict()  # noqa: E731
            stored = tensors(cache, {**config, "what": "encoder"}, compute)
            self.encoder = blank().eval().requires_grad_(requires_grad=False)
        self.encoder.load_state_dict(stored)
        found = [self.looks(self.seen, WAYS, seed + 900 + k) for k in range(PICTURES)]
        self.spread = torch.cat(found).std(0)  # scales tokens to unit variance, like the tokens of words
        self.pictures = torch.stack(found) / self.spread

    @torch.no_grad()
    def looks(self, faces: Sequence[str], ways: Sequence[int], seed: int) -> Tensor:
        """Return two tokens, before scaling, for every typeface within every style, (n, 2, PROMPT).

        They are the image encoder's features of drawings of the letters in PICTURE, minus the usual features of each
        letter, averaged over these letters.
        """
        x, letters, _ = drawn(faces, PICTURE, 1, ways, seed)
        unlike = self.encoder(x)[0] - self.encoder.usual[letters]
        return unlike.unflatten(0, (-1, len(PICTURE))).mean(1).unflatten(-1, (2, PROMPT))

    def pictured(self, faces: Sequence[str], letters: Sequence[int], ways: Sequence[int], seed: int) -> Batch:
        """Return glyphs whose prompts are the tokens that the image encoder gives for their typeface and style."""
        x, told, styles = drawn(faces, letters, 1, ways, seed)
        return x, told, (self.looks(faces, ways, seed + 1) / self.spread)[styles]

    @cached_property
    def tested(self) -> tuple[Subject, Tensor]:
        x, letters, told = self.pictured([subject(self.seed)], ASKED, TESTED, 100 * self.seed + 3)
        return Subject(self.judge, x, letters), told

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        del where
        x, letters, styles = self.learnt

        def loss(model: nn.Module, noise: torch.Generator) -> Tensor:
            at = torch.randint(len(x), (self.size.batch,), generator=noise)
            which = torch.randint(PICTURES, (self.size.batch,), generator=noise)
            return flow_loss(model, (x[at], letters[at], self.pictures[which, styles[at]]), noise)

        train(model, loss, self.size.adapter, rate, self.seed, [p for _, p in parameters(model)])
        unseen = self.pictured(self.seen, ALL, VALIDATED, 100 * self.seed + 5)
        with torch.no_grad():
            validation = flow_loss(model, unseen, torch.Generator().manual_seed(99))
        return float(validation) if math.isfinite(validation) else math.inf

    def carrying(self) -> dict[str, Any]:
        return {
            "inputs": noisy(self.pictured(self.seen, ALL, VALIDATED, 100 * self.seed + 5), 256, self.seed),
            "need": "change",
        }

    def samples(self, model: nn.Module, where: str, letters: Tensor, told: Tensor) -> Tensor:
        return sampled(model, letters, told, FEW if where == "distilled" else STEPS, 1000 + self.seed)[1]

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        to, told = self.tested
        return to.compared(self.samples(model, where, to.letters, told))

    def shown(self, model: nn.Module, where: str) -> Tensor:
        to, told = self.tested
        return self.samples(model, where, to.letters, told)[list(SHOWN)]

    def real(self) -> dict[str, Tensor]:
        return {
            "real": self.tested[0].real[list(SHOWN)],
            "picture": drawn([subject(self.seed)], PICTURE, 1, TESTED, 100 * self.seed + 4)[0][: len(PICTURE)],
        }

    def ceiling(self) -> dict[str, float]:
        """Return the measures of new drawings of the unseen typeface, as a reference for samples."""
        return self.tested[0].compared(drawn([subject(self.seed)], ASKED, 1, TESTED, 100 * self.seed + 9)[0])

    def own(self, model: nn.Module, where: str) -> float:
        """Return the share of samples in a known typeface, with words as prompts, whose letter the judge misreads."""
        faces = [OTHER[0] if where == "shifted" else self.seen[0]]
        real, letters, _ = drawn(faces, ALL, 1, [0], self.seed)
        made = self.samples(model, where, letters, words(faces, [0]).expand(len(letters), -1, -1))
        return Subject(self.judge, real, letters).compared(made)["misread"]


def world(seed: int, size: str, cache: Path) -> World:
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    return command.main("encoder", __doc__, argv, samples=sheet)


if __name__ == "__main__":
    sys.exit(main())
