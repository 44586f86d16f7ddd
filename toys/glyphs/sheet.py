"""Samples side by side: the face that no generator knew, and what is made of it on every model after each method."""

import base64
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from toys.glyphs.faces import SIZE
from toys.style import FAINT, FULL_WIDTH, LABELS
from toys.transfer.protocol import Protocol
from toys.transfer.rows import moved
from toys.transfer.runs import SOURCE, Run, trained
from toys.transfer.study import NONE
from toys.transfer.world import toy

RETRAINED: Final = "lora, retrained"
ROWS: Final = (NONE, "lora", "input", "output", "residual", RETRAINED)
NAMES: Final = LABELS | {NONE: NONE, "residual": "residual side", RETRAINED: "LoRA, retrained"}
LEVELS: Final = 16
"""Of grey, in the record."""


def painted(plan: Protocol, result: Mapping[str, Any], seed: int, size: str, cache: Path) -> dict[str, Any]:
    """Samples of one seed at the rates of the result, as one small picture: a strip for every row and model.

    Returns:
        ``strips``: [row, model] in the picture's order, from above; ``png``: base64, glyphs beside each other.
    """
    world: Any = toy(plan.name).world(seed, size, cache)
    found: dict[tuple[str, str], Tensor] = {(what, ""): glyphs for what, glyphs in world.real().items()}
    for row, where, model in _models(plan, result, world, seed, size, cache):
        found[row, where] = world.shown(model, where)
    width = max(len(glyphs) for glyphs in found.values())
    strips = [torch.nn.functional.pad(_strip(glyphs), (0, SIZE * (width - len(glyphs)))) for glyphs in found.values()]
    grey = ((torch.cat(strips).clamp(-1, 1) + 1) / 2 * (LEVELS - 1)).round() * (255 // (LEVELS - 1))
    file = io.BytesIO()
    Image.fromarray(grey.numpy().astype(np.uint8)).save(file, "png", optimize=True)
    return {"seed": seed, "strips": [list(key) for key in found], "png": base64.b64encode(file.getvalue()).decode()}


def _models(
    plan: Protocol, result: Mapping[str, Any], world: Any, seed: int, size: str, cache: Path
) -> Iterator[tuple[str, str, nn.Module]]:
    """(row, name of the model, the model with what the row does to it)."""
    common: dict[str, Any] = {"toy": plan.name, "size": size, "seed": seed, "what": "move", "rule": plan.rule}
    for row in ROWS:
        name = row.removesuffix(", retrained")
        if row == NONE:
            yield from ((row, where, model) for where, model in world.models.items())
        elif name in plan.methods:
            run = Run(**common, method=plan.methods[name], rate=result["rates"][name]["rate"])
            if row == name:
                one = trained(run, world, cache)[0]
                yield from ((row, where, moved(one, model)) for where, model in world.models.items())
            else:
                there = [where for where in result["rows"][row] if where in world.models]
                yield from ((row, where, trained(run, world, cache, where)[0]) for where in there)


def _strip(glyphs: Tensor) -> Tensor:
    """(n, 1, SIZE, SIZE) to (SIZE, n SIZE)."""
    return torch.cat(list(glyphs[:, 0]), 1)


def draw(plan: Protocol, result: Mapping[str, Any]) -> Figure:
    """A row for each method, a column for each model; below the samples the measure of all letters of that seed."""
    with Image.open(io.BytesIO(base64.b64decode(result["samples"]["png"]))) as file:
        picture = np.asarray(file)
    strips = {tuple(key): picture[k * SIZE :][:SIZE] for k, key in enumerate(result["samples"]["strips"])}
    models = (SOURCE, *plan.targets)
    rows = [row for row in ROWS if any(key[0] == row for key in strips)]
    shown = next(i for i in range(picture.shape[1], 0, -SIZE) if strips["real", ""][:, i - SIZE : i].any())
    figure = Figure(figsize=(FULL_WIDTH, 0.46 * (len(rows) + 1) + 0.5))
    grid = figure.subplots(len(rows) + 1, len(models), squeeze=False, gridspec_kw={"wspace": 0.08, "hspace": 0.0})
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    _show(grid[0, 0], strips["real", ""][:, :shown], "real")
    learnt = grid[0, 1].get_gridspec()[0, 1:3]
    for axes in grid[0, 1:]:
        axes.remove()
    _show(figure.add_subplot(learnt, xticks=[], yticks=[]), strips["learnt", ""], "learnt")
    seeds = result["rows"]
    for i, row in enumerate(rows, start=1):
        grid[i, 0].set_ylabel(NAMES[row], rotation=0, ha="right", va="center")
        for j, where in enumerate(models):
            if (row, where) in strips:
                _show(grid[i, j], strips[row, where][:, :shown], f"{seeds[row][where][0]:.2f}")
    for axes, where in zip(grid[1], models, strict=True):
        axes.set_title(where, fontsize=8)
    figure.suptitle(
        f"Adapters learn an unseen face on the source and are moved ({plan.measure} below)", x=0.02, ha="left"
    )
    return figure


def _show(axes: Axes, strip: np.ndarray, below: str) -> None:
    axes.imshow(255 - strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xlabel(below, fontsize=7, color=FAINT, labelpad=1)
    axes.spines[:].set_visible(False)
