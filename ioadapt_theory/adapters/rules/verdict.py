"""What weights alone may say of a layer and a side: nothing shared, shared, or undecided; never "identical, so safe".

A layer whose weights are equal in both models is not safe for an adapter while an earlier layer has moved the space it
reads: ANI-1ccx kept layer 3 of its parent, and a LoRA there did harm in 13 of 16 moves.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.null import Null


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The numbers of ``thresholds.toml``, where each is explained, and what they were fixed and tested on."""

    z: float
    input: float
    output: float
    before: float
    ratio: float
    kept: float
    cosine: float
    start: float
    fixed: dict[str, str]
    tested: dict[str, str]

    def of(self, placement: Placement) -> float:
        """The excess that a placement asks for on the side it faces."""
        return self.input if placement is Placement.INPUT else self.output


THRESHOLDS: Final = Thresholds(**tomllib.loads(Path(__file__).with_name("thresholds.toml").read_text(encoding="utf-8")))


class Word(StrEnum):
    """All that is said of a layer and a side."""

    NOTHING = "nothing shared"
    SHARED = "shared"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word and the reason for it."""

    word: Word
    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A layer whose output space the target does not share; ``excess`` is None where it has no counterpart."""

    name: str
    excess: float | None

    def __str__(self) -> str:
        return f"{self.name}, {'no counterpart' if self.excess is None else f'output {self.excess:.2f}'}"


def telling(null: Null | None) -> bool:
    """Whether a side shares more than unrelated ones do."""
    return null is not None and null.z is not None and null.z >= THRESHOLDS.z


def reaches(null: Null | None, excess: float) -> bool:
    """Whether a side shares at least this much."""
    return telling(null) and null is not None and null.excess is not None and null.excess >= excess


def judge(null: Null | None, placement: Placement, before: Changed | None) -> Verdict:
    """The word for a layer.

    Args:
        null: what the two layers share on the side that the placement faces; None if that has no angle.
        placement: of the adapter.
        before: the first earlier layer whose output space changed, if there is one.
    """
    asked = THRESHOLDS.of(placement)
    if null is None or null.excess is None or null.z is None:
        return Verdict(Word.UNDECIDED, "its Gram is a multiple of the identity or alike in all channels")
    if null.most < THRESHOLDS.z:
        return Verdict(Word.UNDECIDED, "too few channels to tell")
    if not telling(null):
        return Verdict(Word.NOTHING, f"{null.z:.1f} deviations over unrelated channels")
    if before is not None:
        return Verdict(Word.UNDECIDED, f"first changed layer {before}")
    if null.excess < asked:
        return Verdict(Word.UNDECIDED, f"its own side shares {null.excess:.2f} of {asked:g}")
    return Verdict(Word.SHARED, f"{null.excess:.2f}, and every earlier layer's output")
