"""lhs ≤ rhs on an instance: hypotheses with residuals first, then both sides; a missed hypothesis is no evidence.

A hypothesis is written once, as a relation of a claim. What is here reads it: as it is printed, by how much an instance
misses it, and whether that is decided in rational arithmetic.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.claims import arithmetic as a
from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import EYE, Relation, Term, opened, squared
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.instances import Setting
from ioadapt_theory.errors import InvalidValueError

ACCURACY = 1e-9
"""Largest residual of a hypothesis, in the units of the hypothesis: decimals of an instance file are rounded, too."""
ROOTS = frozenset("sqrt abs cos ln arcsin artanh norm sim sine angle fro spectral cond sigma pinv".split())


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A condition on an instance, read from its relation.

    An instance file has rounded numbers, so a residual up to ``ACCURACY`` is not a miss. But the conclusion may jump
    where a hypothesis ends, so such an instance decides nothing, unless it is known how far the residual can carry.
    """

    stated: Relation  # the condition
    # what is compared: the squares of both sides, where neither is negative and no square needs a root
    relation: Relation
    exact: bool  # it is decided in rational arithmetic, from the numbers as they stand in the file

    @classmethod
    def of(cls, relation: Relation) -> "Hypothesis":
        """Read a hypothesis; a norm on one side only is compared at 50 digits."""
        left, right = squared(opened(relation.left)), squared(opened(relation.right))
        if left and right and relation.sign != "=":
            return cls(relation, Relation(left, relation.sign, right), exact=True)
        sides = (opened(relation.left), opened(relation.right))
        return cls(relation, relation, exact=not any(x.op in ROOTS for side in sides for x in _without_squares(side)))

    @property
    def enters(self) -> bool:
        """Whether the residual is a difference of cosines, for which the left side may be that much larger."""
        return opened(self.relation.left).op == "sim"

    @property
    def mends(self) -> bool:
        """Whether a larger ε makes up for the residual."""
        return self.stated.right == Term("scalar", name="epsilon")

    def residual(self, instance: Any) -> Array:
        """Return by how much an instance misses it, 0 where it holds; for inequalities, relative to the right side."""
        values, (left, right) = Values(instance), (self.relation.left, self.relation.right)
        if self.relation.sign != "=":
            excess = a.excess(values(left), values(right))
            return excess if self.relation is self.stated else excess / 2  # of squares
        if left.kind == "scalar":
            return abs(values(left) - values(right))
        value = values(left)
        return a.frobenius_sq(value - (a.identity(value) if right == EYE else values(right)))

    def equal(self, instance: Any) -> bool:
        """Whether one instance fails a strict inequality by equality."""
        values = Values(instance)
        return self.relation.sign == "<" and bool(values(self.relation.left) == values(self.relation.right))


def _without_squares(x: Term) -> Iterator[Term]:
    if x.op == "pow" and x.name == "2" and squared(x.args[0]) is not None:
        for below in x.args[0].args:
            yield from _without_squares(below)
        return
    yield x
    for below in x.args:
        yield from _without_squares(below)


class HypothesisError(InvalidValueError):
    """An instance that misses a hypothesis says nothing about the claim."""

    def __init__(self, statement: str, residual: float) -> None:
        """Say which hypothesis, by how much, and what is allowed."""
        missed = f"residual {residual:.3g}, at most {ACCURACY:g} is allowed" if residual else "both sides are equal"
        super().__init__(f"The instance misses the hypothesis {statement}: {missed}.")


class UndecidedError(InvalidValueError):
    """An instance whose rounding decides; the verdict is undecided.

    Attributes:
        residuals: of the hypotheses, by statement.
    """

    def __init__(self, reason: str, residuals: Mapping[str, float]) -> None:
        """Give the reason, which ends in no full stop, and the way out."""
        self.residuals = residuals
        super().__init__(f"Undecided: the instance decides nothing, since {reason}; write its numbers exactly.")

    def to_json(self) -> dict[str, Any]:
        """Return the reason and the residuals, in JSON form."""
        hypotheses = [{"hypothesis": name, "residual": r} for name, r in self.residuals.items()]
        return {"reason": str(self), "hypotheses": hypotheses}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """lhs ≤ rhs under hypotheses."""

    setting: Setting  # how instances are read, drawn and parametrised
    lhs: Callable[[Any], Array]  # left side, written from the statement
    rhs: Callable[[Any], Array]  # right side
    hypotheses: Mapping[str, Hypothesis]  # what an instance has to satisfy, by the relation as it is printed
    # limit of lhs/t as AB → tAB, t → 0, for statements up to O(ε²); then it is what must be ≤ rhs
    first_order: Callable[[Any], Array] | None = None

    def decisive(self, instance: Any) -> Array:
        """Return what is compared with rhs: the first-order term for a statement up to O(ε²), else lhs."""
        return (self.first_order or self.lhs)(instance)

    def residuals(self, instance: Any) -> Mapping[str, Array]:
        """Return the residual of every hypothesis."""
        return {statement: h.residual(instance) for statement, h in self.hypotheses.items()}


def hypotheses(given: tuple[Relation, ...]) -> dict[str, Hypothesis]:
    """Return the hypotheses by the text of their relations."""
    return {text(relation): Hypothesis.of(relation) for relation in given}
