"""Adapters on real networks: errors where they were trained (ANI-1x) and where moved to (ANI-1ccx, other ANI-1x)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toys.ani import picture
from toys.molecules import QUICK, Config, recorded_run, run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER: str | None = None


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """The recorded full run if it had this seed (`python toys/molecules.py` made it); any other seed is trained now."""
    recorded = recorded_run()
    return recorded if recorded["config"]["seed"] == seed else run(replace(QUICK if quick else Config(), seed=seed))


def draw(data: dict[str, Any]) -> Figure:
    """A row for every task, a column for every target."""
    return picture.draw(data)
