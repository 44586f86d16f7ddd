"""Every number from which on something counts is held from both sides: just below it does not, just above it does."""

import math
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.evaluation import Evaluation, evaluate
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification, contradictions
from ioadapt_theory.claims.evidence.inequality import HypothesisError
from ioadapt_theory.claims.evidence.monte_carlo import Estimate, ExactValue
from ioadapt_theory.claims.evidence.searches import OrderFit, Replay, best, ratios, seeded
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.settings.increments import INCREMENTS
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.errors import InvalidValueError

PROP_4 = CLAIMS["prop-4"]


def sides(claim: Any, **changes: Any) -> Any:
    return replace(claim, inequality=replace(claim.inequality, **changes))


def with_ratio(ratio: float) -> Any:
    """A claim whose left side is this times its right side."""
    rhs = PROP_4.inequality.rhs
    return sides(PROP_4, lhs=lambda i: (mp.mpf(ratio) if not isinstance(i.w1, torch.Tensor) else ratio) * rhs(i))


@pytest.mark.parametrize(("ratio", "verdict"), [(1 + 2e-8, Verdict.REFUTED), (1 + 5e-9, Verdict.SURVIVED)])
def test_a_ratio_refutes_from_a_hundred_millionth_above_one(ratio: float, verdict: Verdict) -> None:
    finding = Finding(kind=Evidence.RANDOM, instances=1, worst_ratio=ratio)
    assert Verification(claim="c", findings={Evidence.RANDOM: finding}).verdict is verdict
    evaluated = Evaluation(claim="c", lhs=ratio * 3, rhs=3.0, first_order=None, hypotheses={})
    assert evaluated.holds == (verdict is Verdict.SURVIVED)
    finding = Replay()(replace(with_ratio(ratio), witnesses=("r1",), attained=()), Run(), 0)
    assert bool(finding.refutes) == bool(not finding.lacks) == (verdict is Verdict.REFUTED)


@pytest.mark.parametrize(("ratio", "attains"), [(1 - 2e-12, False), (1 + 2e-12, False), (1 - 5e-13, True)])
def test_a_bound_is_attained_to_a_millionth_of_a_millionth(ratio: float, attains: bool) -> None:
    finding = Replay()(replace(with_ratio(ratio), witnesses=(), attained=("r1",)), Run(), 0)
    assert not finding.refutes
    assert finding.lacks == (set() if attains else {"r1 does not attain the bound: 1 of it"})


@pytest.mark.parametrize(("miss", "met"), [("5e-10", True), ("2e-9", False)])
def test_a_hypothesis_is_missed_from_a_billionth_on(miss: str, met: bool) -> None:
    raw = witness("r1")
    scale = 1 + float(miss)
    i = PROP_4.inequality.setting.read(raw)
    raw |= {"epsilon": str(i.epsilon / mp.mpf(scale))}
    weak = sides(PROP_4, rhs=lambda i: 2 * PROP_4.inequality.rhs(i))
    if met:
        assert list(evaluate(weak, raw).hypotheses.values()) == [pytest.approx(float(miss), rel=1e-5)]
    else:
        with pytest.raises(HypothesisError, match=r"residual 2e-09, at most 1e-09 is allowed"):
            evaluate(weak, raw)


def test_values_that_cancellation_eats_are_given_up_at_400_digits() -> None:
    seen = list[int]()

    def lost(i: Any) -> Any:
        seen.append(mp.dps)
        return mp.mpf(len(seen))

    with pytest.raises(InvalidValueError, match="lost in cancellation: at 400 digits they are not yet settled"):
        evaluate(sides(PROP_4, lhs=lost), witness("r1"))
    assert seen == [50, 100, 200, 400]


def batch(n: int = 3) -> Any:
    return PROP_4.inequality.setting.parametrise(PROP_4.inequality.setting.start(n, seeded(Run(), "test")))


def test_a_search_leaves_out_what_misses_a_hypothesis_and_keeps_the_worst_of_the_rest() -> None:
    i = batch(4)
    residual = torch.tensor([0.0, 0.5e-13, 2e-13, 0.0])
    hypothesis = Mock(residual=lambda _: residual)
    lhs, rhs = torch.tensor([0.0, 3.0, 9.0, 2.0]), torch.tensor([0.0, 2.0, 1.0, 4.0])
    claim = sides(PROP_4, lhs=lambda _: lhs, rhs=lambda _: rhs, hypotheses={"h": hypothesis})
    quotient = ratios(claim.inequality, i)
    assert quotient[:2].tolist() + quotient[3:].tolist() == [0, 1.5, 0.5]
    assert quotient[2].isnan()
    finding = best(claim, Evidence.RANDOM, i, quotient)
    assert (finding.kind, finding.instances, finding.worst_ratio) == (Evidence.RANDOM, 3, 1.5)
    assert finding.worst == PROP_4.inequality.setting.dump(i, 1)
    assert best(claim, Evidence.RANDOM, i, torch.full((4,), math.nan)) == Finding(kind=Evidence.RANDOM)


@pytest.mark.parametrize(("power", "below"), [(1.96, False), (1.94, True)])
def test_an_order_is_missed_from_a_twentieth_below(power: float, below: bool) -> None:
    fit = OrderFit(lambda i: 3 * (i.du * i.du).sum(-1) ** (power / 2), INCREMENTS, ("du",))
    finding = fit(PROP_4, Run(), 0)
    assert finding.refutes == ({f"order {power:.2f} < 2"} if below else set())
    assert (finding.kind, finding.instances) == (Evidence.ORDER, 100)


@pytest.mark.parametrize(("error", "refuted"), [(5e-12, False), (5e-11, True)])
def test_an_exact_value_differs_from_a_hundred_billionth_on(error: float, refuted: bool) -> None:
    (strategy,) = (s for s in CLAIMS["prop-4-exact"].strategies if isinstance(s, ExactValue))
    planted = ExactValue(Placement.INPUT, lambda i: strategy.value(i) * (1 + error))
    finding = planted(PROP_4, Run(instances=5), 0)
    assert bool(finding.refutes) == refuted
    assert finding.instances == 5
    assert finding.worst_ratio == (pytest.approx(1 + error, abs=1e-12) if refuted else 1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_of_all_stacks_contradicts_from_the_bound_of_laurent_and_massart_on(sign: int) -> None:
    """√(2tv) + 2t with t = ln(2/10⁻⁹) on either side of the closed form, t = ln 10⁹ above the bound."""
    variance = 10_000
    for field, t, sentence in (
        ("excess", math.log(2e9), "the sample means together contradict the closed form"),
        ("excess_of_bound", math.log(1e9), "the sample means together exceed the bound"),
    ):
        limit = math.sqrt(2 * t * variance) + 2 * t
        for factor, found in ((0.999, set()), (1.001, {sentence})):
            sums = {field: sign * round(factor * limit * 2**20), "variance": variance * 2**20}
            one_sided = field == "excess_of_bound" and sign < 0
            assert contradictions(sums) == (set() if one_sided else found)


def test_a_single_stack_is_judged_by_the_bound_of_laurent_and_massart() -> None:
    finding = Estimate(mean=torch.tensor([5.0]), weights=torch.tensor([[3.0, 1.0]]), samples=10)
    t = math.log(2 / 1e-6) / 10
    assert finding.variance.item() == 20
    assert finding.margin(1e-6).item() == pytest.approx(math.sqrt(2 * t * 20) + 2 * t * 3)
