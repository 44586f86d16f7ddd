"""Findings merge associatively and commutatively; violations refute, sampling never proves, NaN never survives."""

import itertools
import math

import pytest

from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verdict, Verification, merged


def verification(kind: Evidence, **facts: object) -> Verification:
    return Verification(claim="c", findings={kind: Finding(kind=kind, **facts)})


PARTS = (
    verification(Evidence.RANDOM, instances=3, worst_ratio=0.5, worst={"x": 1}, counts={"samples": 2}),
    verification(Evidence.RANDOM, instances=2, worst_ratio=0.5, worst={"x": 2}, counts={"samples": 5, "more": 1}),
    verification(Evidence.EXACT, instances=1, proves=frozenset({"a"})),
    verification(Evidence.WITNESS, instances=1, worst_ratio=2.0, worst={"x": 3}, refutes=frozenset({"w"})),
)


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)))
def test_merging_does_not_depend_on_the_order(order: tuple[Verification, ...]) -> None:
    assert merged("c", order) == merged("c", PARTS)


def test_merging_is_associative() -> None:
    a, b, c, d = PARTS
    assert ((a | b) | (c | d)) == (a | ((b | c) | d))


def test_counts_add_up() -> None:
    total = (PARTS[0] | PARTS[1]).findings[Evidence.RANDOM]
    assert (total.instances, dict(total.counts)) == (5, {"samples": 7, "more": 1})


def test_different_claims_do_not_merge() -> None:
    with pytest.raises(ValueError, match="'c' and 'd' do not merge"):
        PARTS[0] | Verification(claim="d")


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
    ],
)
def test_verdict(parts: tuple[Verification, ...], verdict: Verdict) -> None:
    assert merged("c", parts).verdict is verdict


def test_not_a_number_does_not_survive() -> None:
    with pytest.raises(ArithmeticError, match="not a number"):
        Finding(kind=Evidence.RANDOM, instances=1, worst_ratio=math.nan)


@pytest.mark.parametrize("part", [*PARTS, verification(Evidence.RANDOM, instances=1, worst_ratio=math.inf)])
def test_json_round_trip(part: Verification) -> None:
    assert Verification.from_json(part.to_json()) == part
