"""Confidence intervals and tests for the tables and figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ioadapt_theory.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of ``n`` values and its two-sided confidence interval at ``level``; its ends are NaN if ``n`` is 1."""

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half_width:.2f}" if self.n > 1 else f"{self.mean:.2f}"

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray, *, level: float = 0.95) -> "Interval":
        """Return Student's t interval for the mean of independent, finite values."""
        from scipy import stats

        x = np.asarray(values, dtype=np.float64)
        if x.size == 0 or not np.isfinite(x).all():
            msg = f"A confidence interval needs one or more finite values, not {x.tolist()}."
            raise InvalidValueError(msg)
        mean = float(x.mean())
        if x.size == 1:
            return cls(mean, float("nan"), float("nan"), 1, level)
        half = float(stats.t.ppf((1 + level) / 2, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size))
        return cls(mean, mean - half, mean + half, x.size, level)


def t_test(values: Sequence[float] | np.ndarray) -> float:
    """Return the two-sided p-value of Student's t test that the mean is 0; NaN for one value, 1 if all values are 0."""
    from scipy import stats

    x = np.asarray(values, dtype=np.float64)
    if x.size > 1 and not x.any():
        return 1.0
    spread = x.std(ddof=1) / np.sqrt(x.size) if x.size > 1 else float("nan")
    with np.errstate(divide="ignore"):
        return float(2 * stats.t.sf(np.abs(x.mean() / spread), x.size - 1))


def holm(p_values: Sequence[float], withdrawn: int = 0) -> list[float]:
    """Return the p-values, in the given order, adjusted by Holm's method (1979) for the family-wise error rate.

    ``withdrawn`` is the number of further tests of the family that are counted as if their p-values were the largest.
    """
    order = np.argsort(p_values)
    m, running = len(p_values) + withdrawn, 0.0
    adjusted = [0.0] * len(p_values)
    for place, k in enumerate(order):
        running = max(running, min(1.0, (m - place) * p_values[k]))
        adjusted[k] = running
    return adjusted


def equivalence(values: Sequence[float] | np.ndarray, margin: float) -> float:
    """Return the p-value of two one-sided tests (TOST); a small value shows that the mean lies within ±margin."""
    from scipy import stats

    if not margin > 0:
        msg = f"An equivalence margin must be positive, not {margin:g}."
        raise InvalidValueError(msg)
    x = np.asarray(values, dtype=np.float64)
    if np.ptp(x) == 0 and x.size > 1:
        return 0.0 if abs(x[0]) < margin else 1.0
    spread = x.std(ddof=1) / np.sqrt(x.size) if x.size > 1 else float("nan")
    return float(stats.t.sf((margin - abs(x.mean())) / spread, x.size - 1))


def ratio(
    numerators: Sequence[float] | Sequence[np.ndarray] | np.ndarray,
    denominators: Sequence[float] | Sequence[np.ndarray] | np.ndarray,
) -> Interval:
    """Return the ratio of two sums over replicates, with a jackknife's t interval.

    Arrays are by replicate, or by cell and replicate; then the result is the mean of the cells' ratios.
    """
    from scipy import stats

    a, b = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (numerators, denominators))
    n, whole = a.shape[1], float((a.sum(1) / b.sum(1)).mean())
    if n == 1:
        return Interval(whole, float("nan"), float("nan"), 1)
    without = ((a.sum(1, keepdims=True) - a) / (b.sum(1, keepdims=True) - b)).mean(0)
    half = float(stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
    return Interval(whole, whole - half, whole + half, n)
