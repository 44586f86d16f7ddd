"""A proof as the code runs it: a named chain of steps, each an exact check, that holds if every one of them does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ioadapt_theory.errors import MissingExtraError


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it says, and whether the exact computation agrees."""

    says: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Argument:
    """A statement and its proof; calling it runs every step.

    Attributes:
        statement: what is proved, one line.
        chain: yields the steps; keyword arguments are the constants that the statement claims.
    """

    statement: str
    chain: Callable[..., Iterator[Step]]

    def steps(self, **constants: Any) -> tuple[Step, ...]:
        """Run the steps in order."""
        return tuple(self.chain(**constants))

    def __call__(self, **constants: Any) -> bool:
        """Whether there are steps and all of them hold."""
        steps = self.steps(**constants)
        return bool(steps) and all(step.holds for step in steps)


def proves(statement: str) -> Callable[[Callable[..., Iterator[Step]]], Argument]:
    """Turn a generator of steps into the argument for a statement."""
    return lambda chain: Argument(statement, chain)


def together(*arguments: Argument) -> Argument:
    """The argument that needs every step of all of these."""

    def chain() -> Iterator[Step]:
        for argument in arguments:
            yield from argument.steps()

    return Argument("; ".join(argument.statement for argument in arguments), chain)


def sympy() -> Any:
    """Return the sympy module, untyped.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import sympy as module
    except ImportError as error:
        raise MissingExtraError("sympy", "proofs") from error
    module_: ModuleType = module
    return module_


def vanishes(expression: Any, *relations: Any) -> bool:
    """Whether an expression rational in its symbols is identically zero, modulo polynomials that vanish.

    ``relations`` have to be a Gröbner basis in the order of their own symbols, as single relations are.
    """
    sp = sympy()
    numerator = sp.expand(sp.numer(sp.together(sp.expand(expression))))
    if relations:
        numerator = sp.reduced(
            numerator, list(relations), *sorted(set().union(*(r.free_symbols for r in relations)), key=str)
        )[1]
    return bool(sp.expand(numerator) == 0)


def zero(matrix: Any) -> bool:
    """Whether every entry of a matrix is identically zero."""
    return all(vanishes(entry) for entry in matrix)


def nonnegative(expression: Any) -> bool:
    """Whether the form itself shows that it is >= 0: sums of products of squares and of non-negative symbols."""
    return expression.is_nonnegative is True
