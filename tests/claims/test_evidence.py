"""Findings merge in any order, searches evaluate at 50 digits, and each threshold is tested on both sides."""

import itertools
import math
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.evaluation import Evaluation, UndefinedError, evaluate
from ioadapt_theory.claims.evidence import findings, monte_carlo
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification, contradictions, merged
from ioadapt_theory.claims.evidence.inequality import HypothesisError, UndecidedError
from ioadapt_theory.claims.evidence.monte_carlo import Estimate, StackMonteCarlo, together
from ioadapt_theory.claims.evidence.searches import (
    GradientAscent,
    MeanZero,
    RandomInstances,
    Replay,
    agree,
    best,
    confirmed,
    ratios,
    seeded,
)
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.errors import InvalidValueError


def verification(kind: Evidence, **facts: object) -> Verification:
    return Verification(claim="c", findings={kind: Finding(kind=kind, **facts)})


PARTS = (
    verification(Evidence.RANDOM, instances=3, worst_ratio=0.5, worst={"x": 1}, counts={"samples": 2}),
    verification(Evidence.RANDOM, instances=2, worst_ratio=0.5, worst={"x": 2}, counts={"samples": 5, "more": 1}),
    verification(Evidence.EXACT, instances=1, proves=frozenset({"a"})),
    verification(Evidence.WITNESS, instances=1, worst_ratio=2.0, worst={"x": 3}, refutes=frozenset({"w"})),
)
LACK = verification(Evidence.WITNESS, instances=1, worst_ratio=0.9, lacks=frozenset({"r1 does not attain the bound"}))
SAMPLED = verification(
    Evidence.MONTE_CARLO,
    instances=2,
    counts={"samples": 10, "judged": 8, "excess": -3, "excess_of_bound": -7, "variance": 9},
)


def test_merging_does_not_depend_on_order_or_grouping() -> None:
    a, b, c, d = PARTS
    assert all(merged("c", order) == merged("c", PARTS) for order in itertools.permutations(PARTS))
    assert ((a | b) | (c | d)) == (a | ((b | c) | d)) == replace(merged("c", PARTS), seconds=9)
    both = (replace(a, seconds=1) | replace(b, seconds=2)).findings[Evidence.RANDOM]
    assert (both.instances, both.worst, both.counts) == (5, {"x": 2}, {"samples": 7, "more": 1})
    assert (replace(a, seconds=1) | replace(b, seconds=2)).seconds == 3


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ((), Verdict.UNTESTED),
        (PARTS[:2], Verdict.SURVIVED),
        (PARTS[:3], Verdict.PROVED),
        (PARTS, Verdict.REFUTED),
        ((verification(Evidence.RANDOM, instances=1, worst_ratio=1.1),), Verdict.REFUTED),
        ((verification(Evidence.RANDOM, instances=1, worst_ratio=1 + 1e-12),), Verdict.SURVIVED),
        ((verification(Evidence.RANDOM, instances=1, worst_ratio=math.inf),), Verdict.REFUTED),
        ((*PARTS[:3], LACK), Verdict.UNDECIDED),
        ((*PARTS, LACK), Verdict.REFUTED),
        ((PARTS[2], SAMPLED), Verdict.PROVED),
        ((verification(Evidence.MONTE_CARLO, counts={"excess": 1 << 40}),), Verdict.REFUTED),
    ],
)
def test_verdict(parts: tuple[Verification, ...], verdict: Verdict) -> None:
    assert merged("c", parts).verdict is verdict


def test_not_a_number_does_not_survive() -> None:
    with pytest.raises(ArithmeticError, match="lhs/rhs is NaN"):
        Finding(kind=Evidence.RANDOM, instances=1, worst_ratio=math.nan)


@pytest.mark.parametrize(
    "part", [*PARTS, LACK, SAMPLED, verification(Evidence.RANDOM, instances=1, worst_ratio=math.inf)]
)
def test_json_round_trip(part: Verification) -> None:
    assert Verification.from_json(part.to_json()) == part
    for found in part.to_json()["findings"].values():
        assert ("contradictions" in found) is ("samples" in found["counts"])


