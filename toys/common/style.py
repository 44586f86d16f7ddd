"""The style of figures, and a function that writes their files.

The module is in ``toys`` because the toys also draw figures and may not import ``figures``. The Okabe-Ito colours are
distinguishable with common colour vision deficiencies; methods also differ in marker.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ioadapt_theory.outputs import replacing, together

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from matplotlib.figure import Figure

INPUTS: Final = "#0072B2"
HIDDEN: Final = "#CC79A7"
OUTPUTS: Final = "#009E73"

METHODS: Final = {
    "base": "#666666", "lora": "#D55E00", "lora-first": "#E69F00", "input": "#0072B2", "output": "#009E73",
    "oracle": "#000000",
}  # fmt: skip
"""Method -> colour; input and output adapters have the colours of INPUTS and OUTPUTS."""
MARKERS: Final = {"base": "D", "lora": "o", "lora-first": "v", "input": "^", "output": "s", "oracle": "*"}
LABELS: Final = {"base": "no adapter", "lora": "LoRA", "input": "input", "output": "output", "oracle": "retrained"}

FROZEN: Final = "#BBD7EA"
LEARNABLE: Final = "#F7C36B"
INK: Final = "#222222"
FAINT: Final = "#8A8A8A"

FULL_WIDTH: Final = 7.2
"""Width of a full-page figure in inches."""

STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib, so that text looks the same on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "lines.linewidth": 1.4,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "svg.hashsalt": "ioadapt-theory",  # seeds the ids in the SVG, which would be random otherwise
    "svg.fonttype": "path",
}


def styled() -> AbstractContextManager[None]:
    """Return a context in which matplotlib uses its defaults and STYLE, instead of the user's configuration."""
    from matplotlib import style

    return style.context(["default", STYLE])


def write(figure: Figure, folder: Path | str, name: str) -> tuple[Path, Path]:
    """Write NAME.svg and NAME.png atomically; within ``styled()``, identical figures give identical bytes.

    Returns:
        The paths of the SVG and of the PNG file.
    """
    svg, png = Path(folder) / f"{name}.svg", Path(folder) / f"{name}.png"
    with together(), replacing(svg) as one, replacing(png) as two:
        figure.savefig(one, format="svg", metadata={"Date": None})
        figure.savefig(two, format="png", metadata={"Software": None})
    return svg, png
