"""Every number from which on something counts is held from both sides: just below it does not, just above it does."""

import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict, evaluation
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.evaluation import Evaluation, UndefinedError, _float, _settled, evaluate
from ioadapt_theory.claims.evidence import monte_carlo, orders, sampled, searches
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.evidence.identities import ExactValue
from ioadapt_theory.claims.evidence.inequality import HypothesisError, UndecidedError
from ioadapt_theory.claims.evidence.monte_carlo import Estimate
from ioadapt_theory.claims.evidence.orders import OrderFit, fitted_order
from ioadapt_theory.claims.evidence.sampled import Sampled, binomial_tail
from ioadapt_theory.claims.evidence.searches import Replay, best, confirmed, ratios, seeded
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
    found = Replay()(replace(with_ratio(ratio), witnesses=("r1",), attained=()), Run(), 0)
    assert bool(found.refutes) == bool(not found.lacks) == (verdict is Verdict.REFUTED)


@pytest.mark.parametrize(("ratio", "attains"), [(1 - 2e-12, False), (1 + 2e-12, False), (1 - 5e-13, True)])
def test_a_bound_is_attained_to_a_millionth_of_a_millionth(ratio: float, attains: bool) -> None:
    found = Replay()(replace(with_ratio(ratio), witnesses=(), attained=("r1",)), Run(), 0)
    assert not found.refutes
    assert found.lacks == (set() if attains else {"r1 does not attain the bound: 1 of it"})


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


@pytest.mark.parametrize(("value", "residual"), [("-1", 0.0), ("1e-26", 0.0), ("1e-24", 1e-24), ("nan", None)])
def test_a_residual_is_zero_below_the_digits_and_missed_where_it_is_no_number(value: str, residual: Any) -> None:
    hypothesis = replace(PROP_4.inequality.hypotheses[0], statement="h", residual=lambda _: mp.mpf(value))
    claim = sides(PROP_4, hypotheses=(hypothesis,))
    if residual is None:
        with pytest.raises(HypothesisError, match="misses the hypothesis h: residual nan"):
            evaluate(claim, witness("r1"))
    else:
        assert evaluate(claim, witness("r1")).hypotheses == {"h": residual}


def test_a_violation_is_explained_by_cosines_that_differ_up_to_twice_the_difference() -> None:
    raw = witness("ce2")
    claim = replace(CLAIMS["prop-2-output"], attained=(), witnesses=())
    off = [str(x) for x in CLAIMS["prop-2-output"].inequality.setting.read(raw).x2_target]
    raw |= {"x2_target": [off[0] + "0000000004" if "." in off[0] else off[0] + ".0000000004", *off[1:]]}
    i = claim.inequality.setting.read(raw)
    entering = max(float(h.residual(i)) for h in claim.inequality.hypotheses if h.enters)
    assert 1e-11 < entering < 1e-9
    for factor, undecided in ((1.9, True), (2.1, False)):
        constant = sides(claim, rhs=lambda i: mp.mpf(1e-3), lhs=lambda i, f=factor: 1e-3 + f * mp.mpf(entering))
        planted = sides(constant, first_order=None, rhs=lambda i: mp.mpf(1e-3))
        if undecided:
            with pytest.raises(UndecidedError, match="may be the reason"):
                evaluate(planted, raw)
        else:
            assert not evaluate(planted, raw).holds


@pytest.mark.parametrize(
    ("a", "b", "settled"),
    [
        ("1", "1.000000000000000000005", (True, "1.000000000000000000005")),
        ("1", "1.00000000000000000002", (False, None)),
        ("-1", "-1.000000000000000000005", (True, "-1.000000000000000000005")),
        ("1e-30", "5e-56", (True, "0")),
        ("1e-30", "2e-55", (False, None)),
        ("0", "0", (True, "0")),
    ],
)
def test_two_precisions_agree_to_twenty_digits_or_the_value_vanishes(a: str, b: str, settled: tuple) -> None:
    done, value = _settled(mp.mpf(a), mp.mpf(b))
    assert done == settled[0]
    if done:
        assert value == mp.mpf(settled[1])


