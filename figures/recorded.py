"""What pages quote of the report's recorded benchmarks: how often its word is right, and what its peers say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "benchmarks" / "recorded"
STRANGER: Final = "stranger"


def _results(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["results"]


def kinship() -> str:
    """How often the word for the kinship was right on the networks that the rules were not made on, by history."""
    rows = _results("report")["pairs"]["withheld"]
    right, coarse = (sum(row[key] for row in rows) for key in ("right", "coarse"))
    every, told, among = (
        Counter(row["history"] for row in some)
        for some in (rows, [row for row in rows if row["right"]], [row for row in rows if row["coarse"]])
    )
    parts = ", ".join(
        f"{history} {told[history]} of {n}" + f" ({among[history]} among others)" * bool(among[history])
        for history, n in every.items()
    )
    networks = len({row["network"] for row in rows})
    return (
        f"Of {len(rows)} pairs of {networks} small networks that the rules were not made on, the word is right in"
        f" {right}; in {coarse} it stands for several histories that leave the same traces. By history: {parts}"
        " (`python -m benchmarks report`).\n"
    )


def products() -> str:
    """What LoRA's products alone add to a step of a Llama block, in either way to treat freed pages."""
    layer = _results("layer")
    cells = [c["train"] for pages in ("returned", "kept") for c in layer[pages]["steps"] if not c["bf16"]]
    added = [100 * (train["products"] / train["base"] - 1) for train in cells if "products" in train]
    return (
        f"On the processor of the record the products of a low rank alone add {min(added):.0f} to {max(added):.0f} % to"
        " a step of a Llama block in float32; bars below that are not reached, and the record says so.\n"
    )


def peers() -> str:
    """The table beside Cisco's kit and MergeLens, and in how many pairs the first two tell kin from strangers."""
    rows = _results("peers")["pairs"]
    tools = [*rows[0]["said"]]
    heads = " | ".join(f"`{tool}`" for tool in tools)
    lines = [f"| pair | what it is | {heads} |", "|" + "---|" * (len(tools) + 2)]
    for row in rows:
        said = (row["said"][tool]["verdict"] for tool in tools)
        lines.append(f"| {row['source']} → {row['target']} | {row['history']} | {' | '.join(said)} |")
    costs = {"CPU seconds, median": ("cpu", "{:.1f}"), "memory in MB, median": ("mb", "{:.0f}")}
    for what, (key, form) in costs.items():
        cells = (form.format(median(row["said"][tool][key] for row in rows)) for tool in tools)
        lines.append(f"| {what} | | {' | '.join(cells)} |")
    ours, kit = (sum(_parted(row, tool) for row in rows) for tool in tools[:2])
    told = f"Kin from strangers: `{tools[0]}` tells {ours} of {len(rows)} pairs, `{tools[1]}` {kit}."
    return "\n".join([*lines, "", f"{told} MergeLens gives no kinship; its words are about merging the two.", ""])


def _parted(row: Any, tool: str) -> bool:
    """Whether a stranger is called one, and nobody else."""
    said = row["said"][tool]["verdict"]
    apart = said.startswith((STRANGER, "not matched"))
    return said != "-" and apart is (row["history"] == STRANGER)
