"""Every counterexample has exactly the values below."""

from fractions import Fraction

import pytest

from ioadapt_theory.claims import CLAIMS, Claim
from ioadapt_theory.claims.evidence.extremes import exact_instance
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.instances import witness

SLOPES = [  # witness, claim, s₀, slope/ε, right side/ε
    ("ce1", "prop-2-input", "0", "6", "4"),
    ("ce1b", "prop-2-input", "0", "20/3", "4"),
    ("ce1c", "prop-2-input", "0", "5", "4"),
    ("ce1d", "prop-2-input", "0", "36/7", "4"),
    ("ce1e", "prop-2-input", "0", "200", "4"),
    ("ce1f", "prop-2-input", "4/5", "3609/250", "36/5"),
    ("ce1g", "prop-2-input", "0", "6", "4"),
    ("ce2", "prop-2-output", "-3/5", "64/25", "8/5"),
    ("ce2b", "prop-2-output", "-12/13", "100/169", "4/13"),
    ("ce2c", "prop-2-output", "-99/101", "1600/10201", "8/101"),
    ("ce3", "prop-1", "-3/5", "16/5", "8/5"),
    ("ce3b", "prop-1", "-12/13", "20/13", "4/13"),
    ("ce3c", "prop-1", "-99/101", "80/101", "8/101"),
    ("ce3-double", "prop-1-sine", "-3/5", "12/5", "12/5"),
    ("ce4-lora", "prop-1-literal", "0", "40", "4"),
    ("ce4-input", "prop-2-input-literal", "0", "40", "4"),
    ("ce4-output", "prop-2-output-literal", "0", "40", "4"),
    ("ce5", "prop-1-main", "0", "4", "3001/1000"),
]
DISTANCES = {"ce1": "40/101", "ce2": "13/25", "ce2b": "3250/24961", "ce2c": "1625/46217", "ce3": "32/101",
             "ce3b": "200/1313", "ce3c": "800/10201", "ce4-lora": "40/101", "ce4-input": "40/101",
             "ce4-output": "40/101", "ce5": "400/10001"}  # fmt: skip
SIDES = [  # claim, witness, left side, right side
    ("lemma-1-sharp", "lemma-1-sharp", "18/25", "18/25"),
    ("prop-2-output-finite", "ce2", "13/25", "13/25"),
    ("lemma-3", "g1", "0", "0"),
    ("lemma-3", "r1", "1", "1"),
    ("lemma-3", "r2", "1/4", "1/4"),
    ("lemma-3", "r3", "81/200", "81/200"),
    ("prop-1-frobenius", "prop-1-frobenius", "246424/5151505", "4/505"),
    ("prop-3", "g1", "29/16", "41/8"),
    ("prop-3", "g2", "10", "11"),
    ("prop-3", "r1", "1", "1"),
    ("prop-3", "r2", "0", None),
    ("prop-3", "r3", "53/200", "169/200"),
    ("prop-3", "p3-attained", "4", "4"),
    ("prop-4", "g1", "0", "0"),
    ("prop-4", "r1", "100", "100"),
    ("prop-4", "r2", "9/16", "9/16"),
    ("prop-4", "r3", "81/40", "729/200"),
    ("prop-5", "r1", "100", "100"),
    ("prop-5", "r2", "9/16", "9/16"),
    ("prop-5", "r3", "81/40", "729/200"),
    ("transfer-input", "r1", "100", "1"),
    ("transfer-output", "r2", "9/16", "0"),
    ("prop-4-interior", "g1", "45/2", "0"),
    ("prop-4-anisotropic", "anisotropic", "26", None),
    ("bounds-rank", "scaled", "1/25", "1/250"),
    ("stronger-requirement", "stronger", "0", "-21/221"),
    ("nonlinear-input-lipschitz", "nonlinear-lipschitz", "4", "4"),
    ("prop-1-segment", "through-zero", "1", "0"),
    ("remark-a1-displayed", "displayed", "1", "1/2"),
    ("prop-2-input-frobenius", "ce1", "40/99", "80/297"),
    ("prop-2-input-frobenius", "ce1c", "1/4", "1/5"),
    ("prop-2-input-frobenius", "ce1e", "1/50", "1/2500"),
    ("prop-2-input-frobenius", "ce1g", "3/50", "1/25"),
    ("prop-2-output-frobenius", "prop-2-output-frobenius", "7/169", "2/65"),
    ("prop-4-every-layer", "g1", "405/8", "0"),
    ("independent-input", "ce1", "40/101", "23760/88609"),
    ("independent-input", "ce1e", "2*sqrt(10001)/10001", "40000/100000001"),
    ("absorption-convolution", "width-3", "1", "0"),
    ("overhead-merging", "one-token", "8", "4"),
    ("overhead-training", "one-token", "10", "6"),
    ("transfer-input", "r2", "9/16", "0"),
    ("transfer-input", "r3", "81/40", "53/200"),
    ("transfer-output", "r1", "100", "1"),
    ("transfer-output", "r3", "81/40", "53/200"),
    ("nonlinear-input", "relu", "4", "0"),
    ("attention-heads-others", "attention-heads", "3", "0"),
    ("attention-residual-others", "attention-residual", "2*sqrt(15)", "0"),
    ("effect-own-layer", "effect-own-layer", "4", "1"),
    ("effect-discrepancy", "effect-discrepancy", "1", "3/4"),
]
LEFT_OVER = {"eq-5-scope": ("5/3", "2"), "narrower-class-lora": ("1",), "any-phi": ("32/25",)}
"""Claims about matrices: the squared size of what their witnesses leave, in the order of the witnesses."""


