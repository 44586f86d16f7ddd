"""A line of an exact argument: what it says, and the computation that agrees.

Most lines are computed from their own text (``line``, ``spelled``); others say what a few lines of algebra find.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ioadapt_theory.claims.expression import algebra
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import Rule, rule
from ioadapt_theory.claims.expression.lines import Reader, formulas, printed
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened

__all__ = [
    "Check", "Step", "agree", "both", "found", "lemma", "line", "lines", "nonnegative", "reached", "simplifies", "spelled",
    "true", "vanishes", "words", "zero",
]  # fmt: skip
"""Names that claims are written in (``language``)."""


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of an exact computation; a bare True is none. ``empty``: there was nothing to compute."""

    holds: bool
    empty: bool = False

    def __bool__(self) -> bool:
        return self.holds and not self.empty


@dataclass(frozen=True, slots=True)
class Step:
    """One line: what it says, and the computation. ``reaches``: it compares with the right side of the conclusion."""

    says: str
    check: Check
    reaches: bool = False

    @property
    def holds(self) -> bool:
        """Whether something was computed, and agrees."""
        return isinstance(self.check, Check) and bool(self.check)


def line(says: str, *, let: Mapping[str, str] = {}, given: Sequence[str] = (), **options: Any) -> Step:
    """Return a line whose formulas, between « and », are computed as they are printed.

    Args:
        says: the line.
        let: what letters in it stand for.
        given: equations between its letters.
        options: of ``Reader``.
    """
    read = Reader(let, **options)
    holds = all(read.holds(formula, tuple(given)) for formula in formulas(says))
    return Step(printed(says), Check(holds, empty=not formulas(says)))


def spelled(*says: str, **options: Any) -> Callable[[Any], Iterator[Step]]:
    """Return lines that are computed as they are printed, with the ``options`` of ``line``, for an argument."""
    return lambda _: (line(each, **options) for each in says)


def vanishes(expression: Any, *relations: Any) -> Check:
    """Check that an expression rational in its symbols is identically zero, modulo polynomials that vanish."""
    return Check(algebra.vanishes(expression, *relations), empty=isinstance(expression, int))


def agree(left: Any, right: Any, *relations: Any) -> Check:
    """Check that two expressions are identical."""
    return Check(algebra.vanishes(left - right, *relations), empty=isinstance(left, int))


def zero(matrix: Any, *relations: Any) -> Check:
    """Check that every entry of a matrix is identically zero."""
    entries = list(matrix)
    holds = all(algebra.vanishes(entry, *relations) for entry in entries)
    return Check(holds, empty=all(isinstance(entry, int) for entry in entries))


def simplifies(expression: Any) -> Check:
    """Check that an expression with roots, logarithms and the like is identically zero."""
    return Check(sympy().simplify(expression) == 0, empty=isinstance(expression, int))


def nonnegative(expression: Any) -> Check:
    """Check that the form itself shows that it is >= 0: sums of products of squares and of non-negative symbols."""
    return Check(expression.is_nonnegative is True, empty=not getattr(expression, "free_symbols", None))


def words(left: Any, right: Any, *, ones: tuple[Any, ...] = ()) -> Check:
    """Check that two polynomials in non-commuting symbols agree after the products ``ones`` are replaced by 1."""
    sp = sympy()
    difference = sp.expand(left - right)
    for product in ones:
        difference = sp.expand(difference.subs(product, 1))
    return Check(bool(difference == 0), empty=isinstance(left, int))


def found(value: Any, expected: Any) -> Check:
    """Check that a computed value is the one that is stated, a literal."""
    return Check(bool(value == expected), empty=isinstance(value, bool))


def true(condition: Any) -> Check:
    """Return a decided comparison of computed numbers."""
    return Check(bool(condition))


def both(*checks: Check) -> Check:
    """Return the check of all of these."""
    return Check(all(c.holds for c in checks), empty=not checks or any(c.empty for c in checks))


def reached(goal: Relation, derived: Any, known: Mapping[Term, Any], *, by: Callable[..., Check] = vanishes) -> Step:
    """Compare what was derived with the right side of a relation, in symbols: the last line of a lemma."""
    return Step(f"this is {text(goal.right)}", by(derived - symbolic(goal.right, dict(known))), reaches=True)


@dataclass(frozen=True, kw_only=True)
class Lemma(Rule):
    """A rule with its argument: the lines that derive the right side of its relation."""

    stated: Relation  # the relation in the letters of the paper
    lines: Callable[[Relation], Iterator[Step]]  # relation -> lines; one of them reaches its right side

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The lines, run once."""
        return tuple(self.lines(self.stated))

    def broken(self) -> Iterator[str]:
        """Yield what fails."""
        yield from (step.says for step in self.steps if not step.holds)
        if not any(step.reaches for step in self.steps):
            yield f"{self.name}: no line reaches the right side"

    def printed(self) -> Iterator[str]:
        """Yield the relation and the lines."""
        yield f"Lemma, {self.name}: {text(self.stated)}"
        yield from (f"  {step.says}" for step in self.steps)


def lemma(name: str, relation: Relation, *given: Relation) -> Callable[[Callable[[Relation], Iterator[Step]]], Lemma]:
    """Return what turns a generator of lines into a lemma, whose letters stand for any formula.

    Args:
        name: what it rests on, in a few words.
        relation: what it says, without a remainder.
        given: what it asks for, of the same letters.
    """
    assert relation.order is None, "a lemma says what holds without a remainder"
    plain = rule(name, relation, given)
    return lambda lines: Lemma(name, plain.relation, plain.given, stated=relation, lines=lines)


def lines(used: Lemma) -> Iterator[Step]:
    """Yield the lines of another lemma, but for the comparison with its own formula."""
    yield from (step for step in used.steps if not step.reaches)


def same_formula(a: Term, b: Term) -> bool:
    """Whether two formulas are one, definitions opened."""
    return opened(a) == opened(b)
