"""Pairwise heat maps as in Fig. 2, (a) and (b) side by side, and a profile over the layers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ioadapt_theory.errors import InvalidValueError, MissingExtraError
from ioadapt_theory.similarity.report.order import in_order
from ioadapt_theory.similarity.result import heading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ioadapt_theory.similarity.result import Comparison

FORMATS: Final = (".svg", ".png", ".pdf")
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
"""Okabe-Ito colours, which are distinguishable with common colour vision deficiencies."""
ALL_HIGH: Final = 0.5
"""If all mean cosines are above this, a colour scale from 0 would look uniform, so it begins higher."""
MARKERS: Final = "os^Dv<>P*X"
"""Markers that distinguish pairs of models that have the same colour."""

_STYLE: Final[dict[str, Any]] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "svg.hashsalt": "ioadapt-theory",
    "savefig.dpi": 150,
    "text.parse_math": False,  # names from files may contain dollar signs
}


def matrix(c: Comparison, *, lowest: bool) -> np.ndarray:
    """Return the mean cosine of each pair of models; 1 on the diagonal, NaN for pairs without common layers.

    If ``lowest``, only a fraction of the layers counts, those with the lowest cosines.
    """
    values = np.eye(len(c.labels))
    for i, j in c.pairs:
        mean = (c.lowest((i, j)) if lowest else c.mean((i, j))).mean
        values[i, j] = values[j, i] = np.nan if mean is None else mean
    return values


def shown(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}"


def heat_map(axes: Axes, values: np.ndarray, labels: Sequence[str], *, low: float) -> Any:
    labels = [shown(label) for label in labels]
    image = axes.imshow(values, vmin=low, vmax=1, cmap="cividis")
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (i, j), value in np.ndenumerate(values):
        text = "none" if np.isnan(value) else ("1" if i == j else f"{value:.3f}")
        dark = not np.isnan(value) and (value - low) / (1 - low) < 0.6
        axes.text(j, i, text, ha="center", va="center", size=8, color="white" if dark else "black")
    return image


def lowest_shown(panels: Sequence[np.ndarray]) -> float:
    # of the colour scale: if all values are high, the lowest one, rounded down to a multiple of 0.05, else at most 0
    least = float(np.nanmin(panels))
    return min(least, 0.0) if least < ALL_HIGH else min(math.floor(least * 20) / 20, 0.95)


def two_maps(axes: Sequence[Axes], c: Comparison) -> None:
    panels = [matrix(c, lowest=True), matrix(c, lowest=False)]
    low = lowest_shown(panels)
    titles = (f"(a) {100 * c.options.lowest:.3g} % of layers with the lowest cosine", "(b) all layers")
    for axis, values, title in zip(axes, panels, titles, strict=True):
        image = heat_map(axis, values, c.labels, low=low)
        axis.set_title(title)
    axes[0].figure.colorbar(image, ax=list(axes), shrink=0.85, label="mean cosine")


def profile(axes: Axes, c: Comparison) -> None:
    """Draw the cosine of every layer in the network's order, with a colour per pair and lines between blocks."""
    rows = in_order(c)
    blocks = [row.layer.block for row in rows]
    for k, pair in enumerate(c.pairs):
        at = [i for i, row in enumerate(rows) if pair in row.values]
        cosines = [rows[i].values[pair].cosine for i in at]
        label = " | ".join(shown(c.labels[i]) for i in pair)
        color, marker = COLOURS[k % len(COLOURS)], MARKERS[k // len(COLOURS) % len(MARKERS)]
        axes.plot(at, cosines, ls="", ms=1.5, alpha=0.8, label=label, color=color, marker=marker)
    edges = [0, *(i for i in range(1, len(blocks)) if blocks[i] != blocks[i - 1]), len(blocks)]
    if len(edges) < 400:  # more lines would merge into grey
        for edge in edges[1:-1]:
            axes.axvline(edge - 0.5, color="#cccccc", lw=0.6, zorder=0)
    wide = [(a, b) for a, b in pairwise(edges) if b - a >= len(blocks) / 50]
    axes.set_xticks(
        [(a + b - 1) / 2 for a, b in wide], [shown(blocks[a]) for a, _ in wide], rotation=35, ha="right", size=7
    )
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(xlim=(-0.5, len(blocks) - 0.5), ylabel="cosine", title="every layer, in the network's order")


def draw(c: Comparison) -> Figure:
    """Draw the heat maps above the profile; call this inside `styled`."""
    from matplotlib.figure import Figure

    side = 2.2 + 0.42 * len(c.labels)
    figure = Figure(figsize=(2 * side + 1.6, side + 3), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[side, 2.4])
    two_maps([figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])], c)
    profile(figure.add_subplot(grid[1, :]), c)
    handles, names = figure.axes[-1].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=min(3, len(names)), frameon=False, fontsize=8, markerscale=3
    )
    figure.suptitle(heading(c), size=9)
    return settled(figure)


def settled(figure: Figure) -> Figure:
    """Lay the figure out once and round positions, since the solver's last digits would change the SVG between runs."""
    engine = figure.get_layout_engine()
    assert engine is not None, "drawn with a layout"
    engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(x), 4) for x in axes.get_position(original=True).bounds)
        axes.set_position((left, bottom, width, height), which="original")
    return figure


def styled() -> AbstractContextManager[None]:
    """Return a context with matplotlib's defaults and our style, independent of the user's configuration."""
    try:
        from matplotlib import style
    except ImportError as error:
        raise MissingExtraError("matplotlib", "figures") from error
    return style.context(["default", _STYLE])


def check(path: Path | None) -> None:
    """Raise an error if matplotlib is not installed, or if the extension of ``path`` is not one of FORMATS."""
    if path is not None and path.suffix.lower() not in FORMATS:
        msg = f"{path.name} is not a figure file; use one of the extensions {', '.join(FORMATS)}."
        raise InvalidValueError(msg)
    with styled():
        pass


def save(c: Comparison, path: Path) -> None:
    """Write the figure; the same comparison gives the same bytes."""
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}[kind]
    with styled():
        draw(c).savefig(path, format=kind, metadata=metadata)
