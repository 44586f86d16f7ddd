"""Findings merge in any order, searches evaluate at 50 digits, and each threshold is tested on both sides."""

import itertools
import math
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.claim import HypothesisError, UndecidedError
from ioadapt_theory.claims.evaluation import Evaluation, UndefinedError, evaluate
from ioadapt_theory.claims.evidence.searches import agree, best, confirmed, ratios, seeded
from ioadapt_theory.claims.findings import Evidence, Finding, Verification, merged
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.language import *
from ioadapt_theory.errors import InvalidValueError


def verification(kind, **facts):
    return Verification(claim="c", findings={kind: Finding(kind=kind, **facts)})


PARTS = (
    verification(Evidence.RANDOM, instances=3, worst_ratio=0.5, worst={"x": 1}, counts={"undecided": 2}),
    verification(Evidence.RANDOM, instances=2, worst_ratio=0.5, worst={"x": 2}, counts={"undecided": 5, "more": 1}),
    verification(Evidence.EXACT, instances=1, proves=frozenset({"a"})),
    verification(Evidence.WITNESS, instances=1, worst_ratio=2.0, worst={"x": 3}, refutes=frozenset({"w"})),
)
LACK = verification(Evidence.WITNESS, instances=1, worst_ratio=0.9, lacks=frozenset({"r1 does not attain the bound"}))


def test_merging_does_not_depend_on_order_or_grouping():
    a, b, c, d = PARTS
    assert all(merged("c", order) == merged("c", PARTS) for order in itertools.permutations(PARTS))
    assert ((a | b) | (c | d)) == (a | ((b | c) | d)) == replace(merged("c", PARTS), seconds=9)
    both = (replace(a, seconds=1) | replace(b, seconds=2)).findings[Evidence.RANDOM]
    assert (both.instances, both.worst, both.counts) == (5, {"x": 2}, {"undecided": 7, "more": 1})
    assert (replace(a, seconds=1) | replace(b, seconds=2)).seconds == 3


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ((), Verdict.UNTESTED),
        (PARTS[:2], Verdict.SURVIVED),
        (PARTS[:3], Verdict.PROVED),
        (PARTS, Verdict.REFUTED),
        ((verification(Evidence.RANDOM, instances=1, worst_ratio=math.inf),), Verdict.REFUTED),
        ((*PARTS[:3], LACK), Verdict.UNDECIDED),
        ((*PARTS, LACK), Verdict.REFUTED),
    ],
)
def test_verdict(parts, verdict):
    assert merged("c", parts).verdict is verdict


def test_not_a_number_does_not_survive():
    with pytest.raises(ArithmeticError, match="lhs/rhs is NaN"):
        Finding(kind=Evidence.RANDOM, instances=1, worst_ratio=math.nan)


PROP_4 = CLAIMS["prop-4"]


def sides(**changes):
    return replace(PROP_4, inequality=replace(PROP_4.inequality, **changes))


def with_ratio(ratio):
    """Return a claim whose left side is ``ratio`` times its right side."""
    rhs = PROP_4.inequality.rhs
    return sides(lhs=lambda i: (mp.mpf(ratio) if not isinstance(i.w1, torch.Tensor) else ratio) * rhs(i))


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1 + 2e-8, Verdict.REFUTED), (1 + 1e-8, Verdict.SURVIVED), (1 + 5e-9, Verdict.SURVIVED)]
)
def test_a_ratio_refutes_from_a_hundred_millionth_above_one(ratio, verdict):
    finding = Finding(kind=Evidence.RANDOM, instances=1, worst_ratio=ratio)
    assert Verification(claim="c", findings={Evidence.RANDOM: finding}).verdict is verdict
    evaluated = Evaluation(claim="c", lhs=ratio * 3, rhs=3.0, first_order=None, hypotheses={})
    assert evaluated.holds == (verdict is Verdict.SURVIVED)
    finding = Replay()(replace(with_ratio(ratio), witnesses=("r1",), attained=()), Run())
    lacks = {f"r1 does not violate the bound: lhs/rhs is {ratio:.3g}"}
    assert (finding.refutes, finding.lacks) == (({"r1"}, set()) if verdict is Verdict.REFUTED else (set(), lacks))


