"""The bounds of Prop. 2 against the condition number of W and against s₀, and where they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toys.common.style import FULL_WIDTH, INK, MARKERS, METHODS

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

PAPER: str | None = None
SIZE = 6
CONDITIONS = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
WITNESSES = (("prop-2-input", "ce1f", "input"), ("prop-2-input", "ce1", "input"), ("prop-2-input", "ce1c", "input"),
             ("prop-2-output", "ce2", "output"), ("prop-2-output", "ce2b", "output"),
             ("prop-1", "ce3", "lora"), ("prop-1", "ce3b", "lora"))  # fmt: skip
LABELS: dict[str, tuple[str, tuple[float, float], str]] = {
    "ce1": ("ce1", (-6, -3), "right"),
    "ce1c": ("ce1c, κ = 6, κ' = 1", (42, 9), "left"),
    "ce1f": ("ce1f, κ = 20", (6, 8), "right"),
    "ce2": ("ce2", (-4, -9), "right"),
}
"""Text, offset in points and alignment of the stars' labels that a curve would cross in the default position."""


def worst_adapter(y: Tensor, q: Tensor, w: Tensor, placement: str) -> Tensor:
    """Return the maximum, a nuclear norm, of |δ − δ'|/ε over adapters with ‖AB‖₂ ≤ ε, for infinitesimal ε.

    δ and δ' are the changes of the cosine of two outputs, which is 0 without AB, in a source and a target. The target
    is W' = QᵀW, x' = xQ for input adapters, and W' = WQ, x' = x for output adapters.

    Args:
        y: orthonormal outputs y₁, y₂ of the source, n x 2 x c.
        q: orthogonal matrices Q, n x c x c.
        w: W, c x c.
        placement: "input" or "output".
    """
    import torch

    rows, columns = (y @ torch.linalg.inv(w), y @ w.mT) if placement == "input" else (y, y)
    g = rows[:, 0, :, None] * columns[:, 1, None] + rows[:, 1, :, None] * columns[:, 0, None]
    return torch.linalg.svdvals(g - q.mT @ g @ q).sum(-1)


def worst_data(w: Tensor, placement: str, starts: int, steps: int, generator: torch.Generator) -> float:
    """Return the largest ``worst_adapter`` over outputs y₁, y₂ and matrices Q, found by ascent from random starts."""
    import torch

    raw = torch.randn(2, starts, SIZE, SIZE, generator=generator, dtype=torch.float64).requires_grad_()
    adam, best = torch.optim.Adam([raw], lr=0.05), 0.0
    for _ in range(steps):
        slope = worst_adapter(frames(raw[0])[:, :2], frames(raw[1]), w, placement)
        best = max(best, float(slope.detach().max()))
        adam.zero_grad()
        torch.autograd.backward(-slope.log().sum())
        adam.step()
    return best


def frames(raw: Tensor) -> Tensor:
    import torch

    return torch.linalg.qr(raw)[0]


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    import torch

    from ioadapt_theory.claims import CLAIMS
    from ioadapt_theory.claims.evaluation import evaluate
    from ioadapt_theory.claims.expression.values import value
    from ioadapt_theory.claims.instances import witness
    from ioadapt_theory.claims.settings.letters import SOURCE

    generator = torch.Generator().manual_seed(seed)
    n, starts, steps = (100, 4, 20) if quick else (2000, 24, 250)
    random, adversarial = [], {"input": list[float](), "output": list[float]()}
    for k in CONDITIONS:
        w = torch.diag(torch.logspace(0, -1, SIZE, base=k, dtype=torch.float64))
        y, q = (frames(torch.randn(n, SIZE, SIZE, generator=generator, dtype=torch.float64)) for _ in range(2))
        slopes = worst_adapter(y[:, :2], q, w, "input")
        random.append(torch.quantile(slopes, torch.tensor([0.05, 0.5, 0.95]).double()).tolist())
        for placement, found in adversarial.items():
            found.append(worst_data(w, placement, starts, steps, generator))
    points = []
    for claim, name, method in WITNESSES:
        ratio = evaluate(CLAIMS[claim], witness(name)).decisive_ratio
        s0 = float(value(SOURCE.s0, CLAIMS[claim].inequality.setting.read(witness(name))))
        points.append({"name": name, "method": method, "s0": s0, "ratio": ratio})
    return {"conditions": list(CONDITIONS), "random": random, "adversarial": adversarial, "witnesses": points}


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(FULL_WIDTH, 3.6))
    left, right = figure.subplots(1, 2)
    _condition(left, data)
    _cosine(right, data)
    return figure


