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
from torch.nn.functional import pad

from toys.common.style import FAINT, FULL_WIDTH, LABELS
from toys.glyphs.faces import SIZE
from toys.transfer.protocol import Protocol
from toys.transfer.rows import moved
from toys.transfer.runs import SOURCE, Run, trained
from toys.transfer.study import NONE
from toys.transfer.world import toy

RETRAINED: Final = "lora, retrained"
ROWS: Final = (NONE, "lora", "input", "output", "residual", RETRAINED)
NAMES: Final = LABELS | {NONE: NONE, "residual": "residual side", RETRAINED: "LoRA, retrained"}
LEVELS: Final = 16
"""Levels of grey in the record."""
LINES: Final = 2
"""Lines in which the glyphs of a strip are shown."""
TILE: Final = 0.84
"""Height of a row, inches."""


def painted(plan: Protocol, result: Mapping[str, Any], seed: int, size: str, cache: Path) -> dict[str, Any]:
    """Return samples of one seed at the rates of the result, as one small picture: a strip for every row and model.

    Returns:
        ``ceiling``: measure -> what real glyphs drawn anew come to, for every seed of the result from this one on;
        ``strips``: [row, model, number of glyphs] from above; ``png``: base64, the glyphs of a strip beside each other.
    """
    world: Any = toy(plan.name).world(seed, size, cache)
    found: dict[tuple[str, str], Tensor] = {(what, ""): glyphs for what, glyphs in world.real().items()}
    for row, where, model in _models(plan, result, world, seed, size, cache):
        found[row, where] = world.shown(model, where)
    width = max(len(glyphs) for glyphs in found.values())
    strips = [pad(torch.cat(list(of[:, 0]), 1), (0, SIZE * (width - len(of))), value=-1.0) for of in found.values()]
    grey = ((torch.cat(strips).clamp(-1, 1) + 1) / 2 * (LEVELS - 1)).round() * (255 // (LEVELS - 1))
    file = io.BytesIO()
    Image.fromarray(grey.numpy().astype(np.uint8)).save(file, "png", optimize=True)
    names = [[*key, len(of)] for key, of in found.items()]
    seeds = range(seed, seed + len(result["rows"][NONE][SOURCE]))
    real = [toy(plan.name).world(one, size, cache).ceiling() for one in seeds]  # type: ignore[attr-defined]
    ceiling = {measure: [float(f"{one[measure]:.6g}") for one in real] for measure in (plan.measure, *plan.also)}
    return {"seed": seed, "ceiling": ceiling, "strips": names, "png": base64.b64encode(file.getvalue()).decode()}


def _models(
    plan: Protocol, result: Mapping[str, Any], world: Any, seed: int, size: str, cache: Path
) -> Iterator[tuple[str, str, nn.Module]]:
    """Yield row, name of the model, and the model with what the row does to it."""
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


def draw(plan: Protocol, result: Mapping[str, Any]) -> Figure:
    """Draw a row for each method and a column for each model, with the measure of all letters below the samples."""
    with Image.open(io.BytesIO(base64.b64decode(result["samples"]["png"]))) as file:
        picture = np.asarray(file)
    tiles = {}
    for k, (row, where, count) in enumerate(result["samples"]["strips"]):
        strip = picture[k * SIZE :][:SIZE, : count * SIZE]
        tiles[row, where] = np.concatenate(np.split(strip, LINES, axis=1))
    models = (SOURCE, *plan.targets)
    rows = [row for row in ROWS if any(key[0] == row for key in tiles)]
    figure = Figure(figsize=(FULL_WIDTH, TILE * (len(rows) + 1) + 0.7))
    grid = figure.add_gridspec(len(rows) + 1, len(models), wspace=0.05, hspace=0.02)
    real = {"real": f"real: {result['samples']['ceiling'][plan.measure][0]:.2f}"}
    for j, (what, tile) in enumerate((key[0], of) for key, of in tiles.items() if not key[1]):
        _show(figure.add_subplot(grid[0, j : j + 1 + (tile.shape[1] > tile.shape[0])]), tile, real.get(what, what))
    for i, row in enumerate(rows, start=1):
        for j, where in enumerate(models):
            axes = figure.add_subplot(grid[i, j])
            if (row, where) in tiles:
                _show(axes, tiles[row, where], f"{result['rows'][row][where][0]:.2f}")
            else:
                axes.set_axis_off()
            if i == 1:
                axes.set_title(where, fontsize=8)
        first = figure.axes[-len(models)]
        first.text(-0.15, 0.5, NAMES[row], transform=first.transAxes, ha="right", va="center", fontsize=8)
    told = f"below samples: {plan.measure} of this seed,\nover all that is measured"
    axes = figure.add_subplot(grid[0, 4:])
    axes.set_axis_off()
    axes.text(0, 0.5, told, va="center", fontsize=8, color=FAINT)
    figure.suptitle(f"{plan.title}, and is moved", x=0.02, ha="left", fontweight="bold")
    return figure


def _show(axes: Axes, tile: np.ndarray, below: str) -> None:
    axes.imshow(255 - tile, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(below, fontsize=7, color=FAINT, labelpad=1)
    axes.spines[:].set_visible(False)