@pytest.mark.parametrize(("ratio", "attains"), [(1 - 2e-12, False), (1 + 2e-12, False), (1 - 5e-13, True)])
def test_a_bound_is_attained_to_a_millionth_of_a_millionth(ratio, attains):
    finding = Replay()(replace(with_ratio(ratio), witnesses=(), attained=("r1",)), Run())
    assert not finding.refutes
    assert finding.lacks == (set() if attains else {f"r1 does not attain the bound: lhs/rhs - 1 is {ratio - 1:.2g}"})


def test_a_hypothesis_is_missed_from_a_billionth_on():
    raw = witness("r1")
    epsilon = PROP_4.setting.read(raw).epsilon
    weak = sides(rhs=lambda i: 2 * PROP_4.inequality.rhs(i))
    found = evaluate(weak, raw | {"epsilon": str(epsilon / mp.mpf(1 + 5e-10))})
    assert list(found.hypotheses.values()) == [pytest.approx(5e-10, rel=1e-5)]
    assert found.decisive_ratio == pytest.approx(0.5, rel=1e-12)  # with ε enlarged by the violation
    with pytest.raises(HypothesisError, match=r"the residual is 2e-09, above 1e-09"):
        evaluate(weak, raw | {"epsilon": str(epsilon / mp.mpf(1 + 2.004e-9))})


@pytest.mark.parametrize(
    ("at_50", "at_100", "settled"),
    [
        ("1", "1.00000000000000000001", "1"), ("1", "1.0000000000000000001", "3"),
        ("300", "300.0000000000000000029", "300"), ("300", "300.000000000000000004", "3"),
        ("1e-40", "1e-65", "0"), ("1e-40", "2e-65", "3"), ("1e9", "2e-16", "3"), ("1", "1e-25", "0"),
        (mp.mpc(1, "1e-30"), "1", "3"), ("1", mp.inf, "3"),
    ],
)  # fmt: skip
def test_a_value_is_settled_at_twenty_digits_or_where_twenty_five_vanish(at_50, at_100, settled):
    values = {50: at_50, 100: at_100, 200: 3, 400: 3}
    evaluated = evaluate(sides(lhs=lambda _: mp.mpmathify(values[mp.dps])), witness("r1"))
    assert evaluated.lhs == float(settled)


@pytest.mark.parametrize("lhs", [*(lambda _, x=x: x for x in (mp.mpc(1, 1), mp.inf, mp.nan)), lambda i: i.sigma / 0])
def test_a_value_that_is_no_number_is_undefined(lhs):
    says = r"an argument of a function is outside its domain|a divisor is zero, .*the norm of an adapted vector\."
    with pytest.raises(UndefinedError, match=says):
        evaluate(sides(lhs=lhs), witness("r1"))
    with pytest.raises(InvalidValueError, match="The claim tables-ranks cannot be evaluated on an instance; run"):
        evaluate(CLAIMS["tables-ranks"], {})


@pytest.mark.parametrize(
    ("missed", "lhs", "rhs", "residual"),
    [
        ("1e-10", "2e-10", 0, None), ("1e-10", "2.01e-10", 0, 1e-10), ("1.2345e-10", "1.0000012345e-4", "1e-4", None),
        ("1e-25", 1, 0, 0), ("2e-25", 1, 0, 2e-25), (1e-9, 1, 0, 1e-9),
    ],
)  # fmt: skip
def test_cosines_that_differ_may_explain_twice_as_much(missed, lhs, rhs, residual):
    cosines = Mock(enters=True, mends=False, exact=False, residual=lambda _: mp.mpf(missed))
    claim = sides(lhs=lambda _: mp.mpf(lhs), rhs=lambda _: mp.mpf(rhs), hypotheses={"h": cosines})
    if residual is not None:
        assert evaluate(claim, witness("r1")).hypotheses == {"h": residual}
        return
    with pytest.raises(UndecidedError, match=r"by (2|1\.23)e-10, which a hypothesis's residual of 1.* could explain"):
        evaluate(claim, witness("r1"))


