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
}
RULES: Final = {
    "copy": ("lora", "copied"),
    "chosen": ("carried", "carried over"),
    "refined": ("refined", "carried over with 50 steps"),
}
"""Way of moving an adapter, as named in the record -> kind and name of its dot."""


@cache
def _moves() -> list[dict[str, Any]]:
    moves: list[dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))["results"]["moves"]
    return moves


def shares() -> dict[str, dict[str, float | None]]:
    """Return the median share of an adapter's gain that is kept on another model.

    The outer keys are relations of the two models, the inner ones ways of moving the adapter, as in RULES. The share is
    None if the record has none, and for copies to another width.
    """
    return {relation: {rule: _median(relation, rule) for rule in RULES} for relation in RELATIONS}


def count() -> int:
    return len(_moves())


def _median(relation: str, rule: str) -> float | None:
    values = [m[rule] for m in _moves() if m["relation"] == relation and m[rule] is not None]
    return statistics.median(values) if values and (rule, relation) != ("copy", "width") else None


def section() -> str:
    lines = [
        (RELATIONS[relation], [Dot(*RULES[rule], share) for rule, share in kept.items() if share is not None])
        for relation, kept in shares().items()
    ]
    return plot(lines, "Share of an adapter's gain that is kept on another model, by relation")