def test_what_is_missed_up_to_rounding_is_mended_by_a_millionth_more() -> None:
    exact, at_50_digits = SimpleNamespace(epsilon=Fraction(1)), SimpleNamespace(epsilon=mp.mpf(1))
    for i in (exact, at_50_digits):
        by = evaluation._mended(i, mend=lambda _, residual: residual, residual=0.5)
        assert type(by) is type(i.epsilon)
        assert by == type(by)(500_000.5) / 10**6


def test_what_has_no_value_is_settled_by_having_none_twice() -> None:
    nothing, i = mp.nan, mp.mpc(0, 1)
    assert _settled(None, None) == (True, None)
    assert _settled(i, nothing)[0]
    assert not _settled(mp.mpf(1), nothing)[0]
    assert not _settled(mp.inf, mp.mpf(1))[0]
    with pytest.raises(UndefinedError, match="leaves its domain"):
        _float(i)


@pytest.mark.parametrize("value", ["1e-309", "-1e-309", "1e309", "-1e309"])
def test_a_value_outside_of_double_precision_is_said(value: str) -> None:
    with pytest.raises(InvalidValueError, match=r"is outside of double precision, 2\.23e-308 to 1\.8e\+308; scale"):
        _float(mp.mpf(value))
    assert (_float(mp.mpf("1e-307")), _float(mp.mpf("-1e308")), _float(mp.mpf(0))) == (1e-307, -1e308, 0.0)


def test_values_that_cancellation_eats_are_given_up_at_400_digits() -> None:
    seen = list[int]()

    def lost(i: Any) -> Any:
        seen.append(mp.dps)
        return mp.mpf(len(seen))

    with pytest.raises(InvalidValueError, match="lost in cancellation: at 400 digits they are not yet settled"):
        evaluate(sides(PROP_4, lhs=lost), witness("r1"))
    assert seen == [50, 100, 200, 400]


def test_a_quotient_of_zeros_is_none_and_of_infinities_is_null() -> None:
    def found(lhs: float, rhs: float, first: float | None = None) -> Evaluation:
        limit = None if first is None else float(first)
        return Evaluation(claim="c", lhs=float(lhs), rhs=float(rhs), first_order=limit, hypotheses={"h": 0.5})

    assert (found(0, 0).decisive_ratio, found(1, 0).decisive_ratio, found(3, 2).decisive_ratio) == (0, math.inf, 1.5)
    assert found(1, 2, 6).decisive_ratio == 3
    assert not found(1, 2, 6).holds
    assert found(6, 2, 1).holds
    assert [found(lhs, rhs).to_json()["ratio"] for lhs, rhs in ((3, 2), (1, 0), (0, 0), (0, 2))] == [1.5, None, None, 0]
    assert found(3, 2).to_json() == {
        **{"claim": "c", "lhs": 3, "rhs": 2, "ratio": 1.5, "holds": False},
        "hypotheses": [{"hypothesis": "h", "residual": 0.5}],
    }
    assert found(3, 2, 1).to_json()["first_order"] == 1


def batch(n: int = 3) -> Any:
    return PROP_4.inequality.setting.parametrise(PROP_4.inequality.setting.start(n, seeded(Run(), "test")))


def test_a_search_leaves_out_what_misses_a_hypothesis_and_keeps_the_worst_of_the_rest() -> None:
    i = batch(4)
    residual = torch.tensor([0.0, 0.5e-13, 2e-13, 0.0])
    hypothesis = replace(PROP_4.inequality.hypotheses[0], residual=lambda _: residual)
    lhs, rhs = torch.tensor([0.0, 3.0, 9.0, 2.0]), torch.tensor([0.0, 2.0, 1.0, 4.0])
    claim = sides(PROP_4, lhs=lambda _: lhs, rhs=lambda _: rhs, hypotheses=(hypothesis,))
    quotient = ratios(claim.inequality, i)
    assert quotient[:2].tolist() + quotient[3:].tolist() == [0, 1.5, 0.5]
    assert quotient[2].isnan()
    found = best(claim, Evidence.RANDOM, i, quotient)
    assert (found.kind, found.instances, found.worst_ratio) == (Evidence.RANDOM, 3, 1.5)
    assert found.worst == PROP_4.inequality.setting.dump(i, 1)
    assert best(claim, Evidence.RANDOM, i, torch.full((4,), math.nan)) == Finding(kind=Evidence.RANDOM)


