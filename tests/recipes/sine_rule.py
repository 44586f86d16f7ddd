"""The largest angle between x and xW for a diagonal W, against cond(W)."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

PAPER: str | None = None


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return arcsin((k - 1)/(k + 1)), the largest angle over all x, and the largest angle over random x."""
    k = np.geomspace(1, 100, 5 if quick else 50)
    x = np.random.default_rng(seed).standard_normal((200, 1, 2))
    y = x * np.stack([k, np.ones_like(k)], 1)
    cosine = (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)
    return {"k": k, "bound": np.arcsin((k - 1) / (k + 1)), "reached": np.arccos(np.clip(cosine, -1, 1)).max(0)}


def draw(data: dict[str, Any]) -> Figure:
    """Draw the bound as a line, and random inputs as points."""
    figure = Figure()
    axes = figure.subplots()
    axes.semilogx(data["k"], data["bound"])
    axes.semilogx(data["k"], data["reached"], "o")
    axes.set_xlabel("cond(W)")
    axes.set_ylabel("largest angle between x and xW")
    return figure