@pytest.mark.parametrize(
    ("said", "lack"),
    [
        ({"attained": ("ce3",), "witnesses": ()}, "ce3 does not attain the bound: lhs/rhs - 1 is -0.18"),
        ({"attained": (), "witnesses": ("ce3",)}, "ce3 does not violate the bound: lhs/rhs is 0.817"),
    ],
)
def test_an_instance_is_said_to_attain_or_to_violate_only_if_it_does(said: dict, lack: str) -> None:
    assert Replay()(replace(CLAIMS["prop-1-explicit"], **said), Run(), 0).lacks == {lack}


PROP_4 = CLAIMS["prop-4"]


def sides(claim: Any, **changes: Any) -> Any:
    return replace(claim, inequality=replace(claim.inequality, **changes))


def with_ratio(ratio: float) -> Any:
    """Return a claim whose left side is ``ratio`` times its right side."""
    rhs = PROP_4.inequality.rhs
    return sides(PROP_4, lhs=lambda i: (mp.mpf(ratio) if not isinstance(i.w1, torch.Tensor) else ratio) * rhs(i))


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1 + 2e-8, Verdict.REFUTED), (1 + 1e-8, Verdict.SURVIVED), (1 + 5e-9, Verdict.SURVIVED)]
)
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
    assert finding.lacks == (set() if attains else {f"r1 does not attain the bound: lhs/rhs - 1 is {ratio - 1:.2g}"})


@pytest.mark.parametrize(("miss", "met"), [("5e-10", True), ("2.004e-9", False)])
def test_a_hypothesis_is_missed_from_a_billionth_on(miss: str, met: bool) -> None:
    raw = witness("r1")
    scale = 1 + float(miss)
    i = PROP_4.inequality.setting.read(raw)
    raw |= {"epsilon": str(i.epsilon / mp.mpf(scale))}
    weak = sides(PROP_4, rhs=lambda i: 2 * PROP_4.inequality.rhs(i))
    if met:
        found = evaluate(weak, raw)
        assert list(found.hypotheses.values()) == [pytest.approx(float(miss), rel=1e-5)]
        assert found.decisive_ratio == pytest.approx(0.5, rel=1e-12)  # with ε enlarged by the violation
    else:
        with pytest.raises(HypothesisError, match=r"the residual is 2e-09, above 1e-09"):
            evaluate(weak, raw)


@pytest.mark.parametrize(
    ("at_50", "at_100", "settled"),
    [
        ("1", "1.00000000000000000001", "1"), ("1", "1.0000000000000000001", "3"),
        ("300", "300.0000000000000000029", "300"), ("300", "300.000000000000000004", "3"),
        ("1e-40", "1e-65", "0"), ("1e-40", "2e-65", "3"), ("1e9", "2e-16", "3"), ("1", "1e-25", "0"),
        (mp.mpc(1, "1e-30"), "1", "3"), ("1", mp.inf, "3"),
    ],
)  # fmt: skip
def test_a_value_is_settled_at_twenty_digits_or_where_twenty_five_vanish(at_50: Any, at_100: Any, settled: str) -> None:
    values = {50: at_50, 100: at_100, 200: 3, 400: 3}
    evaluated = evaluate(sides(PROP_4, lhs=lambda _: mp.mpmathify(values[mp.dps])), witness("r1"))
    assert evaluated.lhs == float(settled)


@pytest.mark.parametrize("lhs", [*(lambda _, x=x: x for x in (mp.mpc(1, 1), mp.inf, mp.nan)), lambda i: i.sigma / 0])
def test_a_value_that_is_no_number_is_undefined(lhs: Any) -> None:
    with pytest.raises(
        UndefinedError,
        match=r"(an argument of a function is outside its domain|a divisor is zero, .*the norm of an adapted vector\.)",
    ):
        evaluate(sides(PROP_4, lhs=lhs), witness("r1"))
    with pytest.raises(InvalidValueError, match="The claim any-phi cannot be evaluated on an instance; run"):
        evaluate(CLAIMS["any-phi"], {})