def test_a_ratio_of_a_search_is_taken_again_where_it_comes_near_one() -> None:
    finding = Finding(kind=Evidence.RANDOM, instances=5, worst=witness("r1"))
    below, near = (replace(finding, worst_ratio=1 - gap) for gap in (2e-8, 5e-9))
    assert confirmed(PROP_4, below).worst_ratio == 1 - 2e-8
    assert confirmed(PROP_4, near).worst_ratio == 1
    assert confirmed(PROP_4, replace(near, worst=None)).worst_ratio == 1 - 5e-9


def test_what_a_part_draws_depends_on_the_seed_and_every_label_and_on_nothing_else() -> None:
    def drawn(seed: int, *labels: object) -> float:
        return torch.rand((), generator=seeded(Run(seed=seed, instances=seed + 5), *labels)).item()

    assert drawn(1, "a", 2) == drawn(1, "a", 2)
    assert len({drawn(1, "a", 2), drawn(2, "a", 2), drawn(1, "b", 2), drawn(1, "a", 3), drawn(1, "a")}) == 5
    assert torch.rand((), generator=seeded(Run(instances=1), "a")) == torch.rand((), generator=seeded(Run(), "a"))


@pytest.mark.parametrize(("power", "below"), [(2.0, False), (1.96, False), (1.94, True), (1.0, True)])
def test_an_order_is_missed_from_a_twentieth_below(power: float, below: bool) -> None:
    fit = OrderFit(lambda i: 3 * (i.du * i.du).sum(-1) ** (power / 2), INCREMENTS, ("du",))
    found = fit(PROP_4, Run(), 0)
    assert found.refutes == ({f"order {power:.2f} < 2"} if below else set())
    assert (found.kind, found.instances) == (Evidence.ORDER, 100)


def test_an_order_is_the_slope_of_a_line_and_that_of_the_twentieth_instance_decides() -> None:
    epsilons = torch.tensor([1e-1, 1e-2, 1e-4])
    values = torch.stack([5 * epsilons**2, -7 * epsilons**3], -1)
    torch.testing.assert_close(fitted_order(values, epsilons), torch.tensor([2.0, 3.0]))
    assert orders.EPSILONS == pytest.approx([10**-k for k in (2, 2.5, 3, 3.5)], rel=1e-15)
    for few, refuted in ((3, False), (8, True)):  # of 100
        slow = torch.arange(100) < few
        fit = OrderFit(
            lambda i, slow=slow: torch.where(slow, i.du.norm(dim=-1), i.du.norm(dim=-1) ** 2),
            INCREMENTS,
            ("du",),
        )
        assert bool(fit(PROP_4, Run(), 0).refutes) == refuted


@pytest.mark.parametrize(("error", "refuted"), [(5e-12, False), (5e-11, True), (math.nan, True)])
def test_an_exact_value_differs_from_a_hundred_billionth_on(error: float, refuted: bool) -> None:
    (strategy,) = (s for s in CLAIMS["prop-4-exact"].strategies if isinstance(s, ExactValue))
    planted = ExactValue(Placement.INPUT, lambda i: strategy.value(i) * (1 + error))
    if math.isnan(error):
        with pytest.raises(ArithmeticError):
            planted(PROP_4, Run(instances=5), 0)
        return
    found = planted(PROP_4, Run(instances=5), 0)
    assert bool(found.refutes) == refuted
    assert found.instances == 5
    assert found.worst_ratio == (pytest.approx(1 + error, abs=1e-12) if refuted else 1.0)