def exact(claim: Claim, name: str) -> Values:
    return Values(exact_instance(claim, witness(name)))


@pytest.mark.parametrize(("name", "claim", "s0", "slope", "bound"), SLOPES)
def test_the_counterexample_has_these_exact_values(name: str, claim: str, s0: str, slope: str, bound: str) -> None:
    from ioadapt_theory.claims.settings.letters import EPSILON, SOURCE, TARGET

    sp, c = sympy(), CLAIMS[claim]
    values = exact(c, name)
    cosines = [values(x) for x in (SOURCE.s0, TARGET.s0)]
    assert [str(sp.simplify(x)) for x in cosines] == [s0, s0]
    sides = [sp.simplify(values(x) / values(EPSILON)) for x in (c.goals[0].left, c.goals[0].right)]
    assert list(map(str, sides)) == [slope, bound]
    assert (Fraction(slope) > Fraction(bound)) == (name in c.witnesses)
    if name in DISTANCES:
        distance = sp.simplify(values(c.concludes[0].left))
        assert str(distance) == DISTANCES[name]
        assert distance > values(c.concludes[0].right) or name in {"ce2b", "ce2c", "ce3b", "ce3c"}


@pytest.mark.parametrize(("claim", "name", "left", "right"), SIDES)
def test_both_sides_are_these_rationals(claim: str, name: str, left: str, right: str | None) -> None:
    goal, values = CLAIMS[claim].goals[0], exact(CLAIMS[claim], name)
    for proof in CLAIMS[claim].proofs:
        if getattr(proof, "witness", "") == name:
            assert any(f" = {left}, " in line for line in proof.printed(CLAIMS[claim]))
    assert str(sympy().simplify(values(goal.left))) == left
    assert right is None or str(sympy().simplify(values(goal.right))) == right


@pytest.mark.parametrize("claim", LEFT_OVER)
def test_what_a_witness_leaves_has_this_size(claim: str) -> None:
    for name, size in zip(CLAIMS[claim].witnesses, LEFT_OVER[claim], strict=True):
        goal, values = CLAIMS[claim].goals[0], exact(CLAIMS[claim], name)
        assert str(((values(goal.left) - values(goal.right)) ** 2).sum()) == size


def test_every_witness_has_its_values_here() -> None:
    """Those of low rank have the values of full rank; prop-2-input-abs has the witnesses of prop-2-input."""
    known = {(claim, name) for name, claim, *_ in SLOPES} | {(claim, name) for claim, name, *_ in SIDES}
    known |= {(claim, name) for claim in LEFT_OVER for name in CLAIMS[claim].witnesses}
    refuted = {(c.id.replace("input-abs", "input"), name) for c in CLAIMS.values() for name in c.witnesses}
    assert {(claim, name) for claim, name in refuted - known if not name.endswith("-low-rank")} == set()
