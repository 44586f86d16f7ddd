"""From errors of the members to what can be said: paired differences with confidence intervals."""

from dataclasses import dataclass
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


def level(result: dict[str, Any]) -> float:
    """Level of one interval, so that all comparisons with LoRA together have 95 % (Bonferroni)."""
    return 1 - 0.05 / (len(result["tasks"]) * len(TARGETS) * len(LORA_OF))


def best_strength(found: dict[str, Row], role: str) -> str:
    """Key of LoRA at the strength whose mean error on the target is the smallest: a choice made in hindsight."""
    strengths = [key for key in found if key.partition("*")[0] == "lora"]
    return min(strengths, key=lambda key: mean(found[key].errors[role]))


def difference(found: dict[str, Row], role: str, key: str, other: str, confidence: float) -> Interval:
    """Error of one method minus that of another on the target, paired by member; negative is better."""
    return paired(found[key].errors[role], found[other].errors[role], level=confidence)


def lost_in_the_move(found: dict[str, Row], role: str, key: str, other: str, confidence: float) -> Interval:
    """Difference in differences: (moved minus source) of a method minus the same of another; negative is better."""
    one, two = (
        [moved - source for moved, source in zip(found[k].errors[role], found[k].errors["source"], strict=True)]
        for k in (key, other)
    )
    return paired(one, two, level=confidence)


def comparisons(result: dict[str, Any]) -> dict[str, Any]:
    """The intervals for the record: task -> target -> comparison -> [mean, low, high], at ``level``."""
    confidence = level(result)
    said: dict[str, Any] = {"level": round(confidence, 6)}
    for task, figures in result["tasks"].items():
        found = rows(figures)
        said[task] = {role: _comparisons(found, role, confidence) for role in TARGETS}
    return said


def _comparisons(found: dict[str, Row], role: str, confidence: float) -> dict[str, list[float]]:
    best = best_strength(found, role)
    pairs = [(key, lora) for key, lora in LORA_OF.items()] + [(key, best) for key in LORA_OF if best != "lora"]
    pairs += [(key, "none") for key in ("lora", "lora_first", *LORA_OF)]
    said = {f"{one} - {two}": difference(found, role, one, two, confidence) for one, two in pairs}
    for one, two in LORA_OF.items():
        said[f"lost by {one} - lost by {two}"] = lost_in_the_move(found, role, one, two, confidence)
    return {key: [round(x, 4) for x in (gap.mean, gap.low, gap.high)] for key, gap in said.items()}
