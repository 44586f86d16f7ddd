"""The interval of a predicted share: it is wide where rows show little, and there is none for a few inputs."""

import math
import statistics

import pytest
import torch

from ioadapt_theory.effect import Goal
from ioadapt_theory.effect.intervals import LEAST, RULES, Doubt, interval
from ioadapt_theory.effect.retained import RowSums, predict


def sums(rows: int, seed: int = 0, turn: float = 0.3, need: str = "change") -> RowSums:
    generator = torch.Generator().manual_seed(seed)
    s, t, d, other = (torch.randn(rows, 7, generator=generator) for _ in range(4))
    return Goal(s, s + d, t, need, 0.3).sums(t + math.cos(turn) * d + math.sin(turn) * other)


def test_a_few_inputs_have_a_prediction_and_no_interval():
    assert predict(sums(LEAST - 1), "change").interval is None
    assert predict(sums(LEAST), "change").interval is not None
    assert predict(sums(4), "change", inputs=LEAST).interval is not None  # the others were used in a fit
    assert predict(sums(200), "change", inputs=LEAST - 1).interval is None


def test_sampling_is_the_spread_of_the_share_over_samples_of_rows():
    shares, told = [], []
    for seed in range(200):
        found = predict(sums(40, seed), "change")
        shares.append(found.kept)
        told.append(found.doubt.sampling)
    assert statistics.mean(told) == pytest.approx(statistics.stdev(shares), rel=0.2)


def test_unseen_is_the_bound_of_the_error_without_the_explained_share():
    found = predict(sums(100), "change")
    assert found.doubt.unseen * math.sqrt(1 / 0.4 - 1) == pytest.approx(found.bound(0.4))
    assert predict(sums(100, turn=0.0), "change").doubt.unseen == pytest.approx(0, abs=1e-3)


def test_guess_is_the_range_of_the_share_over_weights_of_the_target():
    one = sums(60, need="labels")
    shares = one.gained.sum(0) / one.wanted.sum()
    assert predict(one, "labels").doubt.guess == pytest.approx(float(shares.max() - shares.min()))


@pytest.mark.parametrize("need", RULES)
def test_more_doubt_of_any_kind_makes_a_wider_interval_around_the_share(need):
    low, high = interval(0.7, Doubt(0.02, 0.1, 0.1), need)
    assert low < 0.7 < high
    assert RULES[need].floor > 0
    for more in (Doubt(0.2, 0.1, 0.1), Doubt(0.02, 1.0, 0.1), Doubt(0.02, 0.1, 1.0)):
        wider = interval(0.7, more, need)
        assert wider[0] <= low
        assert wider[1] >= high


def test_an_adapter_without_effect_on_the_target_has_no_doubt_but_the_floor():
    s = torch.randn(30, 5)
    doubt = predict(Goal(s, s + torch.arange(5), s, "labels", 0.3).sums(s), "labels").doubt
    assert (doubt.sampling, doubt.unseen, doubt.guess) == pytest.approx((0, 0, 0), abs=1e-9)


def test_for_outputs_the_guess_is_the_shift_of_the_share_from_that_of_the_same_change():
    found = predict(sums(60, need="outputs"), "outputs")
    assert found.doubt.guess == pytest.approx(abs(found.kept - found.R))
    assert predict(sums(60), "change").doubt.guess == pytest.approx(found.doubt.guess)


def test_few_rows_rarely_show_a_gain_for_sure_where_there_is_none():
    found = [predict(sums(4, seed, turn=1.1), "change") for seed in range(300)]  # of a share of 2 cos 1.1 - 1
    assert statistics.mean(one.kept for one in found) < 0
    assert sum(one.sampled[0] > 0 for one in found) > 15
    assert sum(one.least > 0 for one in found) <= 9
    assert predict(sums(200, turn=0.3), "change").least > 0.5
