"""Every tolerance and margin of the evidence is as large as it says: a thousand times more, or less, is noticed."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Claim, Run, Verdict
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.argument import Contradiction, resting_on
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.inequality import HypothesisError, UndecidedError
from ioadapt_theory.claims.evidence.monte_carlo import composite, estimate, sampled
from ioadapt_theory.claims.evidence.monte_carlo import rounding as rounding_of
from ioadapt_theory.claims.evidence.orders import fitted_order
from ioadapt_theory.claims.evidence.sampled import UNIT, Sampled
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay, ratios
from ioadapt_theory.claims.settings import intervals
from ioadapt_theory.claims.settings.stacks import LinearStack


def with_rhs(claim: Claim, factor: float) -> Claim:
    rhs = claim.inequality.rhs
    return replace(claim, inequality=replace(claim.inequality, rhs=lambda i: factor * rhs(i)))


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1 + 1e-9, Verdict.SURVIVED), (1 + 1e-7, Verdict.REFUTED), (0.5, Verdict.SURVIVED)]
)
def test_a_ratio_of_float64_counts_as_a_violation_from_ten_to_the_minus_eight(ratio: float, verdict: Verdict) -> None:
    found = Finding(kind=Evidence.RANDOM, instances=1, worst_ratio=ratio)
    assert Verification(claim="c", findings={Evidence.RANDOM: found}).verdict is verdict


@pytest.mark.parametrize(("factor", "lacks"), [(1, False), (1 + 1e-10, True), (1 - 1e-10, True)])
def test_what_is_attained_is_so_to_eleven_digits(factor: float, lacks: bool) -> None:
    assert bool(Replay()(with_rhs(CLAIMS["prop-4"], factor), Run(), 0).lacks) is lacks


def test_a_search_counts_no_instance_that_misses_a_hypothesis() -> None:
    claim, residual = CLAIMS["prop-2-output-abs"], 5e-12
    setting = claim.inequality.setting
    i = setting.parametrise(setting.start(4, torch.Generator().manual_seed(0)))
    assert ratios(claim.inequality, i).isfinite().all()
    assert ratios(claim.inequality, replace(i, epsilon=i.epsilon - residual - 1e-3 * i.epsilon)).isnan().all()
    first = claim.inequality.hypotheses[0]
    missed = replace(first, residual=lambda i: first.residual(i) + residual)
    assert ratios(replace(claim.inequality, hypotheses=(missed,)), i).isnan().all()


@pytest.mark.parametrize(("factor", "refutes"), [(1, False), (1 + 1e-9, True)])
def test_an_exact_value_is_compared_to_ten_digits(factor: float, refutes: bool) -> None:
    (strategy,) = (s for s in CLAIMS["prop-3-exact"].strategies if isinstance(s, ExactValue))
    found = ExactValue(strategy.placement, lambda i: factor * strategy.value(i))
    assert bool(found(CLAIMS["prop-3-exact"], Run(instances=50), 0).refutes) is refutes


def angle_of(length: str) -> dict[str, Any]:
    return {"u": [1, 0], "v": [0, 1], "du": [f"-{length}", 0], "dv": [0, 0]}


@pytest.mark.parametrize(
    ("length", "error"),
    [("1.00000001", HypothesisError), ("1.0000000005", UndecidedError), ("1.00000000000000000000001", UndecidedError)],
)
def test_an_instance_may_be_rounded_at_the_ninth_digit_and_is_exact_to_the_twenty_fifth(
    length: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="residual"):
        evaluate(CLAIMS["lemma-1-angle"], angle_of(length))


def test_the_thresholds_of_the_pooled_test_are_those_of_laurent_and_massart() -> None:
    """V = 2·10⁴ χ²: two-sided √(2tV) + 2t at t = ln(2·10⁹), one-sided at t = ln 10⁹."""
    v = 20_000
    two, one = math.log(2e9), math.log(1e9)
    both, above = math.sqrt(2 * two * v) + 2 * two, math.sqrt(2 * one * v) + 2 * one
    known = Sampled(judged=10_000, variance=v * UNIT)
    for limit, field in ((both, "excess"), (above, "excess_of_bound")):
        assert not replace(known, **{field: int(0.999 * limit * UNIT)}).contradictions()
        assert replace(known, **{field: int(1.001 * limit * UNIT)}).contradictions()
    assert replace(known, excess=-int(1.001 * both * UNIT)).contradictions()
    assert not replace(known, excess_of_bound=-int(9 * above * UNIT)).contradictions()
    low = math.sqrt(2 * math.log(100) * v) + 2 * math.log(100)
    assert known.detectable == pytest.approx((low + both) / (10_000 - low), rel=1e-12)


@pytest.mark.parametrize(("covering", "contradicted"), [(970, False), (962, True)])
def test_coverage_is_judged_by_the_binomial_tail(covering: int, contradicted: bool) -> None:
    """Of 1000 intervals 990 should cover: at most 970 has the probability 10⁻⁷, at most 962 has 10⁻¹¹."""
    assert bool(Sampled(intervals=1000, covering=covering).contradictions()) is contradicted


@pytest.mark.parametrize("samples", [1, 16])
def test_the_margin_of_a_single_stack_is_exceeded_as_seldom_as_it_says_and_no_wider_than_it_has_to_be(
    samples: int,
) -> None:
    w = torch.randn(3000, 8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = estimate(LinearStack([w]), LinearStack([0 * w]), samples, torch.Generator().manual_seed(1))
    away = (found.mean - w.square().sum((-2, -1))).abs()
    for probability in (0.5, 0.1, 0.01):
        assert 0 < float((away > found.margin(probability) / 3).double().mean())
        assert (away > found.margin(probability)).double().mean() <= probability


def test_two_models_that_differ_at_the_eleventh_digit_are_judged() -> None:
    w = torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    source, target = LinearStack([w, torch.eye(6).expand(4, 6, 6)]), LinearStack([w, torch.eye(6).expand(4, 6, 6)])
    near = LinearStack([w * (1 + 1e-11), torch.eye(6).expand(4, 6, 6)])
    for other, judged in ((near, 40), (target, 0)):
        instance = composite(source, other)
        closed = CLAIMS["lemma-3"].inequality.lhs(instance)
        found = estimate(source, other, 10, torch.Generator().manual_seed(1))
        assert sampled(found, closed, closed, rounding_of(instance)).judged == judged


def test_an_order_is_a_slope() -> None:
    epsilons = torch.tensor([1e-2, 1e-3, 1e-4], dtype=torch.float64)
    assert fitted_order(3 * epsilons[:, None] ** 1.5, epsilons).item() == pytest.approx(1.5)


def test_the_ascent_climbs() -> None:
    """It reaches what random instances do not, and more steps reach more."""
    claim, few, many = CLAIMS["prop-2-output-sharp"], Run(starts=8, steps=2), Run(starts=8, steps=60)
    climb = GradientAscent(drop=("ab",))
    reached = [climb(claim, run, 0).worst_ratio for run in (few, many)]
    assert RandomInstances()(claim, Run(instances=8), 0).worst_ratio < reached[1]
    assert reached[0] < reached[1]
    assert reached[1] > 0.9


def test_the_boxes_of_a_certificate_cover_the_whole_range(monkeypatch: pytest.MonkeyPatch) -> None:
    upper, seen = Fraction(11, 100), list[tuple[float, float]]()

    class Positive:
        a = 1

        def __gt__(self, other: object) -> bool:
            return True

    def record(epsilon: Any, sqrt: Any) -> Positive:
        low, high = (epsilon.lower(), epsilon.upper()) if hasattr(epsilon, "lower") else (epsilon.a, epsilon.b)
        seen.append((float(low), float(high)))
        return Positive()

    monkeypatch.setattr(intervals, "excess", record)
    for certificate in (intervals.by_mpmath, intervals.by_flint):
        seen.clear()
        assert certificate(upper)
        assert seen[0][0] <= 0
        assert seen[-1][1] >= 0.11
        assert all(high >= low for (_, high), (low, _) in pairwise(seen))
        assert max(high - low for low, high in seen) < 1e-3


def test_an_instance_that_misses_a_hypothesis_contradicts_nothing() -> None:
    assert not list(Contradiction("ce2").broken(CLAIMS["prop-2-output"]))
    assert "ce2 misses" in next(Contradiction("ce2").broken(CLAIMS["prop-2-output-frobenius"]))
    assert "does not violate" in next(Contradiction("ce2").broken(CLAIMS["prop-2-output-sharp"]))


def test_what_rests_on_another_claim_falls_with_it() -> None:
    claim = CLAIMS["lemma-1"]
    assert not list(resting_on("prop-4", "prop-5").broken(claim))
    assert list(resting_on("prop-4", "prop-1").broken(claim)) == ["prop-1 is not proved"]
    assert not list(resting_on("prop-1", verdict=Verdict.REFUTED).broken(claim))
    assert list(resting_on("prop-4", verdict=Verdict.REFUTED).broken(claim))
