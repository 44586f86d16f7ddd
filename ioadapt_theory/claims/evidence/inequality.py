"""lhs ≤ rhs on an instance: hypotheses with residuals first, then both sides; a missed hypothesis is no evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.instances import Setting
from ioadapt_theory.errors import InvalidValueError

ACCURACY = 1e-9
"""Largest residual of a hypothesis, in the units of the hypothesis: decimals of an instance file are rounded, too."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A condition on an instance; ``residual(instance)`` is 0 where it holds and grows with the violation.

    ``enters``: the residual is a difference of cosines, and the left side may be that much larger for it.
    """

    statement: str
    residual: Callable[[Any], Array]
    enters: bool = False


class HypothesisError(InvalidValueError):
    """An instance that misses a hypothesis says nothing about the claim."""

    def __init__(self, statement: str, residual: float) -> None:
        """Say which hypothesis, by how much, and what is allowed."""
        super().__init__(
            f"The instance misses the hypothesis {statement}: residual {residual:.3g}, at most {ACCURACY:g} is allowed."
        )


class UndecidedError(InvalidValueError):
    """A violation that the rounding of the instance explains."""

    def __init__(self, violation: float, residual: float) -> None:
        """Say how much either is, and the way out."""
        super().__init__(
            f"The instance decides nothing: the sides differ by {violation:.3g}, of which its hypotheses, "
            f"missed by {residual:.3g}, may be the reason; write its numbers exactly or choose a larger epsilon."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """lhs ≤ rhs under hypotheses.

    Attributes:
        setting: how instances are read, drawn and parametrised.
        lhs: left side, written from the statement.
        rhs: right side.
        hypotheses: what an instance has to satisfy.
        first_order: limit of lhs/t as AB → tAB, t → 0, for statements up to O(ε²); then it is what must be ≤ rhs.
    """

    setting: Setting
    lhs: Callable[[Any], Array]
    rhs: Callable[[Any], Array]
    hypotheses: tuple[Hypothesis, ...] = ()
    first_order: Callable[[Any], Array] | None = None

    def decisive(self, instance: Any) -> Array:
        """What is compared with rhs: the first-order term where the statement is one up to O(ε²), else lhs."""
        return (self.first_order or self.lhs)(instance)

    def residuals(self, instance: Any) -> Mapping[str, Array]:
        """Residual of every hypothesis."""
        return {h.statement: h.residual(instance) for h in self.hypotheses}
