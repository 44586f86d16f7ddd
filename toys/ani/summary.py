"""From errors of the members to what can be said: paired differences with confidence intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import mean
from typing import Any, Final

from ioadapt_theory.stats import Interval, paired
from toys.ani.training import METHODS

TARGETS: Final = {"related": "ANI-1ccx", "unrelated": "another ANI-1x"}
LORA_OF: Final = {"input": "lora", "output": "lora", "first": "lora_first"}
"""The methods that the paper's claim is about, and LoRA on the same layers."""


@dataclass(frozen=True, slots=True)
class Row:
    """Errors of one method on the molecules for testing, kcal/mol.

    Attributes:
        label: for people.
        errors: role -> error by member; no source for what is not trained there.
        numbers: how many are trained.
    """

    label: str
    errors: dict[str, list[float]]
    numbers: int | None = None


def rows(task: dict[str, Any]) -> dict[str, Row]:
    """The table's rows, by key; ``lora*0.5`` is LoRA copied at half strength."""
    found = {"none": Row("no adapter", task["none"])}
    for key, method in task["methods"].items():
        copied = {role: errors["1.0"] for role, errors in method["moved"].items()}
        found[key] = Row(METHODS[key].label, copied, method["numbers"])
        if key == "lora":
            for strength in sorted(set(method["moved"]["related"]) - {"1.0"}, reverse=True):
                weaker = {role: errors[strength] for role, errors in method["moved"].items()}
                found[f"lora*{strength}"] = Row(f"LoRA x {strength}", weaker, method["numbers"])
    found["oracle"] = Row("LoRA retrained there", task["oracle"], task["methods"]["lora"]["numbers"])
    return found


def all_at_once(result: dict[str, Any]) -> float:
    """Level of one interval with which all comparisons with LoRA hold together at 95 % (Bonferroni)."""
    return 1 - 0.05 / (len(result["tasks"]) * len(TARGETS) * len(LORA_OF))


def best_strength(found: dict[str, Row], role: str) -> str:
    """Key of LoRA at the strength whose mean error on the target is the smallest: a choice made in hindsight."""
    strengths = [key for key in found if key.partition("*")[0] == "lora"]
    return min(strengths, key=lambda key: mean(found[key].errors[role]))


def difference(found: dict[str, Row], role: str, key: str, other: str, level: float = 0.95) -> Interval:
    """Error of one method minus that of another on the target, paired by member; negative is better."""
    return paired(found[key].errors[role], found[other].errors[role], level=level)


def lost_in_the_move(found: dict[str, Row], role: str, key: str, other: str, level: float = 0.95) -> Interval:
    """Difference in differences: (moved minus source) of a method minus the same of another; negative is better."""
    one, two = (
        [moved - source for moved, source in zip(found[k].errors[role], found[k].errors["source"], strict=True)]
        for k in (key, other)
    )
    return paired(one, two, level=level)


def decided(result: dict[str, Any], level: float) -> int:
    """How many of the comparisons with LoRA on the same layers have an interval without zero."""
    gaps = [
        difference(rows(figures), role, key, lora, level)
        for figures in result["tasks"].values()
        for role in TARGETS
        for key, lora in LORA_OF.items()
    ]
    return sum(gap.excludes_zero for gap in gaps)


def comparisons(result: dict[str, Any]) -> dict[str, Any]:
    """The paired differences for the record: task -> target -> comparison -> mean and intervals."""
    levels = {"95 %": 0.95, "all at once": all_at_once(result)}
    return {
        task: {role: _comparisons(rows(figures), role, levels) for role in TARGETS}
        for task, figures in result["tasks"].items()
    }


def _comparisons(found: dict[str, Row], role: str, levels: dict[str, float]) -> dict[str, dict[str, Any]]:
    best = best_strength(found, role)
    pairs = list(LORA_OF.items()) + [(key, best) for key in LORA_OF if best != "lora"]
    pairs += [(key, "none") for key in ("lora", "lora_first", *LORA_OF)]
    said = {f"{one} - {two}": _at(levels, partial(difference, found, role, one, two)) for one, two in pairs}
    for one, two in LORA_OF.items():
        said[f"lost by {one} - lost by {two}"] = _at(levels, partial(lost_in_the_move, found, role, one, two))
    return said


def _at(levels: dict[str, float], interval: Callable[[float], Interval]) -> dict[str, Any]:
    gaps = {name: interval(level) for name, level in levels.items()}
    return {
        "mean": round(gaps["95 %"].mean, 4),
        **{name: [round(gap.low, 4), round(gap.high, 4)] for name, gap in gaps.items()},
    }
