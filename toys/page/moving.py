"""Shares of an adapter's gain that are kept on another model, by relation of the models, from a recorded benchmark."""

import json
import statistics
from functools import cache
from pathlib import Path
from typing import Any, Final

from toys.page.dots import Dot, plot

RECORD: Final = Path(__file__).resolve().parents[2] / "benchmarks" / "recorded" / "carry.json"
RELATIONS: Final = {
    "gauge": "same function, neurons permuted",
    "fine-tuned": "fine-tuned",
    "distilled": "distilled",
    "apart": "trained independently",
    "width": "different width",
    "depth": "different depth",
    "activation": "different activation",
}
WAYS: Final = {
    ("weight", "copy"): ("lora", "LoRA, copied"),
    ("weight", "default"): ("carried", "LoRA, carried over"),
    ("input", "copy"): ("input", "input adapter, copied"),
    ("input", "default"): ("refined", "input adapter, carried over"),
}
"""Placement of an adapter and method of the record -> kind and name of its dot."""
Spread = tuple[float, float, float]
"""Lower quartile, median and upper quartile."""


@cache
def _moves() -> list[dict[str, Any]]:
    moves: list[dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))["results"]["moves"]
    return moves


def shares() -> dict[str, dict[str, Spread]]:
    """Return the spread of the shares that are kept, by relation of the models and by the name of a way in WAYS.

    Ways that fit fewer than half of the transfers, such as copies to another width, are left out.
    """
    made: dict[str, dict[str, Spread]] = {}
    for relation in RELATIONS:
        for (placement, method), (_, name) in WAYS.items():
            own = [m for m in _moves() if (m["relation"], m["placement"]) == (relation, placement)]
            kept = [m["kept"][method] for m in own if m["kept"][method] is not None]
            if len(kept) > max(len(own) / 2, 1):
                low, middle, high = statistics.quantiles(kept, n=4, method="inclusive")
                made.setdefault(relation, {})[name] = low, middle, high
    return made


def count() -> int:
    return sum(move["relation"] in RELATIONS for move in _moves())


def section() -> str:
    kinds = {name: kind for kind, name in WAYS.values()}
    lines = [
        (RELATIONS[relation], [Dot(kinds[name], name, share, low, high) for name, (low, share, high) in kept.items()])
        for relation, kept in shares().items()
    ]
    return plot(lines, "Share of an adapter's gain that is kept on another model, by relation, with quartiles")