def test_an_error_of_one_stack_in_five_is_an_error() -> None:
    (strategy,) = (s for s in CLAIMS["prop-4-exact"].strategies if isinstance(s, ExactValue))
    one = torch.tensor([0.0, 0, 0, 1e-9, 0])
    for sign in (1, -1):
        planted = ExactValue(Placement.INPUT, lambda i, sign=sign: strategy.value(i) * (1 + sign * one))
        assert planted(PROP_4, Run(instances=5), 0).refutes == {"relative difference 1.0e-09"}


def test_the_levels_of_the_tests_on_samples() -> None:
    assert (sampled.LEVEL, sampled.FALSE_ALARM, sampled.POWER, sampled.UNIT) == (0.99, 1e-9, 0.99, 2**20)
    assert (monte_carlo.STACKS_A_PART, monte_carlo.BLOCK) == (32, 65_536)
    assert (searches.ATTAINED, searches.ROUNDING) == (1e-12, 1e-13)


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
            assert Sampled(**sums).contradictions() == (set() if one_sided else found)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_stack_whose_closed_form_bound_or_law_is_rounding_is_not_judged(noise: float) -> None:
    found = Estimate(mean=torch.ones(5), weights=torch.ones(5, 2), samples=10)
    found.weights[3] = noise / 2
    closed, bound = torch.ones(5), torch.full((5,), 2.0)
    closed[0] = bound[1] = noise
    rounded = torch.full((5,), noise)
    judged = monte_carlo.sampled(found, closed, bound, rounded)
    assert (judged.samples, judged.judged, judged.intervals) == (50, 20, 5)
    assert (judged.excess, judged.excess_of_bound, judged.variance) == (0, -10 * 2**20, 20 * 2**20)


def test_what_is_detectable_is_the_sum_of_both_tails_over_the_samples() -> None:
    low, high = (math.sqrt(2 * t * 400) + 2 * t for t in (math.log(100), math.log(2e9)))
    assert Sampled(judged=1000, variance=400 * 2**20).detectable == pytest.approx((low + high) / (1000 - low))
    assert Sampled(judged=50, variance=400 * 2**20).detectable is None


def test_nothing_adds_nothing() -> None:
    some = Sampled(samples=10, judged=8, excess=-3, excess_of_bound=-7, variance=9, intervals=2, covering=2)
    assert some + Sampled() == some


def test_intervals_are_counted_against_a_binomial_law() -> None:
    assert binomial_tail(1, 2, 0.9) == pytest.approx(0.19)
    sentence = "{} of 100 intervals cover, which should be 99%"
    seldom = next(k for k in range(100, 0, -1) if binomial_tail(k, 100, 0.99) < 1e-9)
    assert seldom == 88
    assert Sampled(intervals=100, covering=88).contradictions() == {sentence.format(88)}
    assert Sampled(intervals=100, covering=89).contradictions() == set()


def test_a_single_stack_is_judged_by_the_bound_of_laurent_and_massart() -> None:
    found = Estimate(mean=torch.tensor([5.0]), weights=torch.tensor([[3.0, 1.0]]), samples=10)
    t = math.log(2 / 1e-6) / 10
    assert found.variance.item() == 20
    assert found.margin(1e-6).item() == pytest.approx(math.sqrt(2 * t * 20) + 2 * t * 3)


def test_an_interval_contains_its_ends_up_to_rounding() -> None:
    found = Estimate(mean=torch.ones(2), weights=torch.tensor([[1.0, 2.0], [0.0, 0.0]]), samples=10)
    low, high = found.interval()
    none = torch.zeros(2)
    assert found.covers(low, none) == found.covers(high, none) == 2
    assert found.covers(low * (1 - 1e-9), none) == found.covers(high * (1 + 1e-9), none) == 0
    assert found.covers(low - 0.1, none + 0.11) == found.covers(high + 0.1, none + 0.11) == 2
