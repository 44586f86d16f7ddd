"""Placements of an adapter: base model, LoRA on the weight, adapter on the input, adapter on the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toys.common.style import FAINT, FROZEN, FULL_WIDTH, INK, LEARNABLE, METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER: str | None = "Fig. 3"

WORKFLOWS: dict[str, dict[str, str]] = {
    "base": {"title": "Base model", "equation": r"$Y = XW$", "code": "y = f(x)", "learnable": "0"},
    "lora": {
        "title": "LoRA",
        "equation": r"$Y = X(W + AB)$   Eq. (1)",
        "code": "y = f(x) + B(A(x))",
        "learnable": "r * (c + d)",
    },
    "input": {
        "title": "Input adapter",
        "equation": r"$Y = X(I + AB)W$   Eq. (3)",
        "code": "y = f(x + B(A(x)))",
        "learnable": "2 * r * c",
    },
    "output": {
        "title": "Output adapter",
        "equation": r"$Y = XW(I + AB)$   Eq. (3)",
        "code": "y = f(x)\ny = y + B(A(y))",
        "learnable": "2 * r * d",
    },
}
"""Text under each drawing; a test compares the code with the equations and with the parameter counts."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    del seed, quick
    return {"workflows": WORKFLOWS}


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(FULL_WIDTH, 4.1))
    for axes, (name, words) in zip(figure.subplots(1, 4), data["workflows"].items(), strict=True):
        axes.set(xlim=(0, 10), ylim=(-0.4, 15.6), aspect="equal", anchor="N")
        axes.axis("off")
        axes.set_title(words["title"], weight="bold", color=METHODS[name])
        PANELS[name](axes)
        axes.text(5, -0.2, words["equation"], ha="center", va="top")
        axes.text(5, -2.6, words["code"], ha="center", va="center", family="DejaVu Sans Mono", size=7.5)
        count = words["learnable"].replace(" * ", "")
        says = f"${count}$ trainable parameters" if name != "base" else "nothing is trained"
        axes.text(5, -4.1, says, ha="center", va="top", size=8, color=FAINT)
        axes.text(5, -5.6, " ", size=6)  # space above the legend
    _legend(figure)
    return figure


def _base(axes: Axes) -> None:
    _ends(axes)
    _frozen(axes, 5, 7.6)
    _path(axes, (5, 14.2), (5, 9.3))
    _path(axes, (5, 5.9), (5, 1.2))


def _lora(axes: Axes) -> None:
    _ends(axes)
    _frozen(axes, 2.4, 7.6)
    _path(axes, (5, 14.2), (5, 12.9), (2.4, 12.9), (2.4, 9.3))
    _path(axes, (2.4, 5.9), (2.4, 2.9), (4.3, 2.9))
    _branch(axes, top=12.9, bottom=2.9, middle=7.6, start=5)
    _plus(axes, 2.9)
    _path(axes, (5, 2.2), (5, 1.2))


def _input(axes: Axes) -> None:
    _ends(axes)
    _path(axes, (5, 14.2), (5, 8.1))
    _branch(axes, top=13.4, bottom=7.4, middle=10.4, start=5)
    _plus(axes, 7.4)
    _frozen(axes, 5, 3.9)
    _path(axes, (5, 6.7), (5, 5.6))
    _path(axes, (5, 2.2), (5, 1.2))


def _output(axes: Axes) -> None:
    _ends(axes)
    _path(axes, (5, 14.2), (5, 13.1))
    _frozen(axes, 5, 11.4)
    _path(axes, (5, 9.7), (5, 3.1))
    _branch(axes, top=8.6, bottom=2.4, middle=5.5, start=5)
    _plus(axes, 2.4)
    _path(axes, (5, 1.7), (5, 1.2))


PANELS = {"base": _base, "lora": _lora, "input": _input, "output": _output}


def _ends(axes: Axes) -> None:
    axes.text(5, 14.8, "$X$", ha="center", va="center", size=11)
    axes.text(5, 0.6, "$Y$", ha="center", va="center", size=11)


def _path(axes: Axes, *points: tuple[float, float]) -> None:
    axes.plot(*zip(*points[:-1], strict=True), color=INK, lw=1, solid_joinstyle="miter")
    arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    axes.annotate("", points[-1], points[-2], arrowprops=arrow)


def _frozen(axes: Axes, x: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x - 1.7, y - 1.7), 3.4, 3.4, facecolor=FROZEN, edgecolor=INK, lw=0.8, zorder=3))
    axes.text(x, y, "$W$", ha="center", va="center", size=12, zorder=4)


def _branch(axes: Axes, *, top: float, bottom: float, middle: float, start: float) -> None:
    from matplotlib.patches import Polygon

    right, wide, narrow, tall = 8.1, 1.5, 0.6, 1.7
    for letter, one, two, upper in (("A", wide, narrow, middle + 1.9), ("B", narrow, wide, middle - 0.2)):
        corners = [(right - one, upper), (right + one, upper), (right + two, upper - tall), (right - two, upper - tall)]
        axes.add_patch(Polygon(corners, facecolor=LEARNABLE, edgecolor=INK, lw=0.8, zorder=3))
        axes.text(right, upper - tall / 2, f"${letter}$", ha="center", va="center", size=10, zorder=4)
    _path(axes, (start, top), (right, top), (right, middle + 1.9))
    axes.plot([right, right], [middle + 0.2, middle - 0.2], color=INK, lw=1)
    _path(axes, (right, middle - 1.9), (right, bottom), (5.7, bottom))


def _plus(axes: Axes, y: float) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((5, y), 0.7, facecolor="white", edgecolor=INK, lw=1, zorder=3))
    axes.text(5, y, "+", ha="center", va="center", size=11, zorder=4)


def _legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=FROZEN, edgecolor=INK, lw=0.8, label="frozen: the weight of the model"),
        Patch(facecolor=LEARNABLE, edgecolor=INK, lw=0.8, label="trainable: the adapter, moved to other models"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
