"""The shipped instances have the exact values that a person gets by hand."""

from fractions import Fraction as F

import pytest

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.instances import witness

VALUES = [
    # claim, instance, lhs, rhs, first order
    ("prop-1", "ce3", F(32, 101), F(4, 25), F(8, 25)),
    ("prop-1", "ce3c", F(800, 10201), F(4, 505), F(8, 101)),
    ("prop-1-main", "ce5", F(400, 10001), F(3001, 100000), F(4, 100)),
    ("prop-1-literal", "ce4-lora", F(40, 101), F(4, 100), F(4, 10)),
    ("prop-2-input", "ce1", F(40, 101), F(80, 297), F(40, 99)),
    ("prop-2-input", "ce1c", None, F(1, 5), F(1, 4)),
    ("prop-2-input-sharp", "ce1b", None, F(20, 300), F(20, 300)),
    ("prop-2-input", "ce1f", None, F(36, 5000), F(3609, 250_000)),
    ("prop-2-input", "ce1g", None, F(4, 100), F(6, 100)),
    ("prop-2-output", "ce2", F(13, 25), F(8, 25), F(64, 125)),
    ("prop-2-output-finite", "ce2", F(13, 25), F(13, 25), None),
    ("prop-3", "g1", F(29, 16), F(41, 8), None),
    ("prop-3", "g2", F(10), F(11), None),
    ("prop-3", "r1", F(1), F(1), None),
    ("prop-4", "r1", F(100), F(100), None),
    ("prop-5", "r1", F(100), F(100), None),
    ("prop-3", "r2", F(0), None, None),
    ("prop-4", "r2", F(9, 16), F(9, 16), None),
    ("prop-3", "r3", F(53, 200), F(845, 1000), None),
    ("prop-5", "r3", F(81, 40), F(729, 200), None),
    ("prop-4-interior", "g1", F(45, 2), F(0), None),
    ("prop-4-anisotropic", "anisotropic", F(26), None, None),
    ("lemma-1-sharp", "lemma-1-sharp", F(8, 10) * (F(1, 2) + F(2, 5)), F(8, 10) * (F(1, 2) + F(2, 5)), None),
    ("lemma-2-sharp", "lemma-2-sharp", F(8, 5), F(8, 5), None),
    ("lemma-2", "lemma-2-sharp", F(8, 5), F(96, 5), None),
]


@pytest.mark.parametrize(("claim", "name", "lhs", "rhs", "first_order"), VALUES)
def test_values(claim: str, name: str, lhs: F | None, rhs: F | None, first_order: F | None) -> None:
    found = evaluate(CLAIMS[claim], witness(name))
    for value, exact in ((found.lhs, lhs), (found.rhs, rhs), (found.first_order, first_order)):
        if exact is not None:
            assert value == pytest.approx(float(exact), rel=1e-13, abs=0)


@pytest.mark.parametrize("claim", [c for c in CLAIMS.values() if c.inequality is not None], ids=lambda c: c.id)
def test_every_witness_violates_its_claim_and_every_attaining_instance_attains_it(claim: object) -> None:
    for name in claim.witnesses:
        assert not evaluate(claim, witness(name)).holds
    for name in claim.attained:
        found = evaluate(claim, witness(name))
        assert found.holds
        assert found.decisive_ratio == pytest.approx(1, rel=1e-14)
