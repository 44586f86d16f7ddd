"""Pairs of small networks between which adapters are moved: on images of digits, text, tables and regressions."""

import copy
import inspect
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss

from ioadapt_theory.adapters import adapt
from ioadapt_theory.errors import InvalidValueError

Data = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Move:
    """An adapter trained on a source, and a target for it.

    Attributes:
        family: a key of ``FAMILIES``.
        relation: how the target differs from the source, such as "width" or "fine-tuned".
        source: the source with the adapter.
        target: the target without an adapter.
        rows: inputs from the adapter's domain, and their labels, which only the peer with labels may read.
        test: labelled inputs, on which losses are measured.
        adapted: "one" if one layer is adapted, "all" if all layers but the head are.
        placement: "weight" or "input".
        seed: seed of models, data and adapter.
        need: what both models need, see ``transfer``.
    """

    family: str
    relation: str
    source: nn.Module
    target: nn.Module
    rows: Data
    test: Data
    adapted: str
    placement: str
    seed: int
    need: str = "labels"


@dataclass(frozen=True)
class World:
    """The data of one task, and how its models differ.

    Attributes:
        make: function of a seed and of changes that returns an untrained model.
        base: the data that source and targets learn.
        task: the data that the adapter learns, then rows from the same domain, and a test.
        changes: relation -> changes of the target, given to ``make``.
        noise: standard deviation of the noise added to the inputs of fine-tuned targets.
        steps: number of training steps of a model, and of an adapter.
        rates: their learning rates.
        batch: rows per step.
        rank: rank of the adapters.
        gauged: whether ``gauge`` can change the model without changing its function.
        adapted: pairs of a placement and of what is adapted, see ``Move``.
    """

    make: Callable[..., nn.Module]
    base: Data
    task: tuple[Data, Data, Data]
    changes: Mapping[str, Mapping[str, Any]]
    noise: float = 0.15
    steps: tuple[int, int] = (300, 150)
    rates: tuple[float, float] = (2e-3, 3e-3)
    batch: int = 128
    rank: int = 8
    gauged: bool = True
    need: str = "labels"
    adapted: tuple[tuple[str, str], ...] = (("weight", "all"), ("input", "one"))
    targets: tuple[str, ...] = ("fine-tuned", "distilled", "apart", "data")


def moves(family: str, seed: int) -> Iterator[Move]:
    """Train the models of a family; yield the moves of its adapters to all targets."""
    for world in FAMILIES[family](seed):
        x, y = world.base
        learn: Any = {"steps": world.steps[0], "rate": world.rates[0], "batch": world.batch, "need": world.need}
        source = train(world.make(seed), x, y, seed=seed, **learn)
        targets = _targets(world, source, learn, seed)
        named = [n for n, m in source.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)][:-1]
        (x2, y2), rows, test = world.task
        for placement, adapted in world.adapted:
            layers = named if adapted == "all" else [named[len(named) // 2]]
            one = adapt(copy.deepcopy(source), target_modules=layers, placement=placement, rank=world.rank)
            options = learn | {"steps": world.steps[1], "rate": world.rates[1]}
            train(one, x2, y2, seed=seed + 9, **options)
            for relation, target in targets.items():
                yield Move(family, relation, one, target, rows, test, adapted, placement, seed, world.need)


def _targets(world: World, source: nn.Module, learn: Any, seed: int) -> dict[str, nn.Module]:
    (x, y), few = world.base, len(world.base[0]) // 3
    brief = learn | {"steps": world.steps[0] // 2, "rate": world.rates[0] / 2}
    kinds: dict[str, Callable[[], nn.Module]] = {
        "fine-tuned": lambda: train(copy.deepcopy(source), noisy(x, world.noise, seed), y, seed=seed + 1, **brief),
        "distilled": lambda: train(world.make(seed + 10), x, y, seed=seed + 2, teacher=source, **learn),
        "apart": lambda: train(world.make(seed + 20), x, y, seed=seed + 3, **learn),
        "data": lambda: train(world.make(seed + 60), x[:few], y[:few], seed=seed + 7, **learn),
    }
    targets = {"gauge": gauge(source, seed + 70)} if world.gauged else {}
    targets |= {relation: kinds[relation]() for relation in world.targets}
    for number, (relation, changes) in enumerate(world.changes.items(), start=4):
        targets[relation] = train(world.make(seed + 10 * number - 10, **changes), x, y, seed=seed + number, **learn)
    return targets


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    rate: float,
    seed: int,
    batch: int,
    need: str,
    teacher: nn.Module | None = None,
) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], rate)
    model.train()
    for _ in range(steps):
        rows = torch.randint(len(x), (batch,), generator=generator)
        out = output(model, x[rows])
        if teacher is None:
            value = error(out, y[rows], need)
        else:
            with torch.no_grad():
                wanted = output(teacher.eval(), x[rows])
            value = divergence(out, wanted, need)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return model.eval()


