"""Exact arguments: chains of rules that end where the statement does, computed steps, counterexamples in exact numbers.

An argument says what is broken about it as a proof of a claim. A computed one compares what it derived with the formula
of the claim, read in its own symbols, so that neither can be changed alone; a step that says nothing is broken.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ioadapt_theory.claims.claim import Claim, Proof
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression import algebra, deduction
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import Deduction
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Relation, Term
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.instances import witness


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of an exact computation; a bare True is none. ``empty``: there was nothing to compute."""

    holds: bool
    empty: bool = False

    def __bool__(self) -> bool:
        return self.holds and not self.empty


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it says, and the exact computation that agrees. ``reaches``: it looks at the claim's formula."""

    says: str
    check: Check
    reaches: bool = False

    @property
    def holds(self) -> bool:
        """Whether something was computed, and agrees."""
        return isinstance(self.check, Check) and bool(self.check)


def vanishes(expression: Any, *relations: Any) -> Check:
    """An expression rational in its symbols is identically zero, modulo polynomials that vanish."""
    return Check(algebra.vanishes(expression, *relations), empty=isinstance(expression, int))


def agree(left: Any, right: Any, *relations: Any) -> Check:
    """Two expressions are identical."""
    return Check(algebra.vanishes(left - right, *relations), empty=isinstance(left, int))


def zero(matrix: Any, *relations: Any) -> Check:
    """Every entry of a matrix is identically zero."""
    entries = list(matrix)
    return Check(
        all(algebra.vanishes(entry, *relations) for entry in entries),
        empty=all(isinstance(entry, int) for entry in entries),
    )


def simplifies(expression: Any) -> Check:
    """An expression with roots, logarithms and the like is identically zero."""
    return Check(sympy().simplify(expression) == 0, empty=isinstance(expression, int))


def nonnegative(expression: Any) -> Check:
    """The form itself shows that it is >= 0: sums of products of squares and of non-negative symbols."""
    return Check(expression.is_nonnegative is True, empty=not getattr(expression, "free_symbols", None))


def words(left: Any, right: Any, *, ones: tuple[Any, ...] = ()) -> Check:
    """Two polynomials in non-commuting symbols agree after the products ``ones`` are replaced by 1."""
    sp = sympy()
    difference = sp.expand(left - right)
    for product in ones:
        difference = sp.expand(difference.subs(product, 1))
    return Check(bool(difference == 0), empty=isinstance(left, int))


def found(value: Any, expected: Any) -> Check:
    """A computed value is the one that is stated, a literal."""
    return Check(bool(value == expected), empty=isinstance(value, bool))


def true(condition: Any) -> Check:
    """A decided comparison of computed numbers."""
    return Check(bool(condition))


def both(*checks: Check) -> Check:
    """All of these."""
    return Check(all(c.holds for c in checks), empty=not checks or any(c.empty for c in checks))


Chain = Callable[[Claim], Iterator[Step]]


@dataclass(frozen=True, slots=True)
class Computed:
    """Steps that are computed, the last of which compares with the claim's formula.

    Attributes:
        statement: what is shown, one line.
        chain: yields the steps for a claim.
        prose: the claim has no formula to compare with.
    """

    statement: str
    chain: Chain
    prose: bool = False

    def steps(self, claim: Claim) -> tuple[Step, ...]:
        """Run the steps in order."""
        return tuple(self.chain(claim))

    def broken(self, claim: Claim) -> Iterator[str]:
        """What fails."""
        steps = self.steps(claim)
        if not steps:
            yield "there are no steps"
        yield from (step.says for step in steps if not step.holds)
        if any(goal.sign == "<" for goal in claim.goals):
            yield "steps compare sides, and the goal is strict"
        if not self.prose and not any(step.reaches for step in steps):
            yield "nothing is compared with the claim's formula"

    def printed(self, claim: Claim) -> Iterator[str]:
        """What is shown, and the sentences of the steps."""
        yield f"To show: {self.statement}"
        yield from (step.says for step in self.steps(claim))


def computed(statement: str, *, prose: bool = False) -> Callable[[Chain], Computed]:
    """Turn a generator of steps into an argument."""
    return lambda chain: Computed(statement, chain, prose)


def general(x: Term) -> Term:
    """The formula with every sum replaced by what is summed, for the source."""
    if x.op == "sum":
        return general(x.args[0])
    return Term(x.op, tuple(map(general, x.args)), x.name)


def reached(
    claim: Claim, derived: Any, known: Mapping[Term, Any], *, part: Term | None = None, modulo: Any = ()
) -> Step:
    """The step that compares what was derived with the right side of the claim (or with a part of it), in symbols."""
    right = claim.goals[0].right if part is None else part
    return Step(
        f"this is {text(right)}",
        Check(algebra.vanishes(derived - symbolic(right, dict(known)), *modulo)),
        reaches=True,
    )


