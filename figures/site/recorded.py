"""Sentences about the recorded benchmarks, for the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "benchmarks" / "recorded"


def _results(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["results"]


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