@pytest.mark.parametrize(
    ("missed", "lhs", "rhs", "residual"),
    [
        ("1e-10", "2e-10", 0, None), ("1e-10", "2.01e-10", 0, 1e-10), ("1.2345e-10", "1.0000012345e-4", "1e-4", None),
        ("1e-25", 1, 0, 0), ("2e-25", 1, 0, 2e-25), (1e-9, 1, 0, 1e-9),
    ],
)  # fmt: skip
def test_cosines_that_differ_may_explain_twice_as_much(missed: Any, lhs: Any, rhs: Any, residual: Any) -> None:
    cosines = Mock(enters=True, mends=False, exact=False, residual=lambda _: mp.mpf(missed))
    claim = sides(PROP_4, lhs=lambda _: mp.mpf(lhs), rhs=lambda _: mp.mpf(rhs), hypotheses={"h": cosines})
    if residual is not None:
        assert evaluate(claim, witness("r1")).hypotheses == {"h": residual}
        return
    with pytest.raises(UndecidedError, match=r"by (2|1\.23)e-10, which a hypothesis's residual of 1.* could explain"):
        evaluate(claim, witness("r1"))


def test_a_quotient_of_two_zeros_is_zero() -> None:
    for a, b, ratio in ((0.0, 0.0, 0), (1.0, 0.0, math.inf), (1.0, 2.0, 0.5), (2.0, 1.0, 2)):
        assert Evaluation(claim="c", lhs=a, rhs=b, first_order=None, hypotheses={}).decisive_ratio == ratio


def test_values_that_cancellation_eats_are_given_up_at_400_digits() -> None:
    seen = list[int]()

    def lost(i: Any) -> Any:
        seen.append(mp.dps)
        return mp.mpf(len(seen))

    with pytest.raises(
        InvalidValueError, match="Cancellation makes a side of the statement inaccurate even at 400 digits"
    ):
        evaluate(sides(PROP_4, lhs=lost), witness("r1"))
    assert seen == [50, 100, 200, 400]


def batch(n: int = 3) -> Any:
    return PROP_4.inequality.setting.parametrise(PROP_4.inequality.setting.start(n, seeded(Run(), "test")))


def test_a_search_leaves_out_what_misses_a_hypothesis_and_keeps_the_worst_of_the_rest() -> None:
    i = batch(4)
    residual = torch.tensor([0.0, 1e-13, 2e-13, 0.0])
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


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_of_all_stacks_contradicts_from_the_bound_of_laurent_and_massart_on(sign: int) -> None:
    """The tolerance is √(2tv) + 2t: t = ln(2/10⁻⁹) on both sides of the closed form, and t = ln 10⁹ above the bound."""
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


def test_stacks_are_counted_together_unless_their_models_are_one_function() -> None:
    found = together(
        Estimate(mean=torch.ones(4), weights=torch.tensor([[2.0, 1], [1, 1], [1, 1], [0, 0]]), samples=3),
        *(torch.tensor(x) for x in ([2.0, 0, 1, 1], [4.0, 1, 0, 1], [0.0, 0, 0, 0])),
    )
    sums = {"excess": 3 * (1 / 2 - 1), "excess_of_bound": 3 * (1 / 4 - 1), "variance": 2 * 3 * (4 + 1) / 9}
    assert found == {"samples": 12, "judged": 3} | {name: round(x * 2**20) for name, x in sums.items()}


@pytest.mark.parametrize(("mean", "refutes"), [(5.0, 0), (5.001, 2)])
def test_a_single_stack_is_within_its_margin_up_to_the_end(mean: float, refutes: int, monkeypatch: Any) -> None:
    made = Estimate(mean=torch.full((2,), mean), weights=torch.ones(2, 1), samples=1)
    monkeypatch.setattr(monte_carlo, "estimate", lambda *_: made)
    monkeypatch.setattr(monte_carlo, "rounding", lambda _: torch.zeros(2))
    monkeypatch.setattr(Estimate, "margin", lambda *_: 2.0)
    claim = sides(CLAIMS["lemma-3"], lhs=lambda _: torch.full((2,), 3.0), rhs=lambda _: torch.full((2,), 3.0))
    assert len(StackMonteCarlo(None)(claim, Run(stacks=2), 0).refutes) == refutes