def output(model: nn.Module, x: Tensor) -> Tensor:
    out = model(x)
    found: Tensor = getattr(out, "logits", out)
    return found


def error(out: Tensor, y: Tensor, need: str) -> Tensor:
    return cross_entropy(out.flatten(0, -2), y.flatten()) if need == "labels" else mse_loss(out, y)


def divergence(out: Tensor, wanted: Tensor, need: str) -> Tensor:
    if need != "labels":
        return mse_loss(out, wanted)
    logs, shares = out.log_softmax(-1).flatten(0, -2), wanted.softmax(-1).flatten(0, -2)
    return kl_div(logs, shares, reduction="batchmean")


def loss(model: nn.Module, move: Move) -> float:
    with torch.no_grad():
        return float(error(output(model, move.test[0]), move.test[1], move.need))


def noisy(x: Tensor, size: float, seed: int) -> Tensor:
    return x + size * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)) if size else x


def gauge(model: nn.Module, seed: int) -> nn.Module:
    """Return a copy with the same function and permuted neurons, rescaled where the activation allows it."""
    model = copy.deepcopy(model)
    torch.manual_seed(seed)
    block: Any
    if isinstance(model, nn.Sequential):
        layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        for one, two in itertools.pairwise(layers):
            _permute([one], two, torch.exp(0.5 * torch.randn(len(one.weight))))
    elif isinstance(model, Residual):
        for block in model.blocks:
            _permute([block.up], block.down, torch.exp(0.5 * torch.randn(block.up.out_features)))
    else:
        decoder: Any = model.get_submodule("model.layers")
        for block in decoder:  # a Llama, which multiplies gate and up
            n = block.mlp.up_proj.out_features
            _permute([block.mlp.up_proj, block.mlp.gate_proj], block.mlp.down_proj, torch.exp(0.5 * torch.randn(n)))
    return model


def _permute(ones: list[Any], two: Any, sizes: Tensor) -> None:
    n = len(sizes)
    order = torch.randperm(n)
    for k, one in enumerate(ones):
        by = sizes if k == 0 else torch.ones(n)
        one.weight.data = one.weight.data[order] * by.view(-1, *[1] * (one.weight.ndim - 1))
        if one.bias is not None:
            one.bias.data = one.bias.data[order] * by
    grouped = two.weight.data.reshape(len(two.weight), n, -1)[:, order] / sizes[:, None]
    two.weight.data = grouped.reshape(two.weight.shape)


def require_digits() -> Any:
    """Return the module ``sklearn.datasets``; raise InvalidValueError if scikit-learn is not installed."""
    try:
        from sklearn import datasets  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        msg = "The carry benchmark needs scikit-learn, which is not installed; run pip install scikit-learn."
        raise InvalidValueError(msg) from error
    return datasets


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


def pictures(family: str, seed: int) -> Iterator[World]:
    """Yield one task on scikit-learn's 1,797 images of digits: they are turned."""
    data = require_digits().load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    x, y = torch.tensor(data.data, dtype=torch.float32)[order] / 16, torch.tensor(data.target)[order]
    turned = x.reshape(-1, 8, 8).flip(1, 2).reshape(-1, 64)
    task = tuple((turned[part], y[part]) for part in (slice(1100), slice(1100, 1356), slice(1400, 1797)))
    wide = 96 if family == "mlp" else 32
    changes = {"width": {"width": wide}, "depth": {"depth": 4}, "activation": {"act": nn.GELU}}
    make: Any = {"mlp": mlp, "cnn": cnn}[family]
    yield World(make, (x[:1100], y[:1100]), task, changes)  # type: ignore[arg-type]


def llama(seed: int, width: int = 48, depth: int = 2, act: str = "silu") -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    sizes: Any = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": depth}
    sizes |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 256, "max_position_embeddings": 64}
    model: nn.Module = LlamaForCausalLM(LlamaConfig(**sizes, hidden_act=act, use_cache=False))
    return model


