"""A rule that predicts from weights alone which adapters transfer.

The score of an input or output side is its similarity in the two models beyond chance (0 for unrelated weights, 1 for
identical ones), averaged over the adapted layers. LoRA depends on both sides of a layer, so the lower similarity
counts in every layer. The rule predicts that an adapter keeps over half of the gain (see ``Move.kept``) if its score is
at least ``least``, the limit in ``prediction.toml``. For a pair of models, it chooses the adapter with the highest
score (LoRA in case of a tie to two digits), or none if this score is below the limit. The rule was fixed on some seeds
of one toy and is tested on all other seeds and toys.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

from ioadapt_theory.adapters.rules.residual import residual_side
from toys.transfer.protocol import Method, Protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts.judge import LORA, cases

FILE: Final = Path(__file__).with_suffix(".toml")
HALF: Final = 0.5
HARM: Final = -0.1
"""A moved adapter does harm if the share of its gain that it keeps is smaller."""
OTHER: Final = {"input": "output", "output": "input"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The minimum score of adapters predicted to transfer, and the date, toy and seeds with which it was chosen."""

    fixed: str
    toy: str
    seeds: tuple[int, ...]
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One adapter moved to one target.

    Attributes:
        toy, case, target, seed, row: the study, its case, the target, the seed's index, and the adapter's method.
        group: "related", "exact" (the same function with different weights) or "strangers".
        score: similarity of the two models' weights on the adapter's side beyond chance; None if nothing can be
            compared.
        kept: (none - moved) / (none - retrained), for the losses on the target without an adapter, with the moved
            adapter, and with an adapter trained on the target: an adapter of the same method or, if the method was
            not retrained, a LoRA. If neither was retrained, the denominator is the method's gain on the source.
    """

    toy: str
    case: str
    target: str
    seed: int
    row: str
    group: str
    score: float | None
    kept: float

    @property
    def pair(self) -> tuple[str, str, str, int]:
        return self.toy, self.case, self.target, self.seed


def threshold() -> Threshold:
    stored = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Threshold(**stored | {"fixed": str(stored["fixed"]), "seeds": tuple(stored["seeds"])})


def moves(plan: Protocol, result: Mapping[str, Any]) -> list[Move]:
    """Return a Move for every seed, case and target, and every method of LoRA's rank in the study's own table."""
    groups = {t: g for g in ("related", "exact", "strangers") for t in getattr(plan, g)}
    methods = {row: m for row, m in plan.methods.items() if m.match == "rank" and not m.table}
    found = []
    for case, one in cases(result).items():
        rows, alike = one["rows"], one["similarity"]
        for row, method in methods.items():
            for target, group in groups.items():
                gain = _gains(rows, row, target)
                for k, none in enumerate(rows[NONE][target]):
                    kept = (none - rows[row][target][k]) / gain[k]
                    at = {"toy": plan.name, "case": case, "target": target, "seed": k, "row": row, "group": group}
                    found.append(Move(**at, score=score(method, alike[target], k), kept=kept))
    return found


def _gains(rows: Mapping[str, Any], row: str, target: str) -> list[float]:
    """Return the method's gain after training on the target, by seed.

    Unless it is recorded for every seed, the result is LoRA's gain, or, without that, the method's gain on the source.
    """
    for name in (f"{row}, retrained", f"{LORA}, retrained"):
        trained = rows.get(name, {}).get(target)
        if trained and None not in trained:
            return [none - one for none, one in zip(rows[NONE][target], trained, strict=True)]
    return [none - one for none, one in zip(rows[NONE][SOURCE], rows[row][SOURCE], strict=True)]


def score(method: Method, alike: Mapping[str, Mapping[str, Sequence[float | None]]], seed: int) -> float | None:
    """Return the similarity beyond chance of two models on a method's side, averaged over the adapted layers.

    For LoRA, the lower similarity of a layer's two sides counts. The result is None if no similarity is known.
    """
    shared = []
    for name in method.on(tuple(alike)):
        sides = [alike[name][f"{side} excess"][seed] for side in _faced(method.placement, name)]
        shared += [min(known)] if (known := [x for x in sides if x is not None]) else []
    return mean(shared) if shared else None


def _faced(placement: str, layer: str) -> tuple[str, ...]:
    match placement:
        case "weight":
            return ("input", "output")
        case "residual":
            return (str(residual_side(layer)),)
        case "opposite":
            return (OTHER[str(residual_side(layer))],)
        case _:
            return (placement,)


def balanced(some: Iterable[Move], least: float) -> float:
    """Return the balanced accuracy of predicting ``kept`` > HALF for the moves with ``score`` >= ``least``."""
    right: dict[bool, list[bool]] = {True: [], False: []}
    for move in some:
        right[move.kept > HALF].append((move.score is not None and move.score >= least) == (move.kept > HALF))
    return mean(mean(answers) for answers in right.values() if answers)


def best_least(some: Sequence[Move]) -> float:
    """Return the limit on the score with the best balanced accuracy; if several are equally good, the middle one."""
    grid = [k / 100 for k in range(101)]
    found = [balanced(some, least) for least in grid]
    good = [least for least, right in zip(grid, found, strict=True) if right == max(found)]
    return good[len(good) // 2]


@dataclass(frozen=True, slots=True)
class Choice:
    """The method chosen for a pair of models, as ``side``: the one with the highest score, or None if all are too low.

    ``kept``, ``lora`` and ``most`` are the shares of the gain kept by this method (0 for None), by LoRA, and by the
    best method in hindsight (at least 0).
    """

    pair: tuple[str, str, str, int]
    group: str
    side: str | None
    kept: float
    lora: float
    most: float


def choices(some: Iterable[Move], least: float) -> list[Choice]:
    """Return the method with the highest score for every pair of models, or None if the score is below ``least``.

    Scores are rounded to two digits for the comparison; LoRA wins ties, and an unknown score is the lowest.
    """
    pairs: dict[tuple[str, str, str, int], list[Move]] = {}
    for move in some:
        pairs.setdefault(move.pair, []).append(move)
    found = []
    for pair, sides in pairs.items():
        top = max(sides, key=lambda move: (-1.0 if move.score is None else round(move.score, 2), move.row == LORA))
        side = None if top.score is None or top.score < least else top.row
        kept = {move.row: move.kept for move in sides}
        found.append(Choice(pair, top.group, side, kept[side] if side else 0.0, kept[LORA], max(0.0, *kept.values())))
    return found
