"""What the samples of all stacks say together: a pooled test with a stated power, and how many intervals cover."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

LEVEL = 0.99
"""Of the intervals of sample means."""
FALSE_ALARM = 1e-9
"""Probability that a test of a true statement fails by chance."""
POWER = 0.99
LARGEST_COUNT = 10**30
UNIT = 1 << 20
"""Sums over stacks are whole multiples of 2⁻²⁰, so that they do not depend on who added what and in which order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What the samples of all stacks say together; every field adds up.

    For a stack with N samples, N(mean/E − 1) is a sum of centred χ² with weights that sum to 1, E the closed form or
    the bound; its tails are those of Laurent and Massart (2000, Lemma 1), and the sums over stacks have them, too.

    Attributes:
        samples: samples in all stacks.
        judged: samples in the stacks whose closed form and bound are not zero.
        excess: Σ N(mean/closed form − 1) over these, in units of 2⁻²⁰.
        excess_of_bound: Σ N(mean/bound − 1), likewise.
        variance: of ``excess`` if the closed form is right, likewise.
        intervals: stacks.
        covering: stacks whose 99 % interval, a normal one, contains the closed form; it refutes nothing.
    """

    samples: int = 0
    judged: int = 0
    excess: int = 0
    excess_of_bound: int = 0
    variance: int = 0
    intervals: int = 0
    covering: int = 0

    def __add__(self, other: "Sampled") -> "Sampled":
        """All stacks of both."""
        return Sampled(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def _above(self, probability: float) -> float:
        """What a sum of centred χ² exceeds at most with this probability, in χ²; it falls less far below 0."""
        t = -math.log(probability)
        return math.sqrt(2 * t * self.variance / UNIT) + 2 * t

    def contradictions(self) -> frozenset[str]:
        """Names of the tests that fail, each by chance with probability ``FALSE_ALARM`` at most."""
        failed = set()
        if abs(self.excess) > UNIT * self._above(FALSE_ALARM / 2):
            failed.add("the sample means together contradict the closed form")
        if self.excess_of_bound > UNIT * self._above(FALSE_ALARM):
            failed.add("the sample means together exceed the bound")
        return frozenset(failed)

    @property
    def detectable(self) -> float | None:
        """Relative error of the closed form, or of a bound that is attained, that is found with probability 0.99."""
        low, high = self._above(1 - POWER), self._above(FALSE_ALARM / 2)
        return (low + high) / (self.judged - low) if self.judged > low else None

    def to_json(self) -> dict[str, Any]:
        """JSON form, with what it says."""
        said = {"detectable": self.detectable, "contradictions": sorted(self.contradictions())}
        return asdict(self) | said

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Sampled":
        """Inverse of ``to_json``.

        Raises:
            ValueError, KeyError, TypeError: it is not what that writes.
        """
        return cls(**{f.name: whole(raw[f.name], signed="excess" in f.name) for f in fields(cls)})


def whole(raw: Any, *, signed: bool = False) -> int:
    """A count from a file.

    Raises:
        ValueError: it is none.
    """
    if type(raw) is not int or (raw < 0 and not signed) or abs(raw) > LARGEST_COUNT:
        msg = f"{str(raw)[:40]!r} is not a count"
        raise ValueError(msg)
    return raw
