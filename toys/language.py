"""A byte-level language model of Python's documentation learns Python code, and its adapters are moved (after Table 6).

The text is shipped with Python; nothing is downloaded. The targets are the model after further training on the
documentation, on docstrings, on questions and answers, or on its own sharpened predictions, after pruning and further
training, and after perturbation; models with the same function but different weights (heads, neurons, the residual
stream); and an independently trained model.

Examples:
  python toys/language.py            12 seeds; learning rates chosen for every method
  python toys/language.py --quick    2 seeds and smaller models
  python toys/language.py --split    rank four is split between an output adapter and LoRA (Eq. 6; Fig. 7)
"""

import copy
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from ioadapt_theory.adapters import parameters
from toys.transfer import command, gauges
from toys.transfer.cache import models
from toys.words.model import HEADS, LAYERS, Model
from toys.words.text import corpora, windows
from toys.words.training import measured, train

REVISION: Final = 2
CARRIED_BY: Final = 128
"""Number of windows of text with which ``transfer`` fits an adapter to a target."""


@dataclass(frozen=True, slots=True)
class Size:
    """Training steps of a base model, a target and an adapter; number of windows per batch, and per measurement."""

    base: int
    target: int
    adapter: int
    batch: int
    measure: int


SIZES: Final = {"full": Size(400, 100, 60, 16, 64), "quick": Size(100, 30, 20, 12, 16)}


def build(seed: int, size: Size) -> dict[str, nn.Module]:
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
    """The models made from one seed, and how adapters on them are trained and measured.

    ``learned`` names the texts in ``corpora`` with which adapters are trained, validated and tested.
    """

    layers = LAYERS
    learned = ("train", "validation", "test")

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        self.seed, self.size = seed, SIZES[size]
        config = {"toy": "language", "revision": REVISION, "seed": seed, "size": size, "python": sys.version_info[:2]}
        self.models: Mapping[str, nn.Module] = models(cache, config, Model, partial(build, seed, self.size))

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        del where
        learned, (text, unseen, _) = [p for _, p in parameters(model)], self.learned
        train(model, corpora()[text], self.size.adapter, rate, self.seed, self.size.batch, learned)
        validation = measured(model, unseen, self.size.measure)
        return validation if math.isfinite(validation) else math.inf

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        del where
        return {"loss": measured(model, self.learned[2], self.size.measure)}

    def carrying(self) -> dict[str, Any]:
        text, _ = windows(corpora()[self.learned[1]], CARRIED_BY, torch.Generator().manual_seed(98))
        return {"inputs": text, "need": "labels"}

    def own(self, model: nn.Module, where: str) -> float:
        """Return the loss on unseen documentation, in nats per byte."""
        del where
        return measured(model, "documents, test", self.size.measure)


def world(seed: int, size: str, cache: Path) -> World:
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    """Run the study from the command line; with ``--split``, run the study ``mixture``, which has the same models."""
    given = sys.argv[1:] if argv is None else argv
    name = "mixture" if "--split" in given else "language"
    return command.main(name, __doc__, [option for option in given if option != "--split"])


if __name__ == "__main__":
    sys.exit(main())
