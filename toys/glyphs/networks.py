"""A glyph generator: a small transformer trained by flow matching to turn noise into a letter of a typeface."""

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import fold, mse_loss, relu, scaled_dot_product_attention, unfold

from toys.glyphs.faces import PROMPT, SIZE, prompts

WIDTH, HEADS, DEPTH, PATCH, TIMES, TOLD = 64, 4, 2, 4, 16, 128
TOKENS: Final = (SIZE // PATCH) ** 2
PICTURE: Final = SIZE * SIZE // PROMPT
"""Number of prompt tokens that an image takes."""
FLOAT: Final = torch.float32
"""The dtype of all parameters, so that a seed gives the same results with every default dtype."""

Batch = tuple[Tensor, Tensor, Tensor]
"""Glyphs (n, 1, SIZE, SIZE), letters (n,), and typefaces (n,) or their tokens (n, k, PROMPT)."""
Loss = Callable[[nn.Module, torch.Generator], Tensor]


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False, dtype=FLOAT)


class Block(nn.Module):
    """Attention and an MLP around a residual stream; the MLP also reads the time and the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (_linear(WIDTH, WIDTH) for _ in range(4))
        self.up_proj, self.down_proj = _linear(WIDTH, 4 * WIDTH), _linear(4 * WIDTH, WIDTH)
        self.told = _linear(TOLD, 4 * WIDTH)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Map ``x``, (n, tokens, width), to the same shape; ``told``, (n, TOLD), encodes the time and the prompt."""
        h = normed(x)
        q, k, v = (m(h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.q, self.k, self.v))
        x = x + self.o(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))
        return x + self.down_proj(relu(self.up_proj(normed(x)) + self.told(told)[:, None]))


class Glance(nn.Module):
    """Cross-attention from the tokens of the residual stream to words of the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.o = _linear(WIDTH, WIDTH), _linear(WIDTH, WIDTH)
        self.k, self.v = _linear(PROMPT, WIDTH), _linear(PROMPT, WIDTH)

    def forward(self, x: Tensor, read: Tensor) -> Tensor:
        """Map ``x``, (n, tokens, width), to the same shape; attention reads ``read``, (n, words, PROMPT)."""
        q, k, v = (
            m(h).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for m, h in ((self.q, normed(x)), (self.k, read), (self.v, read))
        )
        return x + self.o(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))


def patches(x: Tensor) -> Tensor:
    """Split images, (n, 1, SIZE, SIZE), into patches, (n, TOKENS, PATCH * PATCH)."""
    return unfold(x, PATCH, stride=PATCH).mT


def normed(x: Tensor) -> Tensor:
    """Return ``x`` scaled to unit mean square, without a learned gain, so that the residual stream can be rotated."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class Model(nn.Module):
    """A network that maps noisy glyphs, times and prompts to the velocity of the flow.

    The first ``heard`` tokens of the prompt precede the tokens of the image in the residual stream. Internally, the
    network predicts the glyph, which is easier to learn than the velocity.
    """

    heard = 2
    rows = PATCH * PATCH + PROMPT
    """Number of rows of the embedding: pixels of a patch, and entries of a token."""
    kinds: tuple[type[nn.Module], ...] = (Block,)
    """Classes of the blocks in one layer; there are DEPTH layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(self.rows, WIDTH, dtype=FLOAT) / PATCH)
        self.position = nn.Parameter(torch.randn(TOKENS + self.heard, WIDTH, dtype=FLOAT) / 2)
        self.told = nn.Sequential(
            nn.Linear(2 * TIMES + self.heard * PROMPT, TOLD, dtype=FLOAT),
            nn.SiLU(),
            nn.Linear(TOLD, TOLD, dtype=FLOAT),
            nn.SiLU(),
        )
        self.blocks = nn.ModuleList(kind() for _ in range(DEPTH) for kind in self.kinds)
        self.head = _linear(WIDTH, PATCH * PATCH)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: Tensor, time: Tensor, prompt: Tensor) -> Tensor:
        """Map noisy glyphs, times (n,) from 0 (noise) to 1 (glyph), and prompts (n, words, PROMPT) to velocities."""
        pixels, words = self.embedding[: PATCH * PATCH], self.embedding[PATCH * PATCH :][:PROMPT]
        angle = torch.exp(torch.linspace(0, 5, TIMES, dtype=FLOAT)) * time[:, None]
        heard, read = prompt[:, : self.heard], prompt[:, self.heard :]
        told = self.told(torch.cat([angle.sin(), angle.cos(), heard.flatten(1)], 1))
        picture = patches(x) @ pixels + self.guided(read)
        stream = torch.cat([heard @ words, picture], 1) + self.position
        for block in self.blocks:
            stream = block(stream, read if isinstance(block, Glance) else told)
        clean = fold(self.head(normed(stream[:, self.heard :])).mT, SIZE, PATCH, stride=PATCH)
        return (clean - x) / (1 - time).clamp_min(0.1)[:, None, None, None]

    def guided(self, read: Tensor) -> Tensor:
        """Return what is added to the image tokens, (n, TOKENS, WIDTH): zeros, except in subclasses."""
        return torch.zeros(len(read), TOKENS, WIDTH, dtype=read.dtype)


class Guided(Model):
    """A generator whose prompt may end with an image, (n, PICTURE, PROMPT), which is added to the image tokens."""

    rows = 2 * PATCH * PATCH + PROMPT

    def guided(self, read: Tensor) -> Tensor:
        """Return the embedded image, (n, TOKENS, WIDTH), or zeros if ``read`` is empty.

        Images have their own rows of the embedding, which stay untrained if the training data have no images.
        """
        if not read.shape[1]:
            return super().guided(read)
        return patches(read.reshape(-1, 1, SIZE, SIZE)) @ self.embedding[-PATCH * PATCH :]


class Reader(Model):
    """A generator with the prompt's first token in its residual stream; cross-attention reads its other tokens."""

    heard = 1
    kinds = (Glance, Block)


