"""The first training steps of every study, by the code of full runs, while rounding errors are still small.

After changing a study, its REVISION and its record, run ``python -m tests.toys.first_steps`` to update the results.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from tests.adapters.foreign import filled
from toys.transfer.protocol import Method, protocol
from toys.transfer.rows import adapted, moved, randomised
from toys.transfer.runs import KINDS, Run, _world
from toys.transfer.world import World

FILE = Path(__file__).with_suffix(".json")
GLYPHS = {"base": 4, "target": 2, "adapter": 3, "batch": 8, "drawings": 1}
FEW = {
    "diffusion": GLYPHS | {"judge": 4, "samples": 1},
    "encoder": GLYPHS | {"judge": 4, "taught": 20},
    "control": GLYPHS | {"taught": 20},
    "molecules": {"steps": 10, "every": 2, "batch": 64},
}
"""Study -> options that are changed in its quick size."""
RATES = {"molecules": 1e-3}  # all other studies: 1e-2


@contextmanager
def small(name: str) -> Iterator[None]:
    """Reduce the quick size of a study to a few training steps."""
    sizes = import_module(f"toys.{name}").SIZES
    few = replace(sizes["quick"], **FEW[name])
    _world.cache_clear()
    with mock.patch.dict(sizes, quick=few), mock.patch("toys.control.MEASURED", 8):
        yield
    _world.cache_clear()


def unit(name: str, what: str) -> Run:
    """Return a unit of work with LoRA for the reduced study."""
    plan = protocol(name)
    rule = replace(plan.rule, strengths=(1.0,))
    more: dict[str, Any] = {} if what == "facts" else {"method": plan.methods["lora"], "rate": RATES.get(name, 1e-2)}
    return Run(toy=name, size="quick", seed=0, what=what, rule=rule, case=plan.cases[0], **more)


def world(name: str, folder: Path) -> World:
    return _world(name, "quick", 0, protocol(name).cases[0], folder)


def figures(name: str, folder: Path) -> dict[str, Mapping[str, float]]:
    """Return each model's measure without and with a moved LoRA, and the loss and size of the trained LoRA."""
    with small(name):
        of, measure = world(name, folder), protocol(name).measure
        found = {what: KINDS[what](unit(name, what), of, folder) for what in ("facts", "move", "train")}
    return {
        "none": {model: one[measure] for model, one in found["facts"]["none"].items()},
        "lora": {model: one[measure] for model, one in found["move"]["1.0"].items()},
        "trained": {what: found["train"][what] for what in ("validation", "size")},
    }


def lost(
    source: nn.Module, there: nn.Module, method: Method, layers: tuple[str, ...], outputs: Callable[[nn.Module], Tensor]
) -> float:
    """Return the largest change of the outputs when a random adapter is moved, divided by the adapter's effect."""
    one = randomised(filled(adapted(source, method, layers, 0)), 5)
    with torch.no_grad():
        here = outputs(one)
        return float((outputs(moved(one, there)) - here).abs().max() / (here - outputs(source)).abs().max())


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        written = {name: figures(name, Path(folder)) for name in FEW}
    FILE.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
