"""The class ``Claim``: a statement in one interpretation, its recorded verdict, and how evidence on it is collected.

An instance that misses a hypothesis is no evidence. ``Hypothesis`` computes by how much it does, in rational arithmetic
where that is possible.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from ioadapt_theory.claims import arithmetic as a
from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.expression.notation import definitions, latex, text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, squared
from ioadapt_theory.claims.expression.values import Values, both, both_sides, value
from ioadapt_theory.claims.findings import Finding, Verdict
from ioadapt_theory.claims.instances import Setting
from ioadapt_theory.claims.settings.letters import first_order
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Settings of the random searches and tests by which ``verify`` collects evidence.

    Attributes:
        seed: seed of all random draws.
        instances: number of random instances per claim; an instance is a set of values for the symbols of the claim.
        starts: number of random instances from which gradient ascent searches for a violation.
        steps: number of steps of the gradient ascent.

    Example:
        >>> from ioadapt_theory.claims import Run
        >>> Run(instances=10, seed=1).steps
        200
    """

    seed: int = 0
    instances: int = 2000
    starts: int = 64
    steps: int = 200


Strategy = Callable[["Claim", Run], Finding]
"""A way to collect evidence on a claim."""


class Origin(StrEnum):
    """The relation of a statement to the place in the paper that ``Claim.source`` names."""

    PRINTED = "as printed"
    READING = "a reading of what is printed"  # an interpretation, which ``Claim.reading`` describes
    IN_WORDS = "said in words"  # the paper has no formula; that of the claim is ours
    OURS = "ours"  # a correction, a sharper form or an extension


class Word(StrEnum):
    """Properties that a claim asserts in addition to its formulas; each needs evidence of its own."""

    ATTAINED = "attained"  # equality holds on an instance in witnesses.json, at 50 digits
    SHARP = "sharp"  # attained or approached for all values of the quantities on the right side
    FACTOR = "no smaller factor"  # some instances come arbitrarily close to equality
    EVERY_PAIR = "for every κ and κ'"  # sharp for every pair of condition numbers of the two weights


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of the paper in one interpretation, or our correction or extension of one.

    An instance of a claim is a set of values for the symbols in its formulas.

    Attributes:
        id: name on the command line.
        source: number and place in the paper, such as "Proposition 2 (App. A.1)".
        origin: how the statement relates to the paper.
        expected: the recorded verdict.
        concludes: the relations stated, all of which must hold.
        given: the hypotheses.
        strategies: searches for violating instances; by default the shipped instances, if any, and random ones.
        proofs: the exact arguments for or against the claim, or about its sharpness.
        reading: how the printed statement is interpreted, or how this claim differs from it, in a few words.
        amends: id of the claim that this one sharpens, corrects or extends, if any.
        notes: further relations between its quantities, which are checked on its instances.
        witnesses: names of the shipped instances (in ``witnesses.json``) that refute the claim.
        attained: names of the shipped instances on which the bound holds with equality.
        words: properties that the relations do not express, such as sharpness.
        setting: how instances are read and drawn; None for claims without instances.
        inequality: both sides and the hypotheses as functions of an instance; None without a setting.

    Example:
        >>> from ioadapt_theory.claims import CLAIMS
        >>> CLAIMS["prop-4"].source, str(CLAIMS["prop-4"].expected)
        ('Proposition 4 (App. A.2)', 'proved')
    """

    id: str
    source: str
    expected: Verdict = Verdict.PROVED
    origin: Origin = Origin.OURS
    given: tuple[Relation, ...] = ()
    concludes: tuple[Relation, ...]
    strategies: Sequence[Strategy] = ()
    proofs: tuple[Any, ...] = ()  # ``Proof``s
    reading: str = ""
    amends: str | None = None
    notes: tuple[Relation, ...] = ()
    witnesses: tuple[str, ...] = ()
    attained: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    setting: Setting | None = None
    inequality: Any = None  # an ``Inequality``

    def __post_init__(self) -> None:
        first = self.concludes[0]
        if self.setting and self.setting.letters and self.inequality is None and first.right.op != "landau":
            lhs, rhs = both_sides(self.concludes)
            limit = partial(value, first_order(first.left)) if first.order else None
            given = {text(relation): Hypothesis.of(relation) for relation in self.given}
            inequality = Inequality(setting=self.setting, lhs=lhs, rhs=rhs, hypotheses=given, first_order=limit)
            object.__setattr__(self, "inequality", inequality)
        if self.inequality is not None and not self.strategies:
            from ioadapt_theory.claims.evidence.searches import RandomInstances, Replay

            shipped = (Replay(),) * bool(self.witnesses or self.attained)
            object.__setattr__(self, "strategies", (*shipped, RandomInstances()))

    def __str__(self) -> str:
        from ioadapt_theory.claims.report import block

        return block(self, str(self.expected), 100).rstrip()

    @property
    def statement(self) -> str:
        """The formulas in one line, and the definitions of the names in them."""
        return ", ".join((" and ".join(text(r) for r in self.concludes), *definitions(self.concludes)))

    @property
    def latex(self) -> str:
        """The formulas in LaTeX, without dollar signs."""
        return r" \quad\text{and}\quad ".join(latex(r) for r in self.concludes)

    @property
    def goals(self) -> tuple[Relation, ...]:
        """The relations to check on an instance: those in ``concludes``, but without O(ε^p).

        In a relation up to O(ε^p), the left side is replaced with its first-order term in AB.
        """
        return tuple(r if r.order is None else Relation(first_order(r.left), r.sign, r.right) for r in self.concludes)
