"""Pairs of networks between which adapters are moved, trained on images of digits or on this project's own text."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, scaled_dot_product_attention

from ioadapt_theory.adapters import adapt
from ioadapt_theory.errors import InvalidValueError

ROOT = Path(__file__).resolve().parents[2]
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Move:
    """An adapter trained on a source, and a target for it.

    Attributes:
        family: "mlp", "cnn" or "bytes".
        relation: how the target differs from the source, such as "width" or "fine-tuned"; a key of ``BARS``.
        source: the source with the adapter.
        target: the target without an adapter.
        inputs: unlabelled inputs from the adapter's domain.
        test: labelled inputs, on which losses are measured.
        adapted: "one" if one layer is adapted, "all" if all layers but the head are.
        placement: "weight" or "input".
        seed: seed of models, data and adapter.
    """

    family: str
    relation: str
    source: nn.Module
    target: nn.Module
    inputs: Tensor
    test: Batch
    adapted: str
    placement: str
    seed: int


def require_digits() -> Any:
    """Return the module ``sklearn.datasets``; raise InvalidValueError if scikit-learn is not installed."""
    try:
        from sklearn import datasets  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        msg = "The carry benchmark needs scikit-learn, which is not installed; run pip install scikit-learn."
        raise InvalidValueError(msg) from error
    return datasets


def digits() -> Batch:
    """Return scikit-learn's 1797 images of digits, 64 values in [0, 1] each, and the labels, in a fixed order."""
    data = require_digits().load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    return torch.tensor(data.data, dtype=torch.float32)[order] / 16, torch.tensor(data.target)[order]


def mlp(seed: int, width: int = 64, depth: int = 3, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(seed)
    parts: list[nn.Module] = []
    for k in range(depth):
        parts += [nn.Linear(width if k else 64, width), act()]
    return nn.Sequential(*parts, nn.Linear(width, 10))


def cnn(seed: int, width: int = 24, depth: int = 3, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(seed)
    parts: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))]
    for k in range(depth):
        parts += [nn.Conv2d(width if k else 1, width, 3, padding=1, stride=1 + (k == 1)), act()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.norm, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, width = x.shape
        z = self.norm(x)
        q, k, v = (m(z).view(n, t, self.heads, -1).transpose(1, 2) for m in (self.q, self.k, self.v))
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, width)
        x = x + self.o(mixed)
        down: Tensor = self.down(nn.functional.gelu(self.up(self.norm2(x))))
        return x + down


class Bytes(nn.Module):
    """A language model that predicts the next byte, for at most 64 positions."""

    def __init__(self, seed: int, width: int = 64, heads: int = 4, depth: int = 2) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embed, self.place = nn.Embedding(256, width), nn.Embedding(64, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 256)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(self.blocks(self.embed(x) + self.place.weight[: x.shape[1]])))
        return logits


def gauge(model: nn.Module, seed: int) -> nn.Module:
    """Return a copy with the same function and permuted neurons, which are also rescaled in image classifiers."""
    model = copy.deepcopy(model)
    torch.manual_seed(seed)
    if isinstance(model, Bytes):
        block: Any
        for block in model.blocks:
            _permute(block.up, block.down, torch.ones(block.up.out_features))
        return model
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    for one, two in itertools.pairwise(layers):
        _permute(one, two, torch.exp(0.5 * torch.randn(len(one.weight))))
    return model


def _permute(one: Any, two: Any, sizes: Tensor) -> None:
    n = len(one.weight)
    order = torch.randperm(n)
    one.weight.data = one.weight.data[order] * sizes.view(-1, *[1] * (one.weight.ndim - 1))
    one.bias.data = one.bias.data[order] * sizes
    grouped = two.weight.data.reshape(len(two.weight), n, -1)[:, order] / sizes[:, None]
    two.weight.data = grouped.reshape(two.weight.shape)


def loss(model: nn.Module, batch: Batch) -> float:
    with torch.no_grad():
        return float(cross_entropy(model(batch[0]).flatten(0, -2), batch[1].flatten()))


def train(
    model: nn.Module,
    draw: Callable[[torch.Generator], Batch],
    steps: int,
    rate: float,
    seed: int,
    teacher: nn.Module | None = None,
) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], rate)
    for _ in range(steps):
        x, y = draw(generator)
        logits = model(x).flatten(0, -2)
        if teacher is None:
            value = cross_entropy(logits, y.flatten())
        else:
            wanted = teacher(x).detach().softmax(-1).flatten(0, -2)
            value = kl_div(logits.log_softmax(-1), wanted, reduction="batchmean")
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return model