def flow_loss(model: nn.Module, batch: Batch, drawn: torch.Generator) -> Tensor:
    """Return the mean squared error of the velocity, which should be x - z between noise z and glyphs x."""
    x, letters, faces = batch
    z = torch.randn(x.shape, generator=drawn, dtype=FLOAT)
    time = torch.rand(len(x), generator=drawn, dtype=FLOAT)
    t = time[:, None, None, None]
    return mse_loss(model((1 - t) * z + t * x, time, prompts(letters, faces)), x - z)


def noisy(data: Batch, n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs of a generator for n random glyphs at random times: noisy glyphs, times and prompts."""
    drawn = torch.Generator().manual_seed(seed)
    x, letters, faces = picked(data, n, drawn)
    time = torch.rand(n, generator=drawn, dtype=FLOAT)
    t = time[:, None, None, None]
    return t * x + (1 - t) * torch.randn(x.shape, generator=drawn, dtype=FLOAT), time, prompts(letters, faces)


def picked(data: Batch, n: int, drawn: torch.Generator) -> Batch:
    at = torch.randint(len(data[0]), (n,), generator=drawn)
    return data[0][at], data[1][at], data[2][at]


def train(
    model: nn.Module,
    loss: Loss,
    steps: int,
    rate: float,
    seed: int,
    learned: list[nn.Parameter] | None = None,
) -> nn.Module:
    """Return the model, trained in place with AdamW, warm-up, a cosine schedule and clipped gradients.

    If ``learned`` is given, only these parameters are trained.
    """
    learned = list(model.requires_grad_().parameters()) if learned is None else learned
    optimizer = torch.optim.AdamW(learned, lr=rate, weight_decay=0.0)
    drawn = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 20) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        wrong = loss(model, drawn)
        optimizer.zero_grad()
        wrong.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
    return model


def on(data: Batch, n: int) -> Loss:
    return lambda model, drawn: flow_loss(model, picked(data, n, drawn), drawn)


@torch.no_grad()
def sampled(model: nn.Module, letters: Tensor, faces: Tensor, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return noise, and the glyphs generated from this noise by Euler's method in ``steps`` steps."""
    z = torch.randn(len(letters), 1, SIZE, SIZE, generator=torch.Generator().manual_seed(seed), dtype=FLOAT)
    x, prompt = z, prompts(letters, faces)
    for step in range(steps):
        x = x + model(x, torch.full((len(x),), step / steps, dtype=FLOAT), prompt) / steps
    return z, x


def distilled(teacher: nn.Module, told: tuple[Tensor, Tensor], many: int, few: int, n: int, seed: int) -> Loss:
    """Return the loss function of a student that learns to take ``few`` straight steps to its teacher's glyphs.

    The teacher generates the glyphs in ``many`` steps, once, for the letters and typefaces in ``told``.
    """
    z, x = sampled(teacher, *told, many, seed)
    prompt = prompts(*told)

    def loss(model: nn.Module, drawn: torch.Generator) -> Tensor:
        at = torch.randint(len(z), (n,), generator=drawn)
        time = torch.randint(few, (n,), generator=drawn).to(FLOAT) / few
        t = time[:, None, None, None]
        return mse_loss(model((1 - t) * z[at] + t * x[at], time, prompt[at]), x[at] - z[at])

    return loss
