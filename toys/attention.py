"""Adapters compensate for restricting a language model to local attention, and are then moved (after Table 5).

Every byte attends only to itself and to the five bytes before it, instead of to all earlier bytes. Each adapter is a
full matrix: I + A on the inputs or the outputs of an attention layer, or a change in the layer's weight. The model, the
text and the targets are those of ``toys/language.py``, except that attention is local. The task is to predict the
documentation on which the model was trained.

Examples:
  python toys/attention.py            16 seeds; learning rates chosen for every method
  python toys/attention.py --quick    2 seeds and smaller models
"""

import sys
from pathlib import Path
from typing import Final

from torch import nn

from toys import language
from toys.transfer import command
from toys.words.model import Model
from toys.words.training import measured

REVISION: Final = 1
WINDOW: Final = 6


class World(language.World):
    """The ``World`` of ``toys.language`` with local attention, and with documentation as the adapters' text."""

    layers = tuple(name for name in language.World.layers if "_proj" not in name)
    learned = ("documents", "documents, validation", "documents, test")

    def __init__(self, seed: int, size: str, cache: Path) -> None:
        super().__init__(seed, size, cache)
        for model in self.models.values():
            local(model, WINDOW)

    def own(self, model: nn.Module, where: str) -> float:
        """Return the loss with full attention, in nats per byte, to which adapters should bring the model back."""
        del where
        local(model, None)
        found = measured(model, self.learned[2], self.size.measure)
        local(model, WINDOW)
        return found


def local(model: nn.Module, window: int | None) -> None:
    assert isinstance(model, Model)
    for block in model.blocks:
        block.window = window  # type: ignore[assignment]


def world(seed: int, size: str, cache: Path) -> World:
    return World(seed, size, cache)


def main(argv: list[str] | None = None) -> int:
    return command.main("attention", __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
