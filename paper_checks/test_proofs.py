"""Every exact argument about the paper's statements goes through, and every counterexample has the value we print."""

from fractions import Fraction

import pytest

from ioadapt_theory.claims import CLAIMS, Verdict
from ioadapt_theory.claims.claim import Proof
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.proofs import intervals, rational
from ioadapt_theory.claims.verifying import strategies

ARGUMENTS = [
    pytest.param(claim, proof, id=f"{claim.id}: {proof.name}")
    for claim in CLAIMS.values()
    for proof in strategies(claim)
    if isinstance(proof, Proof)
]

SLOPES = [  # witness, placement, printed bound, s₀, distance, slope/ε, printed slope/ε
    ("ce1", "input", "prop-2", "0", "40/101", "6", "4"),
    ("ce1b", "input", "prop-2", "0", None, "20/3", "4"),
    ("ce1c", "input", "prop-2", "0", None, "5", "4"),
    ("ce1d", "input", "prop-2", "0", None, "36/7", "4"),
    ("ce1e", "input", "prop-2", "0", None, "200", "4"),
    ("ce1f", "input", "prop-2", "4/5", None, "3609/250", "36/5"),
    ("ce1g", "input", "prop-2", "0", None, "6", "4"),
    ("ce2", "output", "prop-2", "-3/5", "13/25", "64/25", "8/5"),
    ("ce2b", "output", "prop-2", "-12/13", "3250/24961", "100/169", "4/13"),
    ("ce2c", "output", "prop-2", "-99/101", "1625/46217", "1600/10201", "8/101"),
    ("ce3", "lora", "prop-1", "-3/5", "32/101", "16/5", "8/5"),
    ("ce3b", "lora", "prop-1", "-12/13", "200/1313", "20/13", "4/13"),
    ("ce3c", "lora", "prop-1", "-99/101", "800/10201", "80/101", "8/101"),
    ("ce4-lora", "lora", "prop-1", "0", "40/101", "40", "4"),
    ("ce4-input", "input", "prop-2", "0", "40/101", "40", "4"),
    ("ce4-output", "output", "prop-2", "0", "40/101", "40", "4"),
    ("ce5", "lora", "prop-1-main", "0", "400/10001", "4", "3001/1000"),
]

DISCREPANCIES = {  # none, LoRA, input, output
    "g1": ("0", "29/16", "0", "0"),
    "g2": ("0", "10", "0", "0"),
    "r1": ("1", "1", "100", "100"),
    "r2": ("1/4", "0", "9/16", "9/16"),
    "r3": ("81/200", "53/200", "81/40", "81/40"),
    "p3-attained": ("1", "4", "4", "4"),
}


@pytest.mark.parametrize(("claim", "proof"), ARGUMENTS)
def test_the_argument_goes_through(claim, proof):
    assert proof.argument()
    assert proof.refutes == (claim.expected is Verdict.REFUTED)


def test_every_claim_that_stands_is_proved_by_an_argument_of_its_own():
    proved = {claim.id for claim in CLAIMS.values() if claim.expected is Verdict.PROVED}
    assert proved == {p.values[0].id for p in ARGUMENTS if not p.values[1].refutes}
    assert len(proved) > 30


@pytest.mark.parametrize(("name", "placement", "bound", "s0", "distance", "slope", "printed"), SLOPES)
def test_the_counterexample_has_these_exact_values(name, placement, bound, s0, distance, slope, printed):
    found = rational.similarity_distance(witness(name), placement)
    assert str(found.source.before) == str(found.target.before) == s0
    assert str(found.first_order / found.epsilon) == slope
    assert str(found.printed[bound] / found.epsilon) == printed
    assert distance is None or str(found.distance) == distance
    assert Fraction(slope) > Fraction(printed)


@pytest.mark.parametrize(
    "name", ["ce1", "ce1b", "ce1c", "ce1d", "ce1e", "ce1f", "ce1g", "ce2", "ce3", "ce4-lora", "ce5"]
)
def test_the_counterexample_violates_at_its_own_epsilon_too(name):
    _, placement, bound, *_ = next(row for row in SLOPES if row[0] == name)
    found = rational.similarity_distance(witness(name), placement)
    assert found.distance > found.printed[bound]


@pytest.mark.parametrize(("name", "values"), DISCREPANCIES.items())
def test_the_discrepancies_are_these_rationals(name, values):
    found = rational.discrepancies(witness(name))
    assert tuple(str(found[p]) for p in ("none", "lora", "input", "output")) == values


def test_the_certificate_of_ce1c_fails_where_the_violation_ends():
    assert intervals.by_mpmath(Fraction(11, 100))
    assert not intervals.by_mpmath(Fraction(12, 100))
    assert not intervals.by_flint(Fraction(12, 100))