def _condition(axes: Axes, data: dict[str, Any]) -> None:
    import numpy as np

    k = np.asarray(data["conditions"])
    low, median, high = np.asarray(data["random"]).T
    axes.axhspan(4, 500, color=METHODS["lora"], alpha=0.07, lw=0)
    axes.axhline(4, color=INK, ls="--")
    axes.text(110, 3.6, "paper: 4, for every W", ha="right", va="top", size=8)
    axes.plot(k, 2 * (k + 1 / k), color=METHODS["input"])
    axes.text(11, 34, "sharp: 2(κ + 1/κ)", ha="right", color=METHODS["input"], size=8)
    axes.plot(
        k, data["adversarial"]["input"], MARKERS["input"], color=METHODS["input"], label="input, worst data found"
    )
    axes.fill_between(k, low, high, color=METHODS["input"], alpha=0.2, lw=0, label="input, random data, 90 %")
    axes.plot(k, median, color=METHODS["input"], lw=0.8, ls=":")
    axes.plot(
        k,
        data["adversarial"]["output"],
        MARKERS["output"],
        color=METHODS["output"],
        ms=4,
        label="output, worst data found",
    )
    axes.set(xscale="log", yscale="log", ylim=(1, 300), xlabel="condition number κ of W and W'",
             ylabel="|sim − sim'| / ε for ε → 0, worst AB", title="For input adapters, W matters")  # fmt: skip
    for axis, ticks in ((axes.set_xticks, [1, 10, 100]), (axes.set_yticks, [1, 4, 10, 100])):
        axis(ticks, [str(t) for t in ticks])
    axes.legend(loc="upper left")


def _cosine(axes: Axes, data: dict[str, Any]) -> None:
    import numpy as np

    s = np.linspace(-0.96, 0.96, 193)
    axes.axhspan(1, 30, color=METHODS["lora"], alpha=0.07, lw=0)
    axes.axhline(1, color=INK, ls="--")
    curves = {"lora": np.sqrt((1 - s) / (1 + s)), "output": 1 - s, "input": (1 - s) * (3 + 1 / 3) / 2}
    for method, curve in curves.items():
        name = {"input": "input, κ = κ' = 3", "output": "output, any W", "lora": "LoRA, any W"}[method]
        axes.plot(s, curve, color=METHODS[method], label=name)
    for point in data["witnesses"]:
        axes.plot(point["s0"], point["ratio"], "*", mfc=METHODS[point["method"]], mec=INK, mew=0.6, ms=10, zorder=5)
        _label(axes, point["name"], (point["s0"], point["ratio"]))
    axes.text(0.97, 8.4, "paper's bound violated", ha="right", va="top", size=8, color=METHODS["lora"])
    axes.plot([], [], "*", mfc="white", mec=INK, mew=0.6, ms=10, label="counterexamples")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    axes.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes.set(ylim=(0.2, 9), xlabel="s₀ = sim(y₁, y₂)", ylabel="linear term: sharp / paper",
             title="(1 + s₀) is wrong for s₀ < 0")  # fmt: skip
    axes.legend(loc="lower left", title=None)


def _label(axes: Axes, name: str, point: tuple[float, float]) -> None:
    words, offset, side = LABELS.get(name, (name, (5, 3), "left"))
    line = {"arrowstyle": "-", "color": INK, "lw": 0.5, "shrinkA": 1, "shrinkB": 4} if offset[0] > 20 else None
    axes.annotate(words, point, offset, textcoords="offset points", size=7, ha=side, arrowprops=line)
