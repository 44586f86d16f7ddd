"""What a step is made of: every check agrees with what is so, disagrees with what is not, and is none of nothing."""

from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.claim import Proof, Run, Said, Word
from ioadapt_theory.claims.evidence.argument import (
    Chained,
    Check,
    Computed,
    Step,
    agree,
    both,
    found,
    nonnegative,
    simplifies,
    true,
    vanishes,
    words,
    zero,
)
from ioadapt_theory.claims.evidence.findings import Evidence, Finding

X, Y = sp.symbols("x y", real=True)
P, Q = sp.symbols("p q", positive=True)
A, B = sp.symbols("A B", commutative=False)
CIRCLE = X**2 + Y**2 - 1
PROP_4 = CLAIMS["prop-4"]


@pytest.mark.parametrize(
    ("so", "not_so", "empty"),
    [
        (vanishes((X + Y) ** 2 - X**2 - 2 * X * Y - Y**2), vanishes((X + Y) ** 2 - X**2 - Y**2), vanishes(0)),
        (vanishes(X**4 - (1 - Y**2) ** 2, CIRCLE), vanishes(X**4 - (1 - Y**2), CIRCLE), vanishes(0, CIRCLE)),
        (agree((X + 1) * (X - 1), X**2 - 1), agree((X + 1) * (X - 1), X**2 + 1), agree(1, 1)),
        (agree(X**2, 1 - Y**2, CIRCLE), agree(X**2, 1 + Y**2, CIRCLE), agree(2, 2, CIRCLE)),
        (zero(sp.Matrix([[X - X, CIRCLE]]), CIRCLE), zero(sp.Matrix([[0, X]]), CIRCLE), zero([0, 0])),
        (zero(sp.Matrix([[0 * X, 0 * X]])), zero(sp.Matrix([[X, 0]])), zero([])),
        (simplifies(sp.sqrt(P**2) - P), simplifies(sp.sqrt(P**2) + P), simplifies(0)),
        (nonnegative(P * Q + X**2), nonnegative(P - Q), nonnegative(sp.Integer(3))),
        (nonnegative(X**2 * P), nonnegative(X), nonnegative(sp.Integer(0))),
        (words((A + B) * A, A * A + B * A), words(A * B, B * A), words(1, 1)),
        (words(A * B * X, X, ones=(A * B,)), words(A * B * X, X), words(2, 2, ones=(A * B,))),
        (found(sp.Rational(1, 3), sp.Rational(1, 3)), found(sp.Rational(1, 3), sp.Rational(1, 4)), found(True, True)),
        (true(sp.sqrt(2) < 2), true(sp.sqrt(2) > 2), both(true(X < X + 1), vanishes(0))),
        (both(found(2, 2), found(3, 3)), both(found(2, 2), found(3, 4)), both()),
        (both(found(2, 2)), both(found(2, 3), found(3, 3)), both(found(2, 2), vanishes(0))),
    ],
)
def test_a_check_holds_of_what_is_so_and_of_nothing_else(so: Check, not_so: Check, empty: Check) -> None:
    assert (bool(so), bool(not_so), bool(empty)) == (True, False, False)
    assert (Step("", so).holds, Step("", not_so).holds, Step("", empty).holds) == (True, False, False)


def test_a_bare_truth_is_no_check() -> None:
    step: Any = Step("", Check(holds=True))
    assert step.holds
    assert not replace(step, check=Check(holds=True, empty=True)).holds


def steps(*made: Step) -> Computed:
    return Computed("", lambda _: iter(made))


GOOD, BAD, REACHES = (
    Step(name, Check(name != "bad"), reaches=name == "reaches") for name in ("good", "bad", "reaches")
)


@pytest.mark.parametrize(
    ("argument", "broken"),
    [
        (steps(GOOD, REACHES), []),
        (steps(BAD, REACHES, BAD), ["bad", "bad"]),
        (steps(GOOD), ["nothing is compared with the claim's formula"]),
        (replace(steps(GOOD), prose=True), []),
        (replace(steps(), prose=True), ["there are no steps"]),
        (Chained(()), ["0 chains for 1 conclusions"]),
    ],
)
def test_an_argument_says_what_is_broken_about_it(argument: Any, broken: list[str]) -> None:
    assert list(argument.broken(PROP_4)) == broken


def test_steps_that_compare_sides_prove_no_strict_inequality() -> None:
    (goal,) = PROP_4.concludes
    strict = replace(PROP_4, concludes=(goal, goal.left < goal.right))
    assert list(steps(GOOD, REACHES).broken(strict)) == ["steps compare sides, and the goal is strict"]


@pytest.mark.parametrize(
    ("proof", "finding"),
    [
        (Proof("p", steps(REACHES)), {"proves": frozenset("p")}),
        (Proof("p", steps(REACHES), refutes=True), {"refutes": frozenset("p")}),
        (Proof("p", steps(REACHES), aside=True), {}),
        (Proof("p", steps(BAD, REACHES)), {"lacks": frozenset("p")}),
        (Proof("p", steps(BAD, REACHES), refutes=True), {"lacks": frozenset("p")}),
        (Proof("p", steps(GOOD)), {"lacks": frozenset("p")}),
    ],
)
def test_a_proof_shows_what_it_is_said_to_show_or_is_a_lack(proof: Proof, finding: dict) -> None:
    assert proof(PROP_4, Run(), 0) == Finding(kind=Evidence.EXACT, instances=1, **finding)
    assert (proof.parts(Run(stacks=9)), proof.pinned(Run(seed=9), 0)) == (1, Run())


def test_every_word_needs_something_that_shows_it() -> None:
    def lacks(**changes: Any) -> set[str]:
        return set(
            Said()(replace(PROP_4, **{"words": tuple(Word), "attained": (), "proofs": (), **changes}), Run(), 0).lacks
        )

    every = {f'nothing shows "{word}"' for word in ("attained", "sharp", "for every κ and κ'", "only if")}
    assert lacks() == every
    assert lacks(attained=("r1",)) == every - {'nothing shows "attained"'}
    assert lacks(proofs=(Proof("p", steps(), shows=frozenset([Word.SHARP])),)) == every - {'nothing shows "sharp"'}
    assert lacks(words=()) == set()
