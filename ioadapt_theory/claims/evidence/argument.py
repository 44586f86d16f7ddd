"""Exact arguments, one class per kind of conclusion, so that the verdict follows from the class.

- ``Derived`` and ``Told``: a readable proof of a theorem that Coq has checked, in formulas or in lines of text.
- ``Reached``: lines of algebra that end at the right side of a bound, exactly or up to a remainder.
- Module ``extremes``: instances that attain a bound or violate a claim.
- Module ``prose``: arguments for and against a sentence.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from ioadapt_theory.claims.claim import Claim, Run, Strategy, Word
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.formal import MachineChecked
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.evidence.steps import Step, line
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.lines import printed as unmarked
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, replaced
from ioadapt_theory.claims.expression.values import Values, misfit

__all__ = ["Chain", "Derived", "Link", "derived", "reaching", "told"]
"""Exported to ``language``."""

Lines = Callable[[Relation], Iterator[Step]]
ROUNDING = 1e-9
"""Relative error up to which a formula of a chain counts as true, to allow for rounding."""


@dataclass(frozen=True)
class Proof(Strategy):
    """An exact argument about a claim.

    Attributes:
        proves: whether an argument of this class proves the relations of the claim, or its prose.
        refutes: whether it contradicts the claim.
        shows: the properties in ``Claim.words`` that it establishes.
    """

    kind: ClassVar[Evidence] = Evidence.EXACT
    name: ClassVar[str]
    proves: ClassVar[bool] = False
    refutes: ClassVar[bool] = False
    shows: ClassVar[frozenset[Word]] = frozenset()

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield a message for each step that fails, and one if the argument does not end at the claim."""
        raise NotImplementedError

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the argument as text, line by line."""
        raise NotImplementedError

    def holds(self, claim: Claim) -> bool:
        return next(iter(self.broken(claim)), None) is None

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Return the outcome; if the argument fails, ``lacks`` holds the first message of ``broken``."""
        fails = next(iter(self.broken(claim)), None)
        names, none = frozenset([self.name]), frozenset[str]()
        return Finding(
            kind=self.kind,
            instances=1,
            lacks=none if fails is None else frozenset([f"{self.name}: {fails}"]),
            proves=names if fails is None and self.proves else none,
            refutes=names if fails is None and self.refutes else none,
        )


@dataclass(frozen=True)
class InCoq(Proof):
    """A human-readable proof of a theorem that Coq has checked."""

    proves: ClassVar[bool] = True

    def broken(self, claim: Claim) -> Iterator[str]:
        if not MachineChecked()(claim, Run(), 0).proves:
            yield "Coq has no theorem about this formula"


class Link(NamedTuple):
    """A formula of a chain, and the reason why the previous formula is at most this one, or equal to it."""

    says: str
    formula: Term


class Chain(NamedTuple):
    """Formulas that lead from the left side of a conclusion, or from its first-order term, to its right side."""

    first: Term
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Derived(InCoq):
    """A proof that has one chain for each conclusion; the links are checked on random instances."""

    name: ClassVar[str] = "a chain of formulas, which Coq has proved"
    chains: tuple[Chain, ...]

    def broken(self, claim: Claim) -> Iterator[str]:
        yield from super().broken(claim)
        if len(self.chains) != len(claim.concludes) or claim.setting is None:
            yield f"{len(self.chains)} chains for {len(claim.concludes)} conclusions, or no setting"
            return
        run = Run()
        instance = claim.setting.parametrise(claim.setting.start(run.starts, seeded(run, claim.id)))
        values, residuals = Values(instance), claim.inequality.residuals(instance)
        yield from (f"a random instance does not meet {given}" for given, r in residuals.items() if r.max() > ROUNDING)
        for (first, links), goal in zip(self.chains, claim.concludes, strict=True):
            start = first_order(goal.left) if goal.order else goal.left
            if opened(first) != opened(start):
                yield f"the chain starts at {text(first)}, not at {text(start)}"
            if not links or opened(links[-1].formula) != opened(goal.right):
                yield f"the chain does not end at {text(goal.right)}"
            before = first
            for says, formula in links:
                if before == formula:
                    yield f"{says}: the formula does not change"
                if misfit(Relation(before, goal.sign, formula), values) > ROUNDING:
                    yield f"{says}: {text(Relation(before, goal.sign, formula))} is false"
                before = formula

    def printed(self, claim: Claim) -> Iterator[str]:
        for first, links in self.chains:
            yield text(first)
            yield from (f"{says}: {text(formula)}" for says, formula in links)


def derived(first: Term, *links: Link) -> Derived:
    return Derived((Chain(first, links),))


@dataclass(frozen=True)
class Told(InCoq):
    """A proof, in lines of text, of a theorem that Coq has checked; formulas between « and » are checked, too."""

    name: ClassVar[str] = "the steps of a proof in Coq"
    lines: tuple[str, ...]
    options: Mapping[str, Any]  # passed to ``steps.line``

    def broken(self, claim: Claim) -> Iterator[str]:
        yield from super().broken(claim)
        steps = (line(says, **self.options) for says in self.lines)
        yield from (step.says for step in steps if not (step.check.holds or step.check.empty))

    def printed(self, claim: Claim) -> Iterator[str]:
        yield from map(unmarked, self.lines)


def told(*lines: str, **options: Any) -> Told:
    return Told(lines, options)


@dataclass(frozen=True)
class Reached(Proof):
    """Lines of algebra that derive the first conclusion; any others must be the same relation for the target model."""

    name: ClassVar[str] = "lines of algebra that end at the right side"
    about: Relation  # the conclusion that the lines derive
    lines: Lines
    order: int | None  # order of the remainder; None without a remainder
    proves: ClassVar[bool] = True

    def broken(self, claim: Claim) -> Iterator[str]:
        first, *others = claim.concludes
        for other in others:
            if [opened(other.left), opened(other.right)] != [twin(opened(x)) for x in (first.left, first.right)]:
                yield f"{text(other)} is not the same conclusion for the target"
        if self.order and (first.order is None or first.order > self.order):
            yield f"the lines leave O(ε^{self.order})"
        if first.sign == "<" or replace(first, order=None) != self.about:
            yield f"the lines show {text(self.about)}, not {text(first)}"
        steps = tuple(self.lines(self.about))
        yield from (step.says for step in steps if not step.holds)
        if len(steps) < 2 or not steps[-1].reaches:
            yield "the lines do not reach the right side"

    def printed(self, claim: Claim) -> Iterator[str]:
        yield from (step.says for step in self.lines(self.about))


def reaching(about: Relation, order: int | None = None) -> Callable[[Lines], Reached]:
    """Return a decorator that turns a generator of steps into a proof of ``about``, up to O(ε^``order``) if given."""
    return lambda lines: Reached(about, lines, order)


def twin(x: Term) -> Term:
    """Return the formula for the target model: w_target for w, x1_target for x1, and so on; both models share ab."""
    letters = {y for y in x.walk() if y.op in {"row", "matrix"} and y.name != "ab" and not y.name.endswith("_target")}
    return replaced(x, {y: Term(y.op, name=f"{y.name}_target") for y in letters})
