"""What rounding may cost, how far samples stray, what an ascent and a certificate reach, and what falls with what."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.argument import Contradiction, _holds, exact_instance, resting_on
from ioadapt_theory.claims.evidence.inequality import HypothesisError, UndecidedError
from ioadapt_theory.claims.evidence.monte_carlo import composite, estimate, sampled
from ioadapt_theory.claims.evidence.monte_carlo import rounding as rounding_of
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances
from ioadapt_theory.claims.expression.tree import Relation, spectral, term
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.settings import intervals
from ioadapt_theory.claims.settings.letters import AB, EPSILON
from ioadapt_theory.claims.settings.stacks import LinearStack


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


@pytest.mark.parametrize("name", ["by_mpmath", "by_flint"])
def test_each_of_two_libraries_has_to_certify_the_range(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    claim = CLAIMS["prop-2-input"]
    (proof,) = (p for p in claim.proofs if "interval" in p.name)
    monkeypatch.setattr(intervals, name, lambda upper: upper != Fraction(11, 100))
    assert len(list(proof.argument.broken(claim))) == 1


def test_an_instance_that_misses_a_hypothesis_contradicts_nothing() -> None:
    assert not list(Contradiction("ce2").broken(CLAIMS["prop-2-output"]))
    assert "ce2 misses" in next(Contradiction("ce2").broken(CLAIMS["prop-2-output-frobenius"]))
    assert "does not violate" in next(Contradiction("ce2").broken(CLAIMS["prop-2-output-sharp"]))


@pytest.mark.parametrize(
    ("smaller", "equal", "larger"),
    [
        (EPSILON, 20 * EPSILON / 20, 2 * EPSILON),
        (-spectral(AB), spectral(AB) * 1, EPSILON * 3),
        (spectral(AB), spectral(AB) * 1, 1),
    ],
)
@pytest.mark.parametrize(("sign", "holds"), [("<", (True, False, False)), ("<=", (True, True, False))])
def test_a_relation_of_exact_numbers_is_decided_on_both_sides_of_equality(
    smaller: Any, equal: Any, larger: Any, sign: Any, holds: tuple[bool, ...]
) -> None:
    """‖AB‖₂ = ε on ce2."""
    values = Values(exact_instance(CLAIMS["prop-2-output"], witness("ce2")))
    sides = ((smaller, larger), (equal, EPSILON), (larger, smaller))
    assert tuple(_holds(Relation(term(a), sign, term(b)), values) for a, b in sides) == holds
    assert [_holds(Relation(term(a), "=", term(b)), values) for a, b in sides] == [False, True, False]


def test_a_norm_is_compared_with_a_number_without_its_eigenvalues() -> None:
    values = Values(exact_instance(CLAIMS["prop-2-output"], witness("ce2")))
    for right, holds in (("1/5", True), ("1/6", False), ("1/4", True)):
        assert _holds(spectral(AB) <= Fraction(right), values) is holds
    assert _holds(AB.equals(AB), values)
    assert not _holds(AB.equals(2 * AB), values)


def test_what_rests_on_another_claim_falls_with_it() -> None:
    claim = CLAIMS["lemma-1"]
    assert not list(resting_on("prop-4", "prop-5").broken(claim))
    assert list(resting_on("prop-4", "prop-1").broken(claim)) == ["prop-1 is not proved"]
    assert not list(resting_on("prop-1", verdict=Verdict.REFUTED).broken(claim))
    assert list(resting_on("prop-4", verdict=Verdict.REFUTED).broken(claim))
