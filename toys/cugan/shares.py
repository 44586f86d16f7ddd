"""Shares of the gain that moved adapters keep, and the mixed model of the share as a function of the weight cosine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from toys.cugan.mixed import Fit, fit

DECIDED: Final = 3.0
"""Number of standard errors that the gain of an adapter trained on the target must have, or the cell is left out."""
EDGES: Final = (-1.0, 1.5)
"""Shares beyond these count as these in the mixed model, and are drawn there: an adapter that destroys all images keeps
any number below -1."""
Errors = Mapping[tuple[str, str, str, str], np.ndarray]
"""(source, target, task, row) -> the error on each test patch; without an adapter, the row and the source are ""."""


@dataclass(frozen=True, slots=True)
class Share:
    """What an adapter keeps on another network: of its own gain on the source, and of a LoRA trained on the target."""

    source: str
    target: str
    task: str
    row: str
    own: float
    retrained: float


def shares(found: Errors, methods: Mapping[str, str]) -> tuple[list[Share], list[str]]:
    """Return the shares of all moves, and the cells (network and task) with nothing to gain, which are left out.

    Args:
        found: the measured errors.
        methods: row -> the method of its adapter, which differs from the row if the adapter is carried over.
    """

    def gained(source: str, target: str, task: str, row: str) -> np.ndarray:
        return found["", target, task, ""] - found[source, target, task, row]

    idle = [
        f"{name}, {task}"
        for (one, name, task, row) in found
        if one == name and row == "lora" and not _decided(gained(name, name, task, "lora"))
    ]
    made = []
    for source, target, task, row in found:
        if row and source != target and f"{target}, {task}" not in idle and f"{source}, {task}" not in idle:
            moved = gained(source, target, task, row).mean()
            own = gained(source, source, task, methods[row]).mean()
            made.append(
                Share(source, target, task, row, moved / own, moved / gained(target, target, task, "lora").mean())
            )
    return made, idle


def _decided(gains: np.ndarray) -> bool:
    return bool(gains.mean() > DECIDED * gains.std(ddof=1) / np.sqrt(len(gains)))


def model(some: Sequence[Share], cosines: Mapping[tuple[str, str], float], of: str = "own") -> Fit:
    """Fit the share as a line in the weight cosine; source, target and task have random effects."""
    y = np.clip([getattr(one, of) for one in some], *EDGES)
    x = np.array([[1.0, cosines[one.source, one.target]] for one in some])
    groups: Any = [[getattr(one, name) for one in some] for name in ("source", "target", "task")]
    return fit(y, x, groups)
