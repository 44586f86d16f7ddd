"""Quantiles of weighted sums of χ² against laws that are known in closed form, and against draws."""

import numpy as np
import pytest
from scipy import stats

from ioadapt_theory.claims.evidence.mixtures import quantiles


@pytest.mark.parametrize("samples", [1, 2, 16, 2000, 10**6])
@pytest.mark.parametrize("r", [1, 3, 6])
@pytest.mark.parametrize("level", [0.9, 0.99, 0.9999])
def test_equal_weights_are_a_chi_square(samples: int, r: int, level: float) -> None:
    low, high = quantiles(np.full((1, r), 1 / r), samples, level)
    exact = stats.chi2.ppf([(1 - level) / 2, (1 + level) / 2], samples * r) / (samples * r)
    assert [low[0], high[0]] == pytest.approx(exact, rel=1e-9)


def test_two_samples_are_a_sum_of_exponentials() -> None:
    """P(R > x) = Σ_k exp(−x/w_k) Π_j w_k/(w_k − w_j)."""
    w = [0.6, 0.3, 0.1]
    (low,), (high,) = quantiles(np.array([w]), 2, 0.99)
    for x, probability in ((low, 0.995), (high, 0.005)):
        upper = sum(np.exp(-x / a) * np.prod([a / (a - b) for b in w if b != a]) for a in w)
        assert upper == pytest.approx(probability, rel=1e-9)


@pytest.mark.parametrize("weights", [[0.999, 0.001, 0, 0], [0.5, 0.49, 0.01, 1e-12], [1 / 3, 2 / 3, 0, 0]])
@pytest.mark.parametrize("samples", [1, 3])
def test_unequal_weights_agree_with_draws(weights: list[float], samples: int) -> None:
    w = np.array(weights) / sum(weights)
    drawn = (np.random.default_rng(0).chisquare(samples, (400_000, 4)) @ w) / samples
    (low,), (high,) = quantiles(w[None], samples, 0.99)
    assert (drawn <= low).mean() == pytest.approx(0.005, abs=5e-4)
    assert (drawn > high).mean() == pytest.approx(0.005, abs=5e-4)


@pytest.mark.parametrize("level", [0.89, 1.0])
def test_a_level_is_that_of_an_interval(level: float) -> None:
    with pytest.raises(AssertionError, match="a level of an interval"):
        quantiles(np.array([[1.0]]), 3, level)