def test_what_is_exactly_as_large_as_a_limit_is_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "_limit", lambda *_: 1.0)
    for more in (0, 1):
        assert len(contradictions({"excess": 2**20 + more, "excess_of_bound": 2**20 + more})) == 2 * more


def test_a_single_stack_is_judged_by_the_bound_of_laurent_and_massart() -> None:
    finding = Estimate(mean=torch.tensor([5.0]), weights=torch.tensor([[3.0, 1.0]]), samples=10)
    t = math.log(2 / 1e-6) / 10
    assert finding.variance.item() == 20
    assert finding.margin(1e-6).item() == pytest.approx(math.sqrt(2 * t * 20) + 2 * t * 3)


@pytest.mark.parametrize(
    ("draws", "bias", "finest", "refutes", "lacks"),
    [
        ([5, 7], 0.0, 1.0, [], []), ([5.123, 7.123], 0.2, 1.0, [], []), ([-0.1, 0.1], 0.0, 1.0, [], []),
        ([5.123, 7.123], 0.0, 0.999, ["statistic 0 has mean 6.1"], ["standard error 1"]),
        ([-8.638, -6.17], 0.0, 1.0, ["statistic 0 has mean -7.4"], ["standard error 1.2"]),
        ([math.nan, 0], 0.0, 1.0, ["statistic 0 has mean nan"], ["standard error nan"]),
    ],
)  # fmt: skip
def test_a_mean_refutes_beyond_six_errors(draws: Any, bias: float, finest: float, refutes: Any, lacks: Any) -> None:
    asked = Mock(return_value=torch.tensor(draws, dtype=torch.float64)[:, None])
    found = MeanZero(asked, 3, finest, bias)(PROP_4, Run(stacks=5), 0)
    assert asked.call_args.args[0] == 15
    assert (found.instances, found.refutes, found.lacks) == (2, {*refutes}, {*lacks})


EDGE = Finding(kind=Evidence.RANDOM, instances=5, worst_ratio=2.0)


def test_a_violation_whose_hypothesis_holds_up_to_rounding_only_is_counted_as_undecided() -> None:
    worst = {"u": [1.0, 0.0], "v": [1.0, 0.0], "du": [-1.0000000005, 0.0], "dv": [0.0, 0.0]}
    found = confirmed(CLAIMS["lemma-1-angle"], replace(EDGE, worst=worst))
    assert (found.worst_ratio, found.worst, found.counts, found.refutes) == (-math.inf, None, {"undecided": 1}, set())


@pytest.mark.parametrize(("ratio", "after"), [(2, 1), (1 + 5e-9, 1), (1 - 1e-8, 1), (1 - 1.1e-8, 1 - 1.1e-8)])
def test_a_violation_that_is_rounding_is_taken_back(ratio: float, after: float) -> None:
    found = replace(EDGE, worst_ratio=ratio, worst=witness("r1"))
    assert confirmed(CLAIMS["prop-4"], found).worst_ratio == after


def test_what_agrees_is_off_by_as_much_as_the_last_digits_of_a_double() -> None:
    assert [agree(3 + sign * 2.0**-40 * (1 + more), 3) for sign in (1, -1) for more in (0, 0.25)] == [True, False] * 2


def test_random_instances_are_as_many_as_the_run_says_and_others_for_another_seed() -> None:
    found = [RandomInstances()(CLAIMS["prop-4"], Run(instances=7, seed=seed), 0) for seed in (0, 0, 1)]
    assert {f.instances for f in found} == {7}
    assert found[0] == found[1]
    assert found[0].worst_ratio != found[2].worst_ratio


def test_an_ascent_keeps_the_best_of_the_climb() -> None:
    first, last = (GradientAscent()(CLAIMS["prop-4"], Run(starts=6, steps=n), 0) for n in (1, 30))
    assert first.worst_ratio + 0.01 < last.worst_ratio <= 1
    assert first.instances == last.instances == 6
