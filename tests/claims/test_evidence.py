"""Findings merge associatively and commutatively; violations refute, sampling never proves, NaN never survives."""

import itertools
import math
from dataclasses import replace

import pytest

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.argument import Remarked
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verdict, Verification, merged
from ioadapt_theory.claims.evidence.searches import Replay
from ioadapt_theory.claims.evidence.steps import Check, Step
from ioadapt_theory.claims.verifying import work


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
    with pytest.raises(ArithmeticError, match="not a number"):
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
        ("prop-1-sine", {"attained": (), "witnesses": ("ce3",)}, "ce3 violates nothing: 1 of the bound"),
    ],
)
def test_an_instance_is_said_to_attain_or_to_violate_only_if_it_does(claim: str, said: dict, lack: str) -> None:
    assert Replay()(replace(CLAIMS[claim], **said), Run(), 0).lacks == {lack}


def test_an_argument_that_does_not_go_through_leaves_the_claim_undecided() -> None:
    fails = Remarked("none", "", lambda _: iter([Step("", Check(False))]))
    claim = replace(CLAIMS["prop-4"], strategies=(), proofs=(fails, *CLAIMS["prop-4"].proofs))
    assert merged("prop-4", (work(claim, Run(), k, 0) for k in range(2))).verdict is Verdict.UNDECIDED
