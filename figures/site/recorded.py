"""Sentences about the recorded benchmarks, for the pages."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "benchmarks" / "recorded"


def _results(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["results"]


def kinship() -> str:
    rows = _results("report")["pairs"]
    every, right = (
        Counter(row["right"] for row in some) for some in (rows, [r for r in rows if r["said"] == r["right"]])
    )
    parts = ", ".join(f"{word} {right[word]} of {n}" for word, n in every.items())
    networks = len({row["network"] for row in rows})
    return (
        f"The report was tested on {len(rows)} pairs of models, made from {networks} small networks that were not used"
        f" to develop the rules. It states the correct relation for {right.total()} pairs: {parts} (`python -m"
        " benchmarks report`).\n"
    )


def products() -> str:
    layer = _results("layer")
    cells = [c["train"] for pages in ("returned", "kept") for c in layer[pages]["steps"] if not c["bf16"]]
    added = [100 * (train["products"] / train["base"] - 1) for train in cells if "products" in train]
    return (
        f"In the recorded run, the low-rank products alone add {min(added):.0f} to {max(added):.0f} % to the time of a"
        " training step of a Llama block in float32. With DoRA and LoKr, steps take longer than the limits that we had"
        " set; `benchmarks/recorded/layer.txt` lists all limits.\n"
    )


def carry() -> str:
    from benchmarks.carry.tables import markdown

    return f"{markdown(_results('carry')['moves'])}\n"
