"""The crescent: adapters trained on a source are copied to a target with the same function, but different weights."""

from typing import Any

from toys import crescent
from toys.plane.picture import draw as draw

PAPER: str | None = "Fig. 8"


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    return crescent.run(crescent.Config(seed=seed, steps=100 if quick else 1000))
