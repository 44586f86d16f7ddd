"""Findings merge in any order, searches evaluate with 50 digits, and every threshold is tested on both sides."""

import itertools
import math
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.evaluation import Evaluation, evaluate
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification, contradictions, merged
from ioadapt_theory.claims.evidence.inequality import HypothesisError
from ioadapt_theory.claims.evidence.monte_carlo import Estimate
from ioadapt_theory.claims.evidence.prose import Remarked
from ioadapt_theory.claims.evidence.searches import (
    GradientAscent,
    RandomInstances,
    Replay,
    best,
    confirmed,
    ratios,
    seeded,
)
from ioadapt_theory.claims.evidence.steps import Check, Step
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.verifying import work
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
    assert ((a | b) | (c | d)) == (a | ((b | c) | d))


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


@pytest.mark.parametrize(
    ("claim", "said", "lack"),
    [
        ("prop-1", {"attained": ("ce3",), "witnesses": ()}, "ce3 does not attain the bound: 2 of it"),
        ("prop-1-sine", {"attained": (), "witnesses": ("ce3",)}, "ce3 does not violate the bound: 1 of it"),
    ],
)
def test_an_instance_is_said_to_attain_or_to_violate_only_if_it_does(claim: str, said: dict, lack: str) -> None:
    assert Replay()(replace(CLAIMS[claim], **said), Run(), 0).lacks == {lack}


def test_an_argument_that_does_not_go_through_leaves_the_claim_undecided() -> None:
    fails = Remarked(lambda _: iter([Step("", Check(False))]))
    claim = replace(CLAIMS["prop-4"], strategies=(), proofs=(fails, *CLAIMS["prop-4"].proofs))
    assert merged("prop-4", (work(claim, Run(), k, 0) for k in range(2))).verdict is Verdict.UNDECIDED


PROP_4 = CLAIMS["prop-4"]


def sides(claim: Any, **changes: Any) -> Any:
    return replace(claim, inequality=replace(claim.inequality, **changes))


def with_ratio(ratio: float) -> Any:
    """Return a claim whose left side is ``ratio`` times its right side."""
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
        with pytest.raises(HypothesisError, match=r"the residual is 2e-09, above 1e-09"):
            evaluate(weak, raw)


def test_values_that_cancellation_eats_are_given_up_at_400_digits() -> None:
    seen = list[int]()

    def lost(i: Any) -> Any:
        seen.append(mp.dps)
        return mp.mpf(len(seen))

    with pytest.raises(InvalidValueError, match="Cancellation leaves both sides inaccurate at 400 digits"):
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


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_of_all_stacks_contradicts_from_the_bound_of_laurent_and_massart_on(sign: int) -> None:
    """The tolerance √(2tv) + 2t has t = ln(2/10⁻⁹) on both sides of the closed form, and t = ln 10⁹ above the bound."""
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


EDGE = Finding(kind=Evidence.RANDOM, instances=5, worst_ratio=2.0)


def test_a_violation_whose_hypothesis_holds_up_to_rounding_only_is_counted_as_undecided() -> None:
    worst = {"u": [1.0, 0.0], "v": [1.0, 0.0], "du": [-1.0000000005, 0.0], "dv": [0.0, 0.0]}
    found = confirmed(CLAIMS["lemma-1-angle"], replace(EDGE, worst=worst))
    assert (found.worst_ratio, found.worst, found.counts, found.refutes) == (-math.inf, None, {"undecided": 1}, set())


def test_a_violation_that_is_rounding_is_taken_back() -> None:
    assert confirmed(CLAIMS["prop-4"], replace(EDGE, worst=witness("r1"))).worst_ratio == 1


def test_random_instances_are_as_many_as_the_run_says_and_others_for_another_seed() -> None:
    found = [RandomInstances()(CLAIMS["prop-4"], Run(instances=7, seed=seed), 0) for seed in (0, 0, 1)]
    assert {f.instances for f in found} == {7}
    assert found[0] == found[1]
    assert found[0].worst_ratio != found[2].worst_ratio


def test_an_ascent_keeps_the_best_of_the_climb() -> None:
    found = [GradientAscent()(CLAIMS["prop-4"], Run(starts=6, steps=n), 0).worst_ratio for n in (1, 30)]
    assert found[0] + 0.01 < found[1] <= 1
