"""Will a side transfer? Told from weights alone, by a rule that was fixed on some pairs and is tested on the others.

A side's score is the mean over an adapter's layers of what the two models share of the space that the side faces,
beyond unrelated channels (0 unrelated, 1 equal); LoRA faces both spaces of a layer, so the lesser one counts. The rule,
``prediction.toml``, says that a side with a score of ``least`` or more keeps over half of what its adapter gains on the
source, and names for a pair the side with the highest score, if any has that much. It was fixed on some seeds of one
toy and is tested on all others, and on all toys that came after.
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
"""Kept: below this the moved adapter is worse than none by over a tenth of its gain."""
OTHER: Final = {"input": "output", "output": "input"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What was fixed, when, and on which seeds of which toy."""

    fixed: str
    toy: str
    seeds: tuple[int, ...]
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One adapter moved to one target.

    Attributes:
        toy, case, target, seed, row: which.
        group: "related", "exact" (the same function in other weights) or "strangers".
        score: of the side, from the two models' weights; None where nothing of it can be compared.
        kept: (none - moved) / (none - retrained there), both on the target; where nothing was retrained, as a target
            computes what the source does, / (none - trained) on the source.
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
        """Return what all sides of a pair have in common."""
        return self.toy, self.case, self.target, self.seed


def threshold() -> Threshold:
    """Return the rule as frozen in the file."""
    stored = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Threshold(**stored | {"fixed": str(stored["fixed"]), "seeds": tuple(stored["seeds"])})


def moves(plan: Protocol, result: Mapping[str, Any]) -> list[Move]:
    """Return every method of LoRA's rank, moved to every target, at full strength."""
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
    """Return the method's gain by training on the target, or else LoRA's there, or else its own on the source."""
    for name in (f"{row}, retrained", f"{LORA}, retrained"):
        trained = rows.get(name, {}).get(target)
        if trained and None not in trained:
            return [none - one for none, one in zip(rows[NONE][target], trained, strict=True)]
    return [none - one for none, one in zip(rows[NONE][SOURCE], rows[row][SOURCE], strict=True)]


def score(method: Method, alike: Mapping[str, Mapping[str, Sequence[float | None]]], seed: int) -> float | None:
    """Return what the side that a method faces shares, mean over the layers that it sits on."""
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
    """Return the share of right answers, half from moves that keep over half, half from the others."""
    right: dict[bool, list[bool]] = {True: [], False: []}
    for move in some:
        right[move.kept > HALF].append((move.score is not None and move.score >= least) == (move.kept > HALF))
    return mean(mean(answers) for answers in right.values() if answers)


def best_least(some: Sequence[Move]) -> float:
    """Return the limit that is most often right on these moves; the middle one of those that are equally good."""
    grid = [k / 100 for k in range(101)]
    found = [balanced(some, least) for least in grid]
    good = [least for least, right in zip(grid, found, strict=True) if right == max(found)]
    return good[len(good) // 2]


@dataclass(frozen=True, slots=True)
class Choice:
    """The side named for a pair, what it kept, what LoRA kept, and the most that any side kept."""

    pair: tuple[str, str, str, int]
    group: str
    side: str | None
    kept: float
    lora: float
    most: float


def choices(some: Iterable[Move], least: float) -> list[Choice]:
    """Name for every pair the side with the highest score, LoRA where others have no more; none below the limit."""
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
