"""The judge: a network that distinguishes typefaces and reads letters, trained on typefaces that no generator sees.

The training data are drawings in the typefaces in ``JUDGES``, each in several variations of slant, stretch and weight,
which are random but fixed and make many typefaces from few.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cosine_similarity, cross_entropy, grid_sample, max_pool2d

from toys.glyphs.faces import JUDGES, LETTERS, glyphs
from toys.glyphs.networks import FLOAT
from toys.transfer.cache import tensors

REVISION: Final = 1
SEED: Final = 77
WAYS, EACH, FEATURES = 8, 4, 32
"""Number of variations of a typeface, of drawings per letter, and of features."""


class Judge(nn.Module):
    """A network from glyphs, (n, 1, SIZE, SIZE), to features of the typeface, (n, features), and letter logits."""

    def __init__(self, faces: int, features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1, dtype=FLOAT),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1, dtype=FLOAT),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 64, dtype=FLOAT),
            nn.ReLU(),
        )
        self.look = nn.Linear(64, features, dtype=FLOAT)
        self.face = nn.Linear(features, faces, dtype=FLOAT)
        self.letter = nn.Linear(64, len(LETTERS), dtype=FLOAT)
        self.usual = nn.Buffer(torch.zeros(len(LETTERS), features, dtype=FLOAT))
        """The mean features of each letter over the training data."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.look(h), self.letter(h)


def changed(x: Tensor, way: int) -> Tensor:
    """Return the glyphs slanted, stretched, and made heavier or lighter; ``way`` determines by how much."""
    drawn = torch.Generator().manual_seed(SEED + way)
    slant, wide, high, heavy = (2 * torch.rand(4, generator=drawn, dtype=FLOAT) - 1).tolist()
    map_ = torch.tensor([[1 + 0.15 * wide, 0.3 * slant, 0], [0, 1 + 0.1 * high, 0]], dtype=FLOAT).expand(len(x), 2, 3)
    x = grid_sample(
        x, affine_grid(map_, list(x.shape), align_corners=False), padding_mode="border", align_corners=False
    )
    other = max_pool2d(x, 3, 1, 1) if heavy > 0 else -max_pool2d(-x, 3, 1, 1)
    return x + 0.5 * abs(heavy) * (other - x)


def drawings() -> tuple[Tensor, Tensor, Tensor]:
    """Return the judge's training data: glyphs, their letters, and indices of their pairs of typeface and variation."""
    x, letters, _ = glyphs(JUDGES, range(len(LETTERS)), EACH, SEED)
    face = torch.arange(len(JUDGES)).repeat_interleave(len(LETTERS) * EACH)
    ways = range(WAYS)
    return torch.cat([changed(x, w) for w in ways]), letters.repeat(WAYS), torch.cat([face * WAYS + w for w in ways])


def trained(blank: Callable[[], Judge], data: tuple[Tensor, Tensor, Tensor], steps: int, seed: int) -> Judge:
    torch.manual_seed(seed)
    judge, (x, letters, faces) = blank(), data
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3)
    for _ in range(steps):
        at = torch.randint(len(x), (128,))
        look, logits = judge(
            x[at] + 0.2 * torch.rand(128, 1, 1, 1, dtype=FLOAT) * torch.randn(x[at].shape, dtype=FLOAT)
        )
        loss = cross_entropy(logits, letters[at]) + cross_entropy(judge.face(look), faces[at])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        look = judge(x)[0]
        judge.usual.copy_(torch.stack([look[letters == k].mean(0) for k in range(len(LETTERS))]))
    return judge


def judge(cache: Path, steps: int) -> Judge:
    with torch.random.fork_rng(devices=[]):
        config = {"toy": "glyphs", "what": "judge", "revision": REVISION, "steps": steps}
        blank = partial(Judge, len(JUDGES) * WAYS, FEATURES)
        stored = tensors(cache, config, lambda: trained(blank, drawings(), steps, SEED).state_dict())
        found = blank().eval().requires_grad_(requires_grad=False)
    found.load_state_dict(stored)
    return found


@dataclass(frozen=True, slots=True)
class Subject:
    """Real glyphs, (n, 1, SIZE, SIZE), their letters, and the judge that compares samples with them."""

    judge: Judge
    real: Tensor
    letters: Tensor

    @torch.no_grad()
    def compared(self, x: Tensor) -> dict[str, float]:
        """Compare generated glyphs with the real glyphs, which have the same letters in the same order.

        Args:
            x: generated glyphs, one or more times as many as the real glyphs.

        Returns:
            ``distance``: 1 - the mean cosine between the features of generated and real glyphs, both minus the letter's
            mean features; ``misread``: share of the generated glyphs whose letter the judge misreads.
        """
        letters = self.letters.repeat(len(x) // len(self.letters))
        usual = self.judge.usual[letters]
        look, logits = self.judge(x.clamp(-1, 1))
        real = self.judge(self.real)[0].repeat(len(x) // len(self.letters), 1)
        alike = cosine_similarity(look - usual, real - usual).mean()
        return {"distance": 1 - float(alike), "misread": float((logits.argmax(1) != letters).to(FLOAT).mean())}
