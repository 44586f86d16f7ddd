"""Props. 3-5 on pairs of models whose functions are the same, similar or unrelated, and on five small examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toys.common.style import FAINT, FULL_WIDTH, INK, LABELS, MARKERS, METHODS

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

PAPER: str | None = None
SIZE, RANK = 8, 2
NOISES = (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Sizes of the noise, relative to the weights, that turns a target with the source's function into a different one."""
EXAMPLES = {
    "g1": "same function, W₁' = W₁R",
    "g2": "same function, R = 90° rotation",
    "r1": "same W₂, different W₁",
    "r2": "LoRA cancels the gap",
    "r3": "W₂' = 1.1 W₂",
}


def _orthogonals(n: int, stacks: int, generator: torch.Generator) -> Tensor:
    """Return Haar-distributed orthogonal matrices, stacks x n x n."""
    import torch

    q, r = torch.linalg.qr(torch.randn(stacks, n, n, generator=generator, dtype=torch.float64))
    return q @ torch.diag_embed(r.diagonal(dim1=-2, dim2=-1).sign())


def _gauged(w1: Tensor, w2: Tensor, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the layers W₁R and R⁻¹W₂, with relative noise; R is random, with singular values from 2 to ½."""
    import torch

    stacks, _, n = w1.shape
    scale = torch.logspace(1, -1, n, base=2, dtype=w1.dtype)
    u, v = _orthogonals(n, stacks, generator), _orthogonals(n, stacks, generator)
    made = []
    for changed in (w1 @ (u * scale) @ v, v.mT @ (u / scale).mT @ w2):
        bump = torch.randn(changed.shape, generator=generator, dtype=w1.dtype)
        made.append(changed + noise * changed.square().mean((-2, -1), keepdim=True).sqrt() * bump)
    return made[0], made[1]


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    import torch

    from ioadapt_theory.claims import CLAIMS
    from ioadapt_theory.claims.evaluation import evaluate
    from ioadapt_theory.claims.expression.values import value
    from ioadapt_theory.claims.instances import witness
    from ioadapt_theory.claims.settings.letters import Placement, discrepancy
    from ioadapt_theory.claims.settings.matrices import SharedFunction

    generator = torch.Generator().manual_seed(seed)
    n = 200 if quick else 4000
    bounds = {"lora": "prop-3", "input": "prop-4", "output": "prop-5"}
    rows = []
    for noise in NOISES:
        w1, w2 = (_normal(generator, n, SIZE, SIZE) / SIZE**0.5 for _ in range(2))
        a, b = _normal(generator, n, SIZE, RANK) / SIZE**0.5, _normal(generator, n, RANK, SIZE) / RANK**0.5
        v1, v2 = _gauged(w1, w2, noise, generator)
        stacks = SharedFunction(w1=w1, w2=w2, w1_target=v1, w2_target=v2, ab=a @ b, sigma=torch.ones(n).double())
        exact = {m: value(discrepancy(Placement(m)), stacks) for m in bounds}
        bound = {m: CLAIMS[claim].inequality.rhs(stacks) for m, claim in bounds.items()}
        scale = (w1 @ w2).square().sum((-2, -1))
        rows.append(
            {
                "gap": float((stacks.epsilon / scale).median()),
                "exact": {m: _quartiles(x / scale) for m, x in exact.items()},
                "bound": {m: float((x / scale).median()) for m, x in bound.items()},
                "lora_wins": float((exact["lora"] < exact["input"]).double().mean()),
                "lora_bound_wins": float((bound["lora"] < bound["input"]).double().mean()),
            }
        )
    examples = {}
    for name in EXAMPLES:
        against = {m: evaluate(CLAIMS[f"transfer-{m}"], witness(name)) for m in ("input", "output")}
        examples[name] = {"lora": against["input"].rhs} | {m: e.lhs for m, e in against.items()}
    return {"rows": rows, "examples": examples}


def _normal(generator: Any, *shape: int) -> Any:
    import torch

    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _quartiles(x: Any) -> list[float]:
    import torch

    return torch.quantile(x, torch.tensor([0.25, 0.5, 0.75], dtype=x.dtype)).tolist()


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(FULL_WIDTH, 6.2))
    panels = figure.subplot_mosaic([["gap", "wins"], ["examples", "examples"]], height_ratios=[1.25, 1])
    _gap(panels["gap"], data["rows"])
    _wins(panels["wins"], data["rows"])
    _examples(panels["examples"], data["examples"])
    return figure


FLOOR = 1e-6
"""Smaller values, such as a gap of 0, are drawn at this value."""


def _gap(axes: Axes, rows: list[dict[str, Any]]) -> None:
    x = [max(row["gap"], FLOOR) for row in rows]
    for method in ("lora", "input", "output"):
        low, median, high = zip(*(row["exact"][method] for row in rows), strict=True)
        colour = METHODS[method]
        axes.fill_between(
            x, [max(v, FLOOR) for v in low], [max(v, FLOOR) for v in high], color=colour, alpha=0.15, lw=0
        )
        points = [max(v, FLOOR) for v in median]
        axes.plot(
            x,
            points,
            MARKERS[method],
            ls="-",
            color=colour,
            label=LABELS[method],
            ms={"lora": 4, "input": 6.5, "output": 3}[method],
        )
        axes.plot(x, [max(row["bound"][method], FLOOR) for row in rows], ls=":", lw=1, color=colour)
    axes.text(2e-6, 0.3, "same function", size=8, color=FAINT)
    axes.plot(x, x, color=FAINT, lw=1, ls="--", label="no adapter (Lemma 3)")
    axes.plot([], [], color=INK, ls=":", lw=1, label="bounds, Props. 3-5")
    ticks = [FLOOR, 1e-4, 1e-2, 1, 100]
    for axis in (axes.set_xticks, axes.set_yticks):
        axis(ticks, ["0", "0.0001", "0.01", "1", "100"])
    axes.set(xscale="log", yscale="log", xlabel="gap before: ε / ‖W₁W₂‖²", ylabel="gap after adaptation / ‖W₁W₂‖²",
             title="Distance of source and target")  # fmt: skip
    axes.set_xticks(ticks[:-1], ["0", "0.0001", "0.01", "1"])
    axes.set_yticks(ticks, ["0", "0.0001", "0.01", "1", "100"])
    axes.minorticks_off()
    axes.legend(loc="lower right", fontsize=7)


def _wins(axes: Axes, rows: list[dict[str, Any]]) -> None:
    x = [max(row["gap"], FLOOR) for row in rows]
    axes.axhline(50, color=FAINT, lw=0.8, ls="--")
    axes.plot(x, [100 * row["lora_wins"] for row in rows], "o-", color=METHODS["lora"], ms=4, label="exact")
    axes.plot(x, [100 * row["lora_bound_wins"] for row in rows], "o:", mfc="white", color=METHODS["lora"], ms=4,
              label="by the bounds")  # fmt: skip
    axes.set(xscale="log", ylim=(-3, 103), xlabel="gap before: ε / ‖W₁W₂‖²", ylabel="% of stacks",
             title="LoRA better than input adapter")  # fmt: skip
    axes.set_xticks([FLOOR, 1e-4, 1e-2, 1], ["0", "0.0001", "0.01", "1"])
    axes.minorticks_off()
    axes.legend(loc="upper left")


def _examples(axes: Axes, examples: dict[str, dict[str, float]]) -> None:
    for y, name in enumerate(examples):
        found = examples[name]
        values = [found[m] for m in ("lora", "input")]
        axes.plot(values, [y, y], color=FAINT, lw=1, zorder=1)
        for method, dy in (("lora", 0), ("input", 0), ("output", 0)):
            size = {"lora": 8, "input": 8, "output": 4}[method]
            axes.plot(found[method], y + dy, MARKERS[method], color=METHODS[method], ms=size, mec="white", mew=0.5)
        winner = "input" if found["input"] < found["lora"] else "lora"
        says = {"input": "input and output better", "lora": "LoRA better"}[winner]
        axes.text(230, y, f"{EXAMPLES[name]}:\n{says}", va="center", size=8, color=METHODS[winner])
        for method, shift in (("lora", 0), ("input", 0)):
            axes.annotate(f"{found[method]:.4g}", (found[method], y), (shift, 6), textcoords="offset points",
                          ha="center", size=7, color=METHODS[method])  # fmt: skip
    axes.set_xscale("symlog", linthresh=0.1, linscale=0.5)
    axes.set(xlim=(-0.03, 9000), ylim=(len(examples) - 0.5, -0.7), xlabel="E‖source − target‖² after adaptation, σ = 1",
             title="Five small examples (exact values)")  # fmt: skip
    axes.set_yticks(range(len(examples)), list(examples))
    axes.set_xticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
