"""A byte-level language model of Python's documentation learns Python, and its adapters are moved (Table 6 in small).

The text comes with Python; nothing is downloaded. Targets: the model trained further, on docstrings, on questions and
answers, on its own sharpened predictions, pruned and healed, disturbed; the same function in other
weights (heads, neurons, the residual stream); and a model trained apart.

Examples:
  python toys/language.py            12 seeds, learning rates chosen for every method
  python toys/language.py --quick    2 seeds and smaller models
"""

import ast
import copy
import math
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, relu, scaled_dot_product_attention

from ioadapt_theory.adapters import parameters
from toys.transfer import command, gauges
from toys.transfer.cache import models

REVISION: Final = 2
WIDTH, HEADS, DEPTH, LENGTH, BYTES = 64, 4, 2, 48, 128
FLOAT: Final = torch.float32
"""Whatever the default is: equal seeds are to give equal figures everywhere."""
LAYERS: Final = tuple(f"blocks.{i}.{m}" for i in range(DEPTH) for m in ("q", "k", "v", "o", "up_proj", "down_proj"))


@dataclass(frozen=True, slots=True)
class Size:
    """Steps of training the base, the targets and the adapters; windows of text in a step, and to measure with."""

    base: int
    target: int
    adapter: int
    batch: int
    measure: int


SIZES: Final = {"full": Size(400, 100, 60, 16, 64), "quick": Size(100, 30, 20, 12, 16)}


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False, dtype=FLOAT)


class Block(nn.Module):
    """Causal attention and an MLP around a residual stream."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (_linear(WIDTH, WIDTH) for _ in range(4))
        self.up_proj, self.down_proj = _linear(WIDTH, 4 * WIDTH), _linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, length, width) to the same."""
        h = normed(x)
        q, k, v = (m(h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for m in (self.q, self.k, self.v))
        x = x + self.o(scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2))
        return x + self.down_proj(relu(self.up_proj(normed(x))))


class Model(nn.Module):
    """Bytes in, logits of the next byte out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(BYTES, WIDTH, dtype=FLOAT) * 0.1)
        self.position = nn.Parameter(torch.randn(LENGTH, WIDTH, dtype=FLOAT) * 0.1)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.head = _linear(WIDTH, BYTES)

    def forward(self, text: Tensor) -> Tensor:
        """(batch, length) to (batch, length, BYTES)."""
        x = self.embedding[text] + self.position[: text.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(normed(x))


def normed(x: Tensor) -> Tensor:
    """To unit mean square, without a gain, so that the stream may be rotated."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def encoded(texts: list[str]) -> Tensor:
    """Bytes of ASCII, everything else as a question mark."""
    return torch.tensor(list("\n".join(texts).encode("ascii", "replace")))


@cache
def corpora() -> dict[str, Tensor]:
    """Texts by use, all of them of this Python: its documentation, its standard library, the docstrings in it."""
    from pydoc_data.topics import topics

    drawn = torch.Generator().manual_seed(0)
    documents = [topics[key] for key in sorted(topics)]
    documents = [documents[i] for i in torch.randperm(len(documents), generator=drawn)]
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    files = [files[i] for i in torch.randperm(len(files), generator=drawn)]
    code = [file.read_text(encoding="utf-8", errors="replace")[:30000] for file in files]
    docstrings = [text for source in code for text in _docstrings(source)]
    asked = [
        f"### Question: what about {_title(text)}?\n### Answer: {' '.join(part.split())}\n"
        for text in documents[: int(0.8 * len(documents))]
        for part in text.split("\n\n")[1:7]
    ]
    a, b, c, d = (int(share * len(x)) for x in (documents, code) for share in (0.8, 0.9))
    return {
        "documents": encoded(documents[:a]),
        "documents, test": encoded(documents[b:]),
        "train": encoded(code[:c]),
        "validation": encoded(code[c:d]),
        "test": encoded(code[d:]),
        "docstrings": encoded(docstrings),
        "asked": encoded(asked),
    }


def _title(text: str) -> str:
    return text.strip().splitlines()[0].strip("* =")[:60]


def _docstrings(source: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # cut off in the middle
        return []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [text for node in ast.walk(tree) if isinstance(node, kinds) and (text := ast.get_docstring(node))]


def windows(text: Tensor, n: int, drawn: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs and next bytes, (n, LENGTH) each, at random places."""
    at = torch.randint(len(text) - LENGTH - 1, (n,), generator=drawn)
    rows = text[at[:, None] + torch.arange(LENGTH + 1)]
    return rows[:, :-1], rows[:, 1:]


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Nats a byte."""
    return cross_entropy(model(batch[0]).flatten(0, 1), batch[1].flatten())


@torch.no_grad()
def measured(model: nn.Module, use: str, n: int) -> float:
    """Loss on n windows that are the same for every model."""
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
    """AdamW with warm-up and a cosine, gradients clipped; on a teacher's probabilities where there is one."""
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
                wanted = (1.5 * teacher(x)).log_softmax(-1)  # sharper: as guidance makes it
            wrong = kl_div(model(x).log_softmax(-1), wanted, log_target=True, reduction="sum") / y.numel()
        optimizer.zero_grad()
        wrong.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
    return model


def build(seed: int, size: Size) -> dict[str, nn.Module]:
    """The source and every target."""
    text = corpora()
    drawn = torch.Generator().manual_seed(seed + 7)

    def base(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return train(Model(), text["documents"], size.base, 3e-3, seed, size.batch)

    source = base(seed)
    on: Callable[..., nn.Module] = lambda model, use, steps, seed, **more: train(  # noqa: E731
        copy.deepcopy(model), text[use], steps, 2e-3, seed, size.batch, **more
    )
    thin = gauges.each(source, lambda w: w * (w.abs() >= w.abs().flatten().kthvalue(w.numel() // 2).values))
    return {
        "source": source,
        "continued": on(source, "documents", size.target, seed + 100),
        "shifted": on(source, "docstrings", size.target, seed + 200),
        "instructed": on(source, "asked", size.target, seed + 300),
        "distilled": on(source, "documents", size.target, seed + 400, teacher=source),
        "pruned": on(thin, "documents", size.target // 2, seed + 500),
        "noise": gauges.each(
            source, lambda w: w + 0.3 * w.std() * torch.randn(w.shape, generator=drawn, dtype=w.dtype)
        ),
        "heads": gauges.heads(source, seed, HEADS),
        "neurons": gauges.neurons(source, seed),
        "stream": gauges.stream(source, seed),
        "independent": base(seed + 5000),
    }


class World:
    """See ``toys.transfer.world``."""

    layers = LAYERS

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.size = seed, SIZES[size]
        config = {"toy": "language", "revision": REVISION, "seed": seed, "size": size, "python": sys.version_info[:2]}
        self.models: Mapping[str, nn.Module] = models(cache, config, Model, partial(build, seed, self.size))

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        """On Python source; validation on files that are neither for training nor for testing."""
        del where
        learned = [p for _, p in parameters(model)]
        train(model, corpora()["train"], self.size.adapter, rate, self.seed, self.size.batch, learned)
        validation = measured(model, "validation", self.size.measure)
        return validation if math.isfinite(validation) else math.inf

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        """Nats a byte of Python source."""
        del where
        return {"loss": measured(model, "test", self.size.measure)}

    def own(self, model: nn.Module, where: str) -> float:
        """Nats a byte of documentation."""
        del where
        return measured(model, "documents, test", self.size.measure)


def world(seed: int, size: str, cache: Path) -> World:
    """The world of a seed."""
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    """See ``toys.transfer.command.main``."""
    return command.main("language", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
