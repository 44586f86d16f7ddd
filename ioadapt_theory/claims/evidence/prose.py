"""Arguments about statements in words: for or against a sentence, for an "only if", for a remark."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from ioadapt_theory.claims.claim import Claim, Run, Strategy, Word
from ioadapt_theory.claims.evidence.argument import Proof
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.steps import Step
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Term, opened

__all__ = ["OnlyIf", "Refuted", "RefutedBy", "Remarked", "Shown", "ShownBy", "argued"]
"""Exported to ``language``."""


@dataclass(frozen=True)
class Reasoned(Proof):
    """A line-by-line argument about a sentence of the claim."""

    lines: Callable[[Claim], Iterator[Step]]  # yields the steps of the argument
    about: str = ""  # what is shown, in one line; by default the statement

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.about or "lines about the statement"

    def broken(self, claim: Claim) -> Iterator[str]:
        steps = tuple(self.lines(claim))
        if not steps:
            yield "the argument has no steps"
        if (self.proves or self.refutes) and claim.concludes:
            yield "lines of prose cannot settle a formula; give a derivation or an instance"
        yield from (step.says for step in steps if not step.holds)

    def printed(self, claim: Claim) -> Iterator[str]:
        yield from (step.says for step in self.lines(claim))


@dataclass(frozen=True)
class Shown(Reasoned):
    """A line-by-line proof of a statement in prose."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class Refuted(Reasoned):
    """A line-by-line refutation of a statement in prose."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Remarked(Reasoned):
    """A line-by-line proof of the remark of a claim."""


@dataclass(frozen=True)
class OnlyIf(Reasoned):
    """A line-by-line proof of the "only if" of an "if and only if"."""

    shows: ClassVar[frozenset[Word]] = frozenset([Word.CONVERSE])


P = TypeVar("P", bound=Reasoned)


def argued(kind: type[P], about: str = "") -> Callable[[Callable[[Claim], Iterator[Step]]], P]:
    """Return a decorator that turns a function that yields steps into an argument of the class ``kind``."""
    return lambda lines: kind(lines, about)


@dataclass(frozen=True)
class Resting(Proof):
    """An argument that settles a statement in prose by another claim, which has a formula and is proved."""

    other: Claim
    about: Term  # the left side of every relation that the other claim must conclude

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"by {self.other.id}"

    def broken(self, claim: Claim) -> Iterator[str]:
        settled = [p for p in self.other.proofs if p.proves]
        if not settled or not all(p.holds(self.other) for p in settled):
            yield f"{self.other.id} is not proved"
        if any(opened(r.left) != opened(self.about) for r in self.other.concludes):
            yield f"{self.other.id} is not about {text(self.about)}"

    def printed(self, claim: Claim) -> Iterator[str]:
        yield f"{self.other.id} (proved): {self.other.statement}"


@dataclass(frozen=True)
class ShownBy(Resting):
    """Proof that a claim with a formula implies a statement in prose."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class RefutedBy(Resting):
    """Refutation of a statement in prose by a claim with a formula."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Said(Strategy):
    """A check that every property in ``Claim.words`` is shown by an attaining instance or an argument."""

    kind: Evidence = Evidence.EXACT

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        shown = frozenset[Word]().union(*(p.shows for p in claim.proofs))
        if claim.attained:
            shown |= {Word.ATTAINED}
        missing = frozenset(f'nothing shows "{word}"' for word in claim.words if word not in shown)
        return Finding(kind=self.kind, lacks=missing)