@dataclass(frozen=True, slots=True)
class Chained:
    """Deductions of all that the claim concludes, in its order, from its hypotheses."""

    deductions: tuple[Deduction, ...]
    uses: tuple[Computed, ...] = field(default=())

    def broken(self, claim: Claim) -> Iterator[str]:
        """What fails."""
        given = [g.relation for g in claim.given]
        if len(self.deductions) != len(claim.goals):
            yield f"{len(self.deductions)} chains for {len(claim.goals)} conclusions"
        for chain, goal in zip(self.deductions, claim.goals, strict=False):
            yield from chain.broken(goal, given)

    def printed(self, claim: Claim) -> Iterator[str]:
        """First formula and links."""
        for chain in self.deductions:
            yield text(chain.first)
            for link in chain.links:
                yield f"{link.says}: {text(link.formula)}"


def chained(first: Term, *links: deduction.Link) -> Chained:
    """One chain from a formula."""
    return Chained((Deduction(first, links),))


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A shipped instance in exact numbers: it meets every hypothesis of the claim exactly, and violates it."""

    name: str

    def broken(self, claim: Claim) -> Iterator[str]:
        """What fails."""
        values = Values(exact_instance(claim, witness(self.name)))
        for given in claim.given:
            if not _holds(given.relation, values):
                yield f"{self.name} misses {text(given.relation)}"
        if all(_holds(goal, values) for goal in claim.goals):
            yield f"{self.name} does not violate {claim.statement}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Both sides in exact numbers."""
        values = Values(exact_instance(claim, witness(self.name)))
        for goal in claim.goals:
            left, right = values(goal.left), values(goal.right)
            if goal.left.kind == "scalar":
                one, other = (sympy().nsimplify(sympy().simplify(side)) for side in (left, right))
                yield f"{self.name}: {text(goal.left)} = {one}, {text(goal.right)} = {other}"
            else:
                yield f"{self.name}: the squared entries of the difference add up to {((left - right) ** 2).sum()}"


def _holds(r: Relation, values: Values) -> bool:
    """Whether a relation holds for exact numbers.

    Raises:
        TypeError: sympy does not decide it.
    """
    sp = sympy()
    left, right = values(r.left), values(r.right)
    if r.left.kind != "scalar":
        return all(sp.simplify(x) == 0 for x in np.asarray(left - right).flat)
    if (
        r.left.op == "spectral" and r.sign == "<=" and not getattr(right, "free_symbols", None)
    ):  # ε²I − MᵀM ⪰ 0 needs no eigenvalue
        m = sp.Matrix(values(r.left.args[0]).tolist())
        return bool((right**2 * sp.eye(m.cols) - m.T * m).is_positive_semidefinite)
    difference = sp.nsimplify(sp.simplify(left - right))
    return bool(difference == 0 if r.sign == "=" else difference < 0 if r.sign == "<" else difference <= 0)


def exact_instance(claim: Claim, raw: Mapping[str, Any]) -> Any:
    """The instance of a file in sympy's rationals."""
    sp = sympy()
    assert claim.setting is not None
    letters = {letter.key: letter.attribute for letter in claim.setting.letters}

    def exact(x: Any) -> Any:
        return [exact(y) for y in x] if isinstance(x, list) else sp.Rational(Fraction(x))

    values = {letters[key]: exact(value) for key, value in raw.items() if key in letters}
    arrays = {name: np.array(v, dtype=object) if isinstance(v, list) else v for name, v in values.items()}
    return claim.setting.build(**arrays)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A statement in prose that rests on claims with formulas: all of them keep their recorded verdict by proof."""

    claims: tuple[str, ...]
    verdict: Verdict = Verdict.PROVED

    def broken(self, claim: Claim) -> Iterator[str]:
        """Which of them does not."""
        from ioadapt_theory.claims.registry import CLAIMS  # whose files use this module

        for name in self.claims:
            other = CLAIMS[name]
            settled = [p for p in other.proofs if not p.aside and p.refutes == (self.verdict is Verdict.REFUTED)]
            if not settled or not all(p.holds(other) for p in settled):
                yield f"{name} is not {self.verdict}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Their statements."""
        from ioadapt_theory.claims.registry import CLAIMS

        for name in self.claims:
            yield f"{name} ({self.verdict}): {CLAIMS[name].statement}"


def resting_on(*claims: str, verdict: Verdict = Verdict.PROVED) -> Elsewhere:
    """What these claims say, which have formulas."""
    return Elsewhere(claims, verdict)


def contradicted(*names: str) -> tuple[Proof, ...]:
    """A refutation by each of these shipped instances."""
    return tuple(Proof(f"{name} in exact numbers", Contradiction(name), refutes=True) for name in names)
