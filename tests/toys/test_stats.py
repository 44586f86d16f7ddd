import numpy as np
import pytest
from scipy import stats

from toys.common.stats import Interval, equivalence, holm, t_test
from toys.transfer.protocol import protocol
from toys.transfer.verdicts.endpoint import Verdict, concluded, endpoints, shares

PLAN = protocol("encoder")
SEEDS = 6


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    n = 4000
    hits = sum(i.low <= 3 <= i.high for i in (Interval.of(rng.normal(3, 2, 8)) for _ in range(n)))
    assert abs(hits / n - 0.95) < 4 * np.sqrt(0.95 * 0.05 / n)


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
    assert holm([0.01, 0.04, 0.03, 0.005], withdrawn=2) == pytest.approx([0.05, 0.12, 0.12, 0.03])


def test_equivalence_is_an_interval_of_twice_the_error_inside_the_margin():
    values = np.random.default_rng(1).normal(0.02, 0.05, 12)
    ninety = Interval.of(values, level=0.9)
    limit = max(abs(ninety.low), abs(ninety.high))
    assert equivalence(values, limit * 1.001) < 0.05 < equivalence(values, limit * 0.999)
    assert equivalence([0.1, 0.1], 0.2) == 0.0
    assert equivalence([0.3, 0.3], 0.2) == 1.0


def record(lora: float, moved: float) -> dict:
    """Return losses of 2 without an adapter and 1 with a retrained LoRA, plus noise; a share is then 2 - loss."""
    noise = np.random.default_rng(0).normal(scale=1e-3, size=SEEDS)
    models = ("source", *PLAN.related)
    loss = {"no adapter": 2.0, "lora": 2 - lora, "input": 2 - moved, "output": 2 - lora, "lora, retrained": 1.0}
    return {"rows": {row: {m: list(value + noise * (row == "input")) for m in models} for row, value in loss.items()}}


def test_a_share_is_what_is_kept_of_what_retraining_gains():
    lora, moved, lead = shares(PLAN, record(0.5, 0.8), "input")
    assert lora == pytest.approx(np.full(SEEDS, 0.5))
    assert moved == pytest.approx(np.full(SEEDS, 0.8), abs=5e-3)
    assert lead == pytest.approx(np.full(SEEDS, 0.3), abs=5e-3)


@pytest.mark.parametrize(("moved", "word"), [(0.8, Verdict.BETTER), (0.2, Verdict.WORSE), (0.5, Verdict.SAME)])
def test_the_word_follows_the_difference_and_the_lead_on_the_source_is_taken_off(moved, word):
    ours = next(one for one in endpoints({"encoder": PLAN}, {"encoder": record(0.5, moved)}) if one.row == "input")
    assert ours.verdict is word
    assert ours.difference.mean == pytest.approx(moved - 0.5, abs=5e-3)
    assert ours.verdict_beyond is Verdict.SAME  # all models are equal here, so the lead explains the whole difference


def test_where_nothing_differs_a_table_has_a_decided_line_at_most_once_in_twenty():
    rng, tables = np.random.default_rng(0), 300
    decided = sum(
        bool({Verdict.BETTER, Verdict.WORSE} & {*concluded([*rng.normal(0, 0.1, (10, SEEDS))], 0)})
        for _ in range(tables)
    )
    assert 0 < decided / tables < 0.05 + 3 * np.sqrt(0.05 * 0.95 / tables)


def test_withdrawn_comparisons_count_in_the_correction():
    noisy = record(0.5, 0.8)
    noisy["rows"]["input"] = {model: list(1.2 + 0.2 * np.linspace(-1, 1, SEEDS)) for model in noisy["rows"]["lora"]}
    found = [endpoints({"encoder": PLAN}, {"encoder": noisy}, withdrawn)[0] for withdrawn in (3, 12)]
    assert [one.row for one in found] == ["input", "input"]
    assert t_test(np.linspace(0.1, 0.5, SEEDS)) == pytest.approx(0.0044, abs=1e-4)  # between 0.05 / 14 and 0.05 / 5
    assert [one.verdict for one in found] == [Verdict.BETTER, Verdict.INCONCLUSIVE]


def test_nothing_is_divided_by_a_gain_near_zero():
    flat = record(0.5, 0.8)
    flat["rows"]["lora, retrained"] = flat["rows"]["no adapter"]
    assert endpoints({"encoder": PLAN}, {"encoder": flat}) == []
