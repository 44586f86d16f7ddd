"""Arguments about statements in words: for or against a sentence, the converse of an iff, a remark."""

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
    """Lines about a part of the claim that is stated in words."""

    lines: Callable[[Claim], Iterator[Step]]  # claim -> lines
    about: str = ""  # what is shown, in one line; by default the statement

    @property
    def name(self) -> str:  # type: ignore[override]
        """Description of what is shown."""
        return self.about or "lines about the statement"

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield a message for every failed check."""
        steps = tuple(self.lines(claim))
        if not steps:
            yield "the argument has no steps"
        if (self.proves or self.refutes) and claim.concludes:
            yield "lines of prose cannot settle a formula; give a derivation or an instance"
        yield from (step.says for step in steps if not step.holds)

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the sentences of the lines."""
        yield from (step.says for step in self.lines(claim))


@dataclass(frozen=True)
class Shown(Reasoned):
    """Lines that prove a statement in prose."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class Refuted(Reasoned):
    """Lines that refute a statement in prose."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Remarked(Reasoned):
    """Lines that prove the remark of a claim."""


@dataclass(frozen=True)
class OnlyIf(Reasoned):
    """Lines that prove the converse of an iff."""

    shows: ClassVar[frozenset[Word]] = frozenset([Word.CONVERSE])


P = TypeVar("P", bound=Reasoned)


def argued(kind: type[P], about: str = "") -> Callable[[Callable[[Claim], Iterator[Step]]], P]:
    """Return a decorator that turns a generator of lines into an argument of this kind."""
    return lambda lines: kind(lines, about)


@dataclass(frozen=True)
class Resting(Proof):
    """An argument that a statement in prose follows from claims with formulas, each proved by exact arguments."""

    claims: tuple[str, ...]  # ids of these claims
    about: Term  # the left side that each of these claims must have

    @property
    def name(self) -> str:  # type: ignore[override]
        """Description of the argument, with the ids of the claims."""
        return f"by {', '.join(self.claims)}"

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield a message for every claim that is not proved or has another left side."""
        from ioadapt_theory.claims.registry import CLAIMS  # whose files use this module

        for name in self.claims:
            other = CLAIMS[name]
            settled = [p for p in other.proofs if p.proves]
            if not settled or not all(p.holds(other) for p in settled):
                yield f"{name} is not proved"
            if any(opened(r.left) != opened(self.about) for r in other.concludes):
                yield f"{name} is not about {text(self.about)}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the statements of these claims."""
        from ioadapt_theory.claims.registry import CLAIMS

        for name in self.claims:
            yield f"{name} (proved): {CLAIMS[name].statement}"


@dataclass(frozen=True)
class ShownBy(Resting):
    """Proof that claims with formulas imply a statement in prose."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class RefutedBy(Resting):
    """Refutation of a statement in prose by claims with formulas."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Said(Strategy):
    """A check that an attaining instance or an argument shows every word of a claim."""

    kind: Evidence = Evidence.EXACT

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Return a finding that lacks each word that nothing shows; the arguments are checked in parts of their own."""
        shown = frozenset[Word]().union(*(p.shows for p in claim.proofs))
        if claim.attained:
            shown |= {Word.ATTAINED}
        missing = frozenset(f'nothing shows "{word}"' for word in claim.words if word not in shown)
        return Finding(kind=self.kind, lacks=missing)