def drawn(x: Tensor, y: Tensor) -> Callable[[torch.Generator], Batch]:

    def draw(generator: torch.Generator) -> Batch:
        rows = torch.randint(len(x), (128,), generator=generator)
        return x[rows], y[rows]

    return draw


def pictures(family: str, seed: int, rank: int = 8) -> list[Move]:
    """Return moves of adapters, trained for turned images or for two new classes, to eight targets each."""
    make: Any = {"mlp": mlp, "cnn": cnn}[family]
    x, y = digits()
    fit, free, test = slice(0, 1100), slice(1100, 1356), slice(1400, 1797)
    turned = x.reshape(-1, 8, 8).flip(1, 2).reshape(-1, 64)
    moves = []
    for task in ("turned", "new classes"):
        known = torch.ones(1100, dtype=torch.bool) if task == "turned" else y[fit] < 8
        base, images = (x[fit][known], y[fit][known]), turned if task == "turned" else x
        source = train(make(seed), drawn(*base), 300, 2e-3, seed)
        noisy = base[0] + 0.15 * torch.randn(base[0].shape, generator=torch.Generator().manual_seed(seed))
        fewer, wide = base[0][:400], 96 if family == "mlp" else 32
        targets = {
            "gauge": gauge(source, seed + 70),
            "fine-tuned": train(copy.deepcopy(source), drawn(noisy, base[1]), 150, 1e-3, seed + 1),
            "distilled": train(make(seed + 10), drawn(*base), 400, 2e-3, seed + 2, teacher=source),
            "apart": train(make(seed + 20), drawn(*base), 300, 2e-3, seed + 3),
            "width": train(make(seed + 30, width=wide), drawn(*base), 300, 2e-3, seed + 4),
            "depth": train(make(seed + 40, depth=4), drawn(*base), 300, 2e-3, seed + 5),
            "activation": train(make(seed + 50, act=nn.GELU), drawn(*base), 300, 2e-3, seed + 6),
            "data": train(make(seed + 60), drawn(fewer, base[1][:400]), 300, 2e-3, seed + 7),
        }
        names = [n for n, m in source.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        for placement in ("weight", "input"):
            for adapted in ("one", "all"):
                layers = names[:-1] if adapted == "all" else names[1:2]
                one = adapt(copy.deepcopy(source), target_modules=layers, placement=placement, rank=rank)
                train(one, drawn(images[fit], y[fit]), 150, 3e-3, seed + 9)
                common = (images[free], (images[test], y[test]), adapted, placement, seed)
                moves += [Move(family, relation, one, target, *common) for relation, target in targets.items()]
    return moves


def texts(seed: int, steps: int = 500) -> list[Move]:
    """Train language models on this project's prose and a LoRA on its code; return a move of it to each target."""
    sets = []
    for pattern in ("docs/*.md", "ioadapt_theory/adapters/*.py"):
        text = torch.tensor(list(b"\n".join(path.read_bytes() for path in sorted(ROOT.glob(pattern)))))
        sets.append((text[: int(0.8 * len(text))], text[int(0.8 * len(text)) :]))
    (prose, _), (code, code_test) = sets
    source = train(Bytes(seed), _windows(prose), steps, 3e-3, seed)
    targets = {
        "gauge": gauge(source, seed + 70),
        "fine-tuned": train(copy.deepcopy(source), _windows(prose), steps // 5, 1e-3, seed + 5),
        "apart": train(Bytes(seed + 20), _windows(prose), steps, 3e-3, seed + 1),
        "width": train(Bytes(seed + 30, 96, 2), _windows(prose), steps, 3e-3, seed + 2),
        "depth": train(Bytes(seed + 40, 64, 2, 3), _windows(prose), steps, 3e-3, seed + 3),
    }
    one = adapt(copy.deepcopy(source), target_modules=["q", "k", "v", "o", "up", "down"], placement="weight", rank=4)
    train(one, _windows(code), 150, 2e-3, seed + 7)
    inputs, test = (_windows(t, n)(torch.Generator().manual_seed(99)) for t, n in ((code, 256), (code_test, 200)))
    return [
        Move("bytes", name, one, target, inputs[0], test, "all", "weight", seed) for name, target in targets.items()
    ]


def _windows(text: Tensor, count: int = 16) -> Callable[[torch.Generator], Batch]:
    def draw(generator: torch.Generator) -> Batch:
        starts = torch.randint(len(text) - 65, (count,), generator=generator)
        rows = torch.stack([text[k : k + 65] for k in starts])
        return rows[:, :-1], rows[:, 1:]

    return draw
