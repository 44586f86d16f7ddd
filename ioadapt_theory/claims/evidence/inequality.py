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

    An instance file has rounded numbers, so a residual up to ``ACCURACY`` is not a miss. But the conclusion may jump
    where a hypothesis ends, so such an instance decides nothing, unless it is known how far the residual can carry.

    Attributes:
        statement: as it is printed.
        residual: of an instance, in its arithmetic; made of rational operations where ``exact``.
        enters: the residual is a difference of cosines, and the left side may be that much larger for it.
        mend: (instance, residual relative to ε) -> the instance with an ε that much larger, which satisfies it.
        exact: decided in rational arithmetic, from the numbers as they stand in the file.
    """

    statement: str
    residual: Callable[[Any], Array]
    enters: bool = False
    mend: Callable[[Any, Array], Any] | None = None
    exact: bool = False

    @property
    def jumps(self) -> bool:
        """Whether nothing is known of an instance that nearly satisfies it."""
        return not self.enters and self.mend is None


class HypothesisError(InvalidValueError):
    """An instance that misses a hypothesis says nothing about the claim."""

    def __init__(self, statement: str, residual: float) -> None:
        """Say which hypothesis, by how much, and what is allowed."""
        super().__init__(
            f"The instance misses the hypothesis {statement}: residual {residual:.3g}, at most {ACCURACY:g} is allowed."
        )


class UndecidedError(InvalidValueError):
    """An instance whose rounding decides; the verdict is undecided.

    Attributes:
        residuals: of the hypotheses, by statement.
    """

    def __init__(self, reason: str, residuals: Mapping[str, float]) -> None:
        """Give the reason, which ends in no full stop, and the way out."""
        self.residuals = residuals
        super().__init__(f"Undecided: {reason}; write its numbers exactly, or choose others.")

    def to_json(self) -> dict[str, Any]:
        """The reason and the residuals, in JSON form."""
        hypotheses = [{"hypothesis": name, "residual": r} for name, r in self.residuals.items()]
        return {"reason": str(self), "hypotheses": hypotheses}

    @classmethod
    def jump(cls, statement: str, residuals: Mapping[str, float]) -> "UndecidedError":
        """A hypothesis holds only up to rounding, and the conclusion may jump there."""
        return cls(
            f"the instance decides nothing, since it meets the hypothesis {statement} only up to rounding "
            f"(residual {residuals[statement]:.3g}), where the conclusion may jump",
            residuals,
        )

    @classmethod
    def explained(cls, violation: float, residual: float, residuals: Mapping[str, float]) -> "UndecidedError":
        """The residuals explain the violation."""
        return cls(
            f"the instance decides nothing, since the sides differ by {violation:.3g}, of which its hypotheses, missed "
            f"by {residual:.3g}, may be the reason",
            residuals,
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
