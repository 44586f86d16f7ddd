"""Lines of exact arguments: a sentence, and the computation that confirms it.

Most lines are checked as they are printed (``line``, ``spelled``); others state the result of a few lines of algebra.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.claims.expression import algebra
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.lines import Reader, formulas, printed
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Relation, Term

__all__ = [
    "Check", "Step", "found", "line", "reached", "simplifies", "spelled", "true", "vanishes", "zero",
]  # fmt: skip
"""Exported to ``language``."""


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of an exact computation; ``empty`` if there was nothing to compute."""

    holds: bool
    empty: bool = False

    def __bool__(self) -> bool:
        return self.holds and not self.empty


@dataclass(frozen=True, slots=True)
class Step:
    """A line of text and its check; ``reaches`` if the check compares a result with the conclusion's right side."""

    says: str
    check: Check
    reaches: bool = False

    @property
    def holds(self) -> bool:
        return isinstance(self.check, Check) and bool(self.check)


def line(says: str, *, let: Mapping[str, str] = {}, given: Sequence[str] = (), **options: Any) -> Step:
    """Return a line whose formulas, between « and », are checked as they are printed.

    Args:
        says: text of the line.
        let: the formulas that replace symbols, by symbol.
        given: equations between the symbols.
        options: passed to ``Reader``.
    """
    read = Reader(let, **options)
    holds = all(read.holds(formula, tuple(given)) for formula in formulas(says))
    return Step(printed(says), Check(holds, empty=not formulas(says)))


def spelled(*says: str, **options: Any) -> Callable[[Any], Iterator[Step]]:
    """Return a function that yields the lines ``says``, checked as printed; ``options`` are passed to ``line``."""
    return lambda _: (line(each, **options) for each in says)


def vanishes(expression: Any, *relations: Any) -> Check:
    """Check that a rational expression is identically zero, if the polynomials ``relations`` are zero."""
    return Check(algebra.vanishes(expression, *relations), empty=isinstance(expression, int))


def zero(matrix: Any, *relations: Any) -> Check:
    """Check that every entry of a matrix is identically zero, if the polynomials ``relations`` are zero."""
    entries = list(matrix)
    holds = all(algebra.vanishes(entry, *relations) for entry in entries)
    return Check(holds, empty=all(isinstance(entry, int) for entry in entries))


def simplifies(expression: Any) -> Check:
    """Check that an expression with roots, logarithms and the like is identically zero."""
    return Check(sympy().simplify(expression) == 0, empty=isinstance(expression, int))


def found(value: Any, expected: Any) -> Check:
    return Check(bool(value == expected), empty=isinstance(value, bool))


def true(condition: Any) -> Check:
    return Check(bool(condition))


def reached(goal: Relation, derived: Any, known: Mapping[Term, Any], *, by: Callable[..., Check] = vanishes) -> Step:
    """Return the last line of a derivation, which compares its result ``derived`` with the right side of ``goal``."""
    return Step(f"this is {text(goal.right)}", by(derived - symbolic(goal.right, dict(known))), reaches=True)
