"""The 80 % interval of a predicted share of the gain: the spread over rows, and what the rows do not show.

For a need, the interval is (share - low·σ, share + high·σ) with σ² = sampling² + (a·unseen)² + (b·guess)² + floor²:

- sampling is the standard error of the share, a ratio of sums over rows;
- unseen is 2q √(1 - c²), which times √(1/x - 1) bounds the error of R if the adapter removed the share x of the loss
  (claim `effect-retained`); x and the direction of what it did not remove are unknown without labels;
- guess is how much the share depends on what is guessed: labels that trust the source or both models, or, if the same
  change is needed, the shift of R if the same outputs were needed instead.

``RULES`` has the constants, which ``python -m benchmarks carry`` fits to measured shares (docs/carry.md has the shares
of transfers inside the interval, for families of models that were left out of the fit).
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scipy.special import stdtrit

if TYPE_CHECKING:
    from ioadapt_theory.effect.retained import RowSums

SURE = 0.99
"""Confidence with which an adapter must keep some of the gain to be added to a target."""
LEAST = 16
"""Number of inputs below which there is no interval."""
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rule:
    """Constants of σ and of the interval; ``a`` and ``b`` weigh ``unseen`` and ``guess``."""

    a: float
    b: float
    floor: float
    low: float
    high: float


RULES: Final = {
    "labels": Rule(0.08, 0.1, 0.02, 0.91, 1.26),
    "change": Rule(0.08, 0.2, 0.02, 1.15, 0.68),
    "outputs": Rule(0.08, 0.2, 0.02, 1.15, 0.68),
    "texts": Rule(
        0.0, 0.0, 0.02, 1.6, 1.6
    ),  # labels are known; above the normal 1.28, since rows of one text are alike
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Possible errors of a predicted share: its standard error over rows, and the scales of two unknowns."""

    sampling: float
    unseen: float
    guess: float

    @classmethod
    def of(cls, sums: "RowSums", need: str) -> "Doubt":
        """Return the doubt about the share that is predicted from ``sums``."""
        (top, bottom), rows = sums.shares(need), len(sums.inner)
        if (total := float(bottom.sum())) <= 0:
            return cls(0.0, 0.0, 0.0)
        inner, source, target = (float(x.sum()) for x in (sums.inner, sums.source, sums.target))
        errors = top[:, 0] - top[:, 0].sum() / total * bottom
        sampling = math.sqrt(float(errors.square().sum()) * rows / max(rows - 1, 1)) / total
        # 2q √(1 - c²), written so that it needs no division by ‖d_T‖
        unseen = 2 * math.sqrt(max(target * source - inner**2, 0.0)) / source
        if need == "labels":
            guesses = sums.gained.sum(0) / total
            return cls(sampling, unseen, float(guesses.max() - guesses.min()))
        return cls(sampling, unseen, 2 * abs(float(sums.toward.sum())) / total)

    def sigma(self, rule: Rule) -> float:
        return math.hypot(self.sampling, rule.a * self.unseen, rule.b * self.guess, rule.floor)


def least(share: float, doubt: Doubt, need: str, rows: int) -> float:
    """Return the lower end of the one-sided interval of confidence ``SURE`` for the spread over rows, by Student's t.

    Few rows do not tell their own spread: four rows need 4.5 standard errors, and 200 rows 2.3.
    """
    error = math.hypot(doubt.sampling, RULES[need].floor)
    return share - float(stdtrit(max(rows - 1, 1), SURE)) * error


def interval(share: float, doubt: Doubt, need: str) -> Interval:
    """Return the interval that should contain the measured share in 80 % of transfers."""
    rule = RULES[need]
    sigma = doubt.sigma(rule)
    return share - rule.low * sigma, share + rule.high * sigma
