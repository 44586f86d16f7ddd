"""Confidence intervals and paired comparisons, as the tables and figures report them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ioadapt_theory.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with a two-sided confidence interval; ``low`` and ``high`` are NaN for a single value."""

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the interval's length."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half_width:.2f}" if self.n > 1 else f"{self.mean:.2f}"

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray, *, level: float = 0.95) -> "Interval":
        """Student's t interval of the mean of independent values.

        Raises:
            InvalidValueError: no values, or a value that is not finite.
        """
        from scipy import stats

        x = np.asarray(values, dtype=np.float64)
        if x.size == 0 or not np.isfinite(x).all():
            msg = f"A confidence interval needs at least one value and all of them finite, got {x.tolist()}."
            raise InvalidValueError(msg)
        mean = float(x.mean())
        if x.size == 1:
            return cls(mean, float("nan"), float("nan"), 1, level)
        half = float(stats.t.ppf((1 + level) / 2, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size))
        return cls(mean, mean - half, mean + half, x.size, level)


def paired(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> Interval:
    """Interval of the mean of a - b over replicates that share everything but the method."""
    if len(a) != len(b):
        msg = f"A paired comparison needs equally many values, got {len(a)} and {len(b)}."
        raise InvalidValueError(msg)
    return Interval.of(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64), level=level)


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p-value of a sign test; ties are left out beforehand."""
    from scipy import stats

    return float(stats.binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
