"""Intervals cover as often as they say; comparisons are paired."""

import numpy as np
import pytest
from scipy import stats

from ioadapt_theory.errors import InvalidValueError
from toys.common.stats import Interval, equivalence, holm, paired, t_test


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    n = 4000
    hits = sum(i.low <= 3 <= i.high for i in (Interval.of(rng.normal(3, 2, 8)) for _ in range(n)))
    assert abs(hits / n - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n)


def test_a_known_interval():
    i = Interval.of([1.0, 2.0, 3.0, 4.0])  # t(0.975, 3) = 3.18245, s/√n = 0.645497
    assert (i.mean, i.n) == (2.5, 4)
    assert i.half_width == pytest.approx(3.18244630528371 * 0.6454972243679028)
    assert str(i) == "2.50 ± 2.05"


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_values_that_are_no_sample(values):
    with pytest.raises(InvalidValueError, match="needs at least one value and all of them finite"):
        Interval.of(values)


def test_unequal_lengths_cannot_be_paired():
    with pytest.raises(InvalidValueError, match="got 2 and 1"):
        paired([1.0, 2.0], [1.0])


def test_a_mean_of_zero_is_tested_as_scipy_does():
    values = np.random.default_rng(0).normal(0.5, 1, 9)
    assert t_test(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert t_test([0.0, 0.0]) == 1.0
    assert t_test([1.0, 1.0]) == 0.0
    assert np.isnan(t_test([1.0]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_equivalence_is_an_interval_of_twice_the_error_inside_the_margin():
    values = np.random.default_rng(1).normal(0.02, 0.05, 12)
    ninety = Interval.of(values, level=0.9)
    limit = max(abs(ninety.low), abs(ninety.high))
    assert equivalence(values, limit * 1.001) < 0.05 < equivalence(values, limit * 0.999)
    assert equivalence([0.1, 0.1], 0.2) == 0.0
    assert equivalence([0.3, 0.3], 0.2) == 1.0
