import math

import pytest
import torch

from ioadapt_theory.effect import Goal, RowSums, predict
from ioadapt_theory.effect.retained import bootstrap, guessed, trust
from ioadapt_theory.errors import InvalidValueError


def sums(*outputs: torch.Tensor, weight: float | None = None) -> RowSums:
    return Goal(*outputs[:3], "change" if weight is None else "labels", weight or 0.0).sums(outputs[3])


def outputs(seed: int = 0, rows: int = 200, classes: int = 5):
    torch.manual_seed(seed)
    s, t = torch.randn(rows, classes, dtype=torch.float64), torch.randn(rows, classes, dtype=torch.float64)
    d = torch.randn(rows, classes, dtype=torch.float64)
    return s, s + d, t, t + 0.7 * d + 0.3 * torch.randn(rows, classes, dtype=torch.float64)


def test_R_is_the_share_of_the_gain_where_both_want_the_same_change():
    s, sa, t, ta = outputs()
    found = predict(sums(s, sa, t, ta), "change")
    wanted = sa - s  # all of what the task needs, so that x = 1
    gains = [(wanted.square().sum() - (wanted - d).square().sum()) / wanted.square().sum() for d in (sa - s, ta - t)]
    assert abs(found.R - float(gains[1] / gains[0])) < 1e-12
    assert found.kept == found.R
    assert found.R_KL is None
    best = (found.cosine / found.ratio) * (ta - t)
    at_best = (wanted.square().sum() - (wanted - best).square().sum()) / wanted.square().sum()
    assert abs(found.at_best_strength - float(at_best)) < 1e-12


def test_the_gain_is_within_the_bound_whatever_else_the_source_needed():
    s, sa, t, ta = outputs(1)
    d, d2 = sa - s, ta - t
    found = predict(sums(s, sa, t, ta), "change")
    for seed in range(40):
        torch.manual_seed(seed)
        rest = torch.randn_like(d) + 3 * seed / 40 * d2
        rest -= (rest * d).sum() / d.square().sum() * d  # as if the strength had been trained
        need = d + rest
        gains = [2 * (need * e).sum() - e.square().sum() for e in (d, d2)]
        explained = float(gains[0] / need.square().sum())
        assert abs(float(gains[1] / gains[0]) - found.R) <= found.bound(explained) + 1e-12


def test_R_KL_is_the_share_of_the_log_likelihood_of_labels_that_follow_the_guess():
    s, sa, t, ta = (x.repeat(60, 1) for x in outputs(2))
    weight = 0.3
    found = predict(sums(s, sa, t, ta, weight=weight), "labels")
    logs = [x.log_softmax(-1) for x in (s, sa, t)]
    of_source, of_both = (torch.distributions.Categorical(guessed(*logs, w)).sample() for w in (0.0, weight))
    labelled = ((s, of_source), (sa, of_source), (t, of_both), (ta, of_both))
    loss = [torch.nn.functional.cross_entropy(x, y) for x, y in labelled]
    assert abs(found.kept - float((loss[2] - loss[3]) / (loss[0] - loss[1]))) < 0.06
    assert abs(found.agreement - float((s.argmax(-1) == t.argmax(-1)).double().mean())) < 1e-12
    for w in (0.0, 2 * weight):  # the interval contains predictions with more and with less weight of the target
        low, high = bootstrap(sums(s, sa, t, ta, weight=w).gained[:, 0], sums(s, sa, t, ta, weight=w).wanted)
        assert found.sampled[0] - 1e-9 <= low
        assert high <= found.sampled[1] + 1e-9


def test_the_labels_are_the_adapted_sources_where_models_agree_and_the_strength_is_sure():
    s, sa, t, _ = (x.log_softmax(-1) for x in outputs(4))
    torch.testing.assert_close(guessed(s, sa, s, 0.5, (1.0,)), sa.exp())
    torch.testing.assert_close(
        guessed(s, s, t, 0.5), ((s + t) / 2).softmax(-1)
    )  # without an adapter: the geometric mean
    both = guessed(s, sa, t, 0.2)
    torch.testing.assert_close(both.sum(-1), torch.ones(len(s)))
    weaker, stronger = (guessed(s, sa, t, 0.2, (a,)) for a in (0.8, 1.2))
    torch.testing.assert_close(3 * both - weaker - stronger, guessed(s, sa, t, 0.2, (1.0,)))
    s, sa, _, _ = outputs(4)
    assert predict(sums(s, sa, s, sa, weight=0.5), "labels").kept == pytest.approx(1)


def test_the_target_counts_as_far_as_the_models_differ_more_than_the_adapter_changes():
    s, sa, t, _ = outputs(4)
    differing, changed = Goal(s, sa, t, "labels").divergences()
    exact = torch.nn.functional.kl_div(t.log_softmax(-1), s.softmax(-1), reduction="sum")
    assert differing == pytest.approx(float(exact))
    assert trust(0, changed) == trust(0, 0) == 0
    assert trust(1.0, 1.0) == 0.125 < trust(9.0, 1.0) < 0.25
    assert trust(1.0, 3.0) == pytest.approx(0.025)


def test_the_interval_holds_what_other_rows_keep():
    top, bottom = torch.randn(400, dtype=torch.float64) + 1, torch.rand(400, dtype=torch.float64) + 1
    low, high = bootstrap(top, bottom)
    assert low < float(top.sum() / bottom.sum()) < high
    spread = float((top - 2 / 3 * bottom).std()) / (float(bottom.mean()) * 20)
    assert abs((high - low) / (2 * 1.28 * spread) - 1) < 0.3
    assert bootstrap(top, bottom) == (low, high)


def test_an_adapter_without_effect_is_one_sentence():
    s, _, t, ta = outputs()
    with pytest.raises(InvalidValueError, match="does not change the source's outputs"):
        predict(sums(s, s, t, ta), "change")
    with pytest.raises(InvalidValueError, match="NaN or infinity"):
        predict(sums(s, s * math.nan, t, ta), "change")