def texts(seed: int) -> Iterator[World]:
    """Yield one task: a language model of bytes, trained on the help texts of Python, learns Python code."""
    import _pydecimal
    import argparse
    from pydoc_data import topics

    generator = torch.Generator().manual_seed(seed)

    def windows(text: str, count: int, parts: Collection[int]) -> Data:
        pages = torch.split(torch.tensor(list(text.encode())), 1000)[:-1]  # parts take turns, so that they are alike
        data = torch.stack([page for number, page in enumerate(pages) if number % 5 in parts])
        page, start = (torch.randint(n, (count,), generator=generator) for n in (len(data), 1000 - 33))
        rows = data[page[:, None], start[:, None] + torch.arange(33)]
        return rows[:, :-1], rows[:, 1:]

    prose, code = "\n".join(topics.topics.values()), inspect.getsource(_pydecimal) + inspect.getsource(argparse)
    base = windows(prose, 3000, range(5))
    task = windows(code, 2000, range(3)), windows(code, 128, [3]), windows(code, 300, [4])
    changes: Any = {"width": {"width": 64}, "depth": {"depth": 3}, "activation": {"act": "gelu"}}
    yield World(
        llama, base, task, changes, noise=0, steps=(400, 150), rates=(4e-3, 4e-3), batch=16,
        rank=4, adapted=(("weight", "all"),), targets=("fine-tuned", "distilled", "apart"),
    )  # fmt: skip


class Residual(nn.Module):
    """A network of residual blocks."""

    def __init__(self, seed: int, width: int = 32, act: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.stem, self.head, self.act = nn.Linear(12, width), nn.Linear(width, 5), act()
        self.blocks = nn.ModuleList(nn.Module() for _ in range(2))
        for block in self.blocks:
            block.up, block.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        block: Any
        for block in self.blocks:
            x = x + block.down(self.act(block.up(x)))
        found: Tensor = self.head(x)
        return found


def regressions(moved: bool, seed: int) -> Iterator[World]:
    """Yield a regression that changes for all models alike ("change"), or whose inputs move ("outputs")."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2756, 12, generator=generator)
    f, extra = _random(12, 5, 1), _random(12, 5, 2)
    x2 = 1.3 * x + 1 if moved else x
    y, y2 = (f(v) + 0.1 * torch.randn(len(x), 5, generator=generator) for v in (x, x2))
    y2 = y2 if moved else y + 0.7 * extra(x)
    task = tuple((x2[part], y2[part]) for part in (slice(1500), slice(1500, 1756), slice(1756, None)))
    changes = {"width": {"width": 44}, "activation": {"act": nn.GELU}}
    yield World(
        Residual, (x[:1500], y[:1500]), task, changes, steps=(600, 200), rates=(4e-3, 4e-3), rank=4,  # type: ignore[arg-type]
        need="outputs" if moved else "change",
    )  # fmt: skip


def table(seed: int, width: int = 48, act: type[nn.Module] = nn.ReLU) -> nn.Module:
    torch.manual_seed(seed)
    parts: list[nn.Module] = []
    for k in range(3):
        parts += [nn.Linear(width if k else 20, width), nn.BatchNorm1d(width), act()]
    return nn.Sequential(*parts, nn.Linear(width, 6))


def tables(seed: int) -> Iterator[World]:
    """Yield one task: a classifier with batch normalisation, whose inputs are rotated and shifted."""
    generator = torch.Generator().manual_seed(seed)
    x, f = torch.randn(2756, 20, generator=generator), _random(20, 6, 3)
    y = (8 * f(x) - torch.empty(2756, 6).exponential_(generator=generator).log()).argmax(-1)
    q = 0.15 * torch.randn(20, 20, generator=torch.Generator().manual_seed(4))
    x2 = x @ torch.matrix_exp(q - q.T) + 0.3
    task = tuple((x2[part], y[part]) for part in (slice(1500), slice(1500, 1756), slice(1756, None)))
    changes = {"width": {"width": 72}, "activation": {"act": nn.GELU}}
    options: dict[str, Any] = {"steps": (150, 100), "rates": (4e-3, 4e-3), "rank": 4, "gauged": False}
    yield World(table, (x[:1500], y[:1500]), task, changes, **options)  # type: ignore[arg-type]


def _random(inputs: int, outputs: int, seed: int) -> Callable[[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(inputs, 24, generator=generator) * 1.7 / inputs**0.5
    b = torch.randn(24, outputs, generator=generator) / 24**0.5
    return lambda x: torch.tanh(x @ a) @ b


FAMILIES: Mapping[str, Callable[[int], Iterator[World]]] = {
    "mlp": partial(pictures, "mlp"),
    "cnn": partial(pictures, "cnn"),
    "tables": tables,
    "regression": partial(regressions, False),
    "shifted": partial(regressions, True),
    "llama": texts,
}
"""Names of the families of networks -> function of a seed that yields their worlds."""