def test_a_quotient_of_two_zeros_is_zero():
    for a, b, ratio in ((0.0, 0.0, 0), (1.0, 0.0, math.inf), (1.0, 2.0, 0.5), (2.0, 1.0, 2)):
        assert Evaluation(claim="c", lhs=a, rhs=b, first_order=None, hypotheses={}).decisive_ratio == ratio


def test_values_that_cancellation_eats_are_given_up_at_400_digits():
    seen = list[int]()

    def lost(i):
        seen.append(mp.dps)
        return mp.mpf(len(seen))

    with pytest.raises(InvalidValueError, match="makes a side of the statement inaccurate even at 400 digits"):
        evaluate(sides(lhs=lost), witness("r1"))
    assert seen == [50, 100, 200, 400]


def batch(n=3):
    return PROP_4.inequality.setting.draw(n, seeded(Run(), "test"))


def test_a_search_leaves_out_what_misses_a_hypothesis_and_keeps_the_worst_of_the_rest():
    i = batch(4)
    residual = torch.tensor([0.0, 1e-13, 2e-13, 0.0])
    hypothesis = Mock(residual=lambda _: residual)
    lhs, rhs = torch.tensor([0.0, 3.0, 9.0, 2.0]), torch.tensor([0.0, 2.0, 1.0, 4.0])
    claim = sides(lhs=lambda _: lhs, rhs=lambda _: rhs, hypotheses={"h": hypothesis})
    quotient = ratios(claim.inequality, i)
    assert quotient[:2].tolist() + quotient[3:].tolist() == [0, 1.5, 0.5]
    assert quotient[2].isnan()
    finding = best(claim, Evidence.RANDOM, i, quotient)
    assert (finding.kind, finding.instances, finding.worst_ratio) == (Evidence.RANDOM, 3, 1.5)
    assert finding.worst == PROP_4.inequality.setting.dump(i, 1)
    assert best(claim, Evidence.RANDOM, i, torch.full((4,), math.nan)) == Finding(kind=Evidence.RANDOM)


EDGE = Finding(kind=Evidence.RANDOM, instances=5, worst_ratio=2.0)


def test_a_violation_whose_hypothesis_holds_up_to_rounding_only_is_counted_as_undecided():
    worst = {"u": [1.0, 0.0], "v": [1.0, 0.0], "du": [-1.0000000005, 0.0], "dv": [0.0, 0.0]}
    found = confirmed(CLAIMS["lemma-1-angle"], replace(EDGE, worst=worst))
    assert (found.worst_ratio, found.worst, found.counts, found.refutes) == (-math.inf, None, {"undecided": 1}, set())


@pytest.mark.parametrize(("ratio", "after"), [(2, 1), (1 + 5e-9, 1), (1 - 1e-8, 1), (1 - 1.1e-8, 1 - 1.1e-8)])
def test_a_violation_that_is_rounding_is_taken_back(ratio, after):
    found = replace(EDGE, worst_ratio=ratio, worst=witness("r1"))
    assert confirmed(CLAIMS["prop-4"], found).worst_ratio == after


def test_what_agrees_is_off_by_as_much_as_the_last_digits_of_a_double():
    assert [agree(3 + sign * 2.0**-40 * (1 + more), 3) for sign in (1, -1) for more in (0, 0.25)] == [True, False] * 2


def test_random_instances_are_as_many_as_the_run_says_and_others_for_another_seed():
    found = [RandomInstances()(CLAIMS["prop-4"], Run(instances=7, seed=seed)) for seed in (0, 0, 1)]
    assert {f.instances for f in found} == {7}
    assert found[0] == found[1]
    assert found[0].worst_ratio != found[2].worst_ratio


def test_an_ascent_keeps_the_best_of_the_climb():
    first, last = (GradientAscent()(CLAIMS["prop-4"], Run(starts=6, steps=n)) for n in (1, 30))
    assert first.worst_ratio + 0.01 < last.worst_ratio <= 1
    assert first.instances == last.instances == 6
