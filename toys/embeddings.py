"""Adapters of two sentence encoders, paraphrase-MiniLM-L3 and all-MiniLM-L6, are moved from one to the other.

The weights of the encoders are shipped with packages, and the sentences with Python; nothing is downloaded. Both
encoders have the same vocabulary and similar word embeddings. Their other weights are unrelated, but their residual
streams are similar. Each seed has one of three tasks: to retrieve a function from its docstring, the names that a
function calls from its docstring, or the function that raises an error from the error message.

Examples:
  python toys/embeddings.py            9 seeds, both directions; learning rates chosen for every method
  python toys/embeddings.py --quick    one direction, 2 seeds
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from toys.sentences.model import HEADS, KINDS, channels
from toys.sentences.packages import encoder, split
from toys.sentences.text import TASKS, Pairs, parts
from toys.sentences.training import TEMPERATURE, measured, train
from toys.transfer import command, gauges

REVISION: Final = 1
LAYERS: Final = tuple(f"blocks.{k}.{kind}" for k in range(3) for kind in KINDS)
AMONG: Final = 32
"""Number of candidates among which a sentence is searched when ``transfer`` fits an adapter to a target."""
ANOTHER: Final = {"0": "1", "1": "2", "2": "0"}
"""Block -> its name in the target "shifted", a control in which adapters are put on the wrong blocks."""


@dataclass(frozen=True, slots=True)
class Size:
    """Number of training steps, pairs in a batch, and pairs in an evaluation."""

    steps: int
    batch: int
    searched: int


SIZES: Final = {"full": Size(30, 16, 96), "quick": Size(8, 8, 24)}


def names(network: str) -> list[str]:
    """Return the names of an encoder's blocks: blocks of the same name end at the same relative depth in L3 and L6."""
    return ["0", "1", "2"] if network == "L3" else ["before 0", "0", "before 1", "1", "before 2", "2"]


class World:
    """The models made from one seed, and how adapters on them are trained and measured.

    ``case`` names the source and the other encoder, as in "L3 to L6". ``seed`` determines the task, and the split of
    its pairs into parts for training, validation and testing.
    """

    layers = LAYERS

    def __init__(self, seed: int, size: str, case: str) -> None:
        here, there = case.split(" to ")
        self.seed, self.size = seed, SIZES[size]
        self.parts = parts(TASKS[seed % len(TASKS)], seed)
        source, sibling = (encoder(network, names(network)) for network in (here, there))
        self.models: Mapping[str, nn.Module] = {
            "source": source,
            "sibling": sibling,
            "heads": gauges.heads(source, seed, HEADS),
            "shifted": encoder(there, [ANOTHER.get(name, name) for name in names(there)]),
            "reordered": channels(sibling, seed),
        }

    def fit(self, model: nn.Module, rate: float, where: str) -> float:
        del where
        train(model, self.parts.train, steps=self.size.steps, batch=self.size.batch, rate=rate, seed=self.seed)
        validation = measured(model, self._some(self.parts.validation))["loss"]
        return validation if math.isfinite(validation) else math.inf

    def measure(self, model: nn.Module, where: str) -> dict[str, float]:
        del where
        return measured(model, self._some(self.parts.test))

    def carrying(self) -> dict[str, Any]:
        # The outputs are logits, of which only differences count: adding a constant to all cosines changes no ranking.
        pairs = self._some(self.parts.validation)
        sides = [[split(pair[k]) for pair in pairs] for k in (0, 1)]
        texts, among = sides[0] + sides[1], sides[1][:AMONG] + sides[0][:AMONG]

        def answers(model: nn.Module, chosen: Tensor) -> Tensor:
            embedded: Tensor = model([texts[k] for k in chosen.tolist()] + among)
            asked, found = embedded[: len(chosen)], embedded[len(chosen) :].detach().view(2, len(among) // 2, -1)
            return (asked @ found.mT)[(chosen >= len(pairs)).long(), torch.arange(len(chosen))] / TEMPERATURE

        return {"inputs": torch.arange(len(texts)), "call": answers, "need": "labels"}

    def own(self, model: nn.Module, where: str) -> float:
        del where
        other = parts(TASKS[(self.seed + 1) % len(TASKS)], self.seed)
        return measured(model, self._some(other.test))["loss"]

    def _some(self, pairs: Pairs) -> Pairs:
        return pairs[: self.size.searched]


def world(seed: int, size: str, cache: Path, case: str) -> World:
    del cache
    return World(seed, size, case)


def main(argv: list[str] | None = None) -> int:
    return command.main("embeddings", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
