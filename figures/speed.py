"""The time of our adapters and PEFT's in a recorded benchmark: steps of whole blocks, and passes through layers."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toys.common.style import FAINT, FULL_WIDTH, INK, MARKERS, METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER: str | None = None
RECORD = Path(__file__).resolve().parent.parent / "benchmarks" / "recorded" / "layer.json"
SIDES = {"weight": "lora", "input": "input", "output": "output"}
"""For each placement, the method whose colour and marker are used for it."""
FAMILIES = {"lora": "LoRA", "dora": "DoRA", "lokr": "LoKr", "loha": "LoHa"}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    del seed, quick  # the record is complete
    results = json.loads(RECORD.read_text(encoding="utf-8"))["results"]["returned"]
    steps = [
        {
            "label": f"{FAMILIES[c['family']]}, {c['shape']}{', bf16' if c['bf16'] else ''}",
            "peer": [c["train"]["peer"] / c["train"]["base"]],
            **{side: [c["train"][side] / c["train"]["base"]] for side in SIDES},
        }
        for c in results.get("steps", [])
    ]
    layers = []
    cells = results.get("training", [])
    for family, rank in dict.fromkeys((c["family"], c["rank"]) for c in cells):
        own = [c for c in cells if (c["family"], c["rank"]) == (family, rank)]
        row: dict[str, Any] = {"label": f"{FAMILIES[family]} r={rank}", "peer": []}
        for side in SIDES:
            placed = [c for c in own if c["placement"] == side]
            row[side] = [_mean(placed, "ours")]
            row["peer"].append(_mean(placed, "peer"))
        layers.append(row)
    return {"steps": steps, "layers": layers}


def _mean(cells: list[dict[str, Any]], name: str) -> float:
    return statistics.geometric_mean(c["train"][name] / c["train"]["base"] for c in cells)


def draw(data: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    titles = {
        "steps": "training step / step of the frozen block",
        "layers": "forward + backward / frozen layer",
    }
    panels = [(title, data[key]) for key, title in titles.items() if data[key]]
    figure = Figure(figsize=(FULL_WIDTH, 0.9 + 0.26 * max(len(rows) for _, rows in panels)))
    for i, (title, rows) in enumerate(panels):
        _panel(figure.add_subplot(1, len(panels), i + 1), title, rows)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=4, loc="outside lower center", frameon=False)
    figure.suptitle(
        "Time with an adapter / time without: 1 = no overhead, left is faster", x=0.02, ha="left", fontweight="bold"
    )
    return figure


def _panel(axes: Axes, title: str, rows: list[dict[str, Any]]) -> None:
    axes.axvline(1, color=INK, lw=0.8)
    for y, row in enumerate(rows):
        axes.plot([1, max(row["peer"])], [y, y], color=FAINT, lw=0.8, zorder=0)
    for name, look, word in (
        ("peer", "base", "PEFT"),
        *((side, look, f"ours, {side}") for side, look in SIDES.items()),
    ):
        xs, ys = zip(*((x, y) for y, row in enumerate(rows) for x in row[name]), strict=True)
        axes.plot(xs, ys, MARKERS[look], color=METHODS[look], ms=4, label=word)
    axes.set_xscale("log")
    ticks = [t for t in (1, 1.2, 1.5, 2, 3, 5, 8) if t <= 1.1 * max(max(row["peer"]) for row in rows)]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
    axes.set_xticks([], minor=True)
    axes.set(xlabel=title, ylim=(len(rows) - 0.5, -0.5))
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows])
    axes.tick_params(axis="y", length=0)
