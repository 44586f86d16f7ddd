"""Inequalities lhs ≤ rhs under hypotheses; an instance that misses a hypothesis is no evidence.

A hypothesis is a relation of the claim. ``Hypothesis`` computes by how much an instance misses it, in rational
arithmetic where that is possible.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.claims import arithmetic as a
from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, squared
from ioadapt_theory.claims.expression.values import Values, both
from ioadapt_theory.claims.instances import Setting
from ioadapt_theory.errors import InvalidValueError

ACCURACY = 1e-9
"""Maximum residual of a hypothesis that an instance meets, since decimals in instance files are rounded."""
ROOTS = frozenset("sqrt abs cos ln arcsin artanh norm sim sine angle fro spectral cond sigma pinv".split())


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A condition on an instance, made from a relation of the claim.

    Instance files hold rounded numbers, so an instance may miss a hypothesis by up to ``ACCURACY`` (its residual). But
    the conclusion may jump at the boundary of a hypothesis, so such an instance decides nothing unless the effect of
    its residual is bounded.
    """

    stated: Relation  # the condition
    # what is compared: both sides squared, if neither is negative and the squares need no root
    relation: Relation
    exact: bool  # whether it is decided in rational arithmetic, from the numbers in the file

    @classmethod
    def of(cls, relation: Relation) -> "Hypothesis":
        """Make a hypothesis of a relation; rational arithmetic decides it unless one of ``ROOTS`` stays unsquared."""
        left, right = squared(opened(relation.left)), squared(opened(relation.right))
        if left and right and relation.sign != "=":
            return cls(relation, Relation(left, relation.sign, right), exact=True)
        sides = (opened(relation.left), opened(relation.right))
        return cls(relation, relation, exact=not any(x.op in ROOTS for side in sides for x in _without_squares(side)))

    @property
    def enters(self) -> bool:
        """Whether the residual is a difference of cosines, so that its effect on the claim's left side is bounded."""
        return opened(self.relation.left).op == "sim"

    @property
    def mends(self) -> bool:
        """Whether the hypothesis is a bound by ε, so that a larger ε removes the residual."""
        return self.stated.right == Term("scalar", name="epsilon")

    def residual(self, instance: Any) -> Array:
        """Return by how much an instance misses the hypothesis.

        Returns:
            The relative excess over the right side of an inequality; |left − right| for an equation of numbers, and
            ‖left − right‖² for an equation of vectors or matrices.
        """
        values, (left, right) = Values(instance), (self.relation.left, self.relation.right)
        if self.relation.sign != "=":
            excess = a.excess(values(left), values(right))
            return excess if self.relation is self.stated else excess / 2  # relative excess of squares
        if left.kind == "scalar":
            return abs(values(left) - values(right))
        one, other = both(self.relation, values)
        return a.frobenius_sq(one - other) if left.kind == "matrix" else a.dot(one - other, one - other)

    def equal(self, instance: Any) -> bool:
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
    """Error: an instance does not meet a hypothesis, so it says nothing about the claim."""

    def __init__(self, statement: str, residual: float) -> None:
        missed = f"the residual is {residual:.3g}, above {ACCURACY:g}" if residual else "both sides are equal"
        super().__init__(f"The instance does not meet the hypothesis {statement}: {missed}.")


class UndecidedError(InvalidValueError):
    """Error: whether a claim holds on an instance depends on rounding.

    Attributes:
        residuals: by how much the instance misses each hypothesis, by the text of the latter.
    """

    def __init__(self, reason: str, residuals: Mapping[str, float]) -> None:
        self.residuals = residuals
        super().__init__(f"Undecided: {reason}; write the numbers of the instance exactly.")

    def to_json(self) -> dict[str, Any]:
        hypotheses = [{"hypothesis": name, "residual": r} for name, r in self.residuals.items()]
        return {"reason": str(self), "hypotheses": hypotheses}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """An inequality lhs ≤ rhs under hypotheses."""

    setting: Setting  # how instances are read, drawn and parametrised
    lhs: Callable[[Any], Array]  # left side of the statement
    rhs: Callable[[Any], Array]  # right side of the statement
    hypotheses: Mapping[str, Hypothesis]  # hypotheses by the text of their relations
    # limit of lhs/t for the adapter tAB as t → 0, which must be ≤ rhs in statements up to O(ε^p)
    first_order: Callable[[Any], Array] | None = None

    def decisive(self, instance: Any) -> Array:
        """Return the value compared with ``rhs``: the first-order term for a statement up to O(ε^p), else ``lhs``."""
        return (self.first_order or self.lhs)(instance)

    def residuals(self, instance: Any) -> Mapping[str, Array]:
        return {statement: h.residual(instance) for statement, h in self.hypotheses.items()}


def hypotheses(given: tuple[Relation, ...]) -> dict[str, Hypothesis]:
    return {text(relation): Hypothesis.of(relation) for relation in given}
