"""Arguments about what no relation says: for and against a sentence, the other direction of an iff, a remark."""

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
"""Names that claims are written in (``language``)."""


@dataclass(frozen=True)
class Reasoned(Proof):
    """Lines about what no relation of the claim says."""

    lines: Callable[[Claim], Iterator[Step]]  # claim -> lines
    about: str = ""  # what is shown, one line; the statement by default

    @property
    def name(self) -> str:  # type: ignore[override]
        """What is shown."""
        return self.about or "lines about the statement"

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
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
    """Lines for a statement in prose."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class Refuted(Reasoned):
    """Lines against a statement in prose."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Remarked(Reasoned):
    """Lines for what the remark says."""


@dataclass(frozen=True)
class OnlyIf(Reasoned):
    """Lines for the other direction of an iff."""

    shows: ClassVar[frozenset[Word]] = frozenset([Word.CONVERSE])


P = TypeVar("P", bound=Reasoned)


def argued(kind: type[P], about: str = "") -> Callable[[Callable[[Claim], Iterator[Step]]], P]:
    """Turn a generator of lines into an argument of a kind."""
    return lambda lines: kind(lines, about)


@dataclass(frozen=True)
class Resting(Proof):
    """A statement in prose that rests on claims with formulas: each keeps its verdict by an argument of its own."""

    claims: tuple[str, ...]  # their ids
    about: Term  # the left side that they have to be about

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name the claims."""
        return f"by {', '.join(self.claims)}"

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield the claims that fail."""
        from ioadapt_theory.claims.registry import CLAIMS  # whose files use this module

        for name in self.claims:
            other = CLAIMS[name]
            settled = [p for p in other.proofs if p.proves]
            if not settled or not all(p.holds(other) for p in settled):
                yield f"{name} is not proved"
            if any(opened(r.left) != opened(self.about) for r in other.concludes):
                yield f"{name} is not about {text(self.about)}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield their statements."""
        from ioadapt_theory.claims.registry import CLAIMS

        for name in self.claims:
            yield f"{name} (proved): {CLAIMS[name].statement}"


@dataclass(frozen=True)
class ShownBy(Resting):
    """Proved claims say it."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class RefutedBy(Resting):
    """Proved claims say the contrary."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Said(Strategy):
    """Every word of a claim has something that shows it: an attaining instance, or an argument that says so."""

    kind: Evidence = Evidence.EXACT

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Return a lack for each word that nothing shows; the arguments are judged where they run."""
        shown = frozenset[Word]().union(*(p.shows for p in claim.proofs))
        if claim.attained:
            shown |= {Word.ATTAINED}
        missing = frozenset(f'nothing shows "{word}"' for word in claim.words if word not in shown)
        return Finding(kind=self.kind, lacks=missing)
