"""Intervals cover as often as they say; comparisons are paired."""

import numpy as np
import pytest

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.stats import Interval, paired, sign_test


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


def test_one_value_has_no_interval_and_never_excludes_zero():
    i = Interval.of([2.0])
    assert np.isnan(i.low)
    assert not i.excludes_zero


def test_pairing_removes_what_replicates_share():
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 100, 8)
    assert paired((shared + 1 + rng.normal(0, 0.1, 8)).tolist(), shared.tolist()).excludes_zero


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_values_that_are_no_sample(values):
    with pytest.raises(InvalidValueError, match="needs at least one value and all of them finite"):
        Interval.of(values)


def test_unequal_lengths_cannot_be_paired():
    with pytest.raises(InvalidValueError, match="got 2 and 1"):
        paired([1.0, 2.0], [1.0])


def test_the_sign_test_is_the_binomial_tail():
    assert sign_test(8, 0) == pytest.approx(2 / 2**8)
    assert sign_test(5, 5) == 1.0
    assert sign_test(0, 0) == 1.0
