"""What a claim is: a statement in one reading, its recorded verdict, and the strategies that collect the evidence."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How much work a verification does; the default is what `pytest paper_checks` runs.

    Attributes:
        seed: every part draws from a generator seeded by (seed, claim, strategy, part).
        instances: random instances a claim.
        starts: starts of the gradient ascent.
        steps: steps of the gradient ascent.
        stacks: random linear stacks for the Monte-Carlo check.
        samples: samples run through each stack.
        depth: number of layers of a stack.
        widths: widths of the stack, inputs first; None for the default of that depth.
        rank: rank of AB in the stacks.
        spectrum: how the weights of the stacks are drawn (``stacks.SPECTRA``).
        pair: how the target is made from the source (``stacks.PAIRS``).
        condition: condition number of the weights where the spectrum is "conditioned".
        device: where stacks and samples live.
    """

    seed: int = 0
    instances: int = 2000
    starts: int = 64
    steps: int = 200
    stacks: int = 64
    samples: int = 65_536
    depth: int = 2
    widths: tuple[int, ...] | None = None
    rank: int = 2
    spectrum: str = "gaussian"
    pair: str = "independent"
    condition: float = 10.0
    device: str = "cpu"

    def only(self, *names: str) -> "Run":
        """The run with these settings, and the default of every other."""
        return Run(**{name: getattr(self, name) for name in names})

    def chosen(self) -> dict[str, Any]:
        """The settings that are not the default, as JSON has them."""
        default = asdict(Run())
        return {name: value for name, value in json.loads(json.dumps(asdict(self))).items() if value != default[name]}

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> "Run":
        """Inverse of ``chosen``."""
        widths = chosen.get("widths")
        return cls(**{**chosen, "widths": widths and tuple(widths)})


@runtime_checkable
class Strategy(Protocol):
    """A way to collect evidence on a claim, in independent parts (so that it can be shared out and resumed)."""

    @property
    def kind(self) -> Evidence:
        """The kind of evidence it yields."""

    def parts(self, run: Run) -> int:
        """How many independent parts the work has."""

    def pinned(self, run: Run, part: int) -> Run:
        """The settings that a part depends on, and the default of every other: equal ones have equal results."""

    def __call__(self, claim: "Claim", run: Run, part: int) -> Finding:
        """Do one part."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An exact argument: ``argument()`` is True if every step went through; ``refutes``: it contradicts the claim."""

    name: str
    argument: Callable[[], bool]
    refutes: bool = False
    kind: Evidence = Evidence.EXACT

    def parts(self, run: Run) -> int:
        """One."""
        return 1

    def pinned(self, run: Run, part: int) -> Run:
        """None."""
        return Run()

    def __call__(self, claim: "Claim", run: Run, part: int) -> Finding:
        """Run the argument; one that fails is a lack, whatever else speaks for the claim."""
        names = frozenset([self.name])
        if not self.argument():
            return Finding(kind=self.kind, instances=1, lacks=names)
        if self.refutes:
            return Finding(kind=self.kind, instances=1, refutes=names)
        return Finding(kind=self.kind, instances=1, proves=names)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of the paper in one reading, or our correction of it.

    Attributes:
        id: as on the command line.
        source: number and place in the paper, "Proposition 2 (App. A.1)".
        statement: the statement, one line, Unicode.
        expected: the recorded verdict.
        strategies: how evidence is collected.
        reading: which reading this is; empty for the statement as printed in the appendix.
        amends: id of the printed claim that this one sharpens or corrects.
        remark: what is true instead, or how sharp it is; one sentence.
        witnesses: names of the shipped instances (``witnesses/NAME.json``) that refute it.
        attained: names of the shipped instances on which the bound holds with equality.
        inequality: how lhs and rhs are evaluated, for claims that have instances.
    """

    id: str
    source: str
    statement: str
    expected: Verdict
    strategies: Sequence[Strategy] = ()
    reading: str = ""
    amends: str | None = None
    remark: str = ""
    witnesses: tuple[str, ...] = ()
    attained: tuple[str, ...] = ()
    inequality: Any = None  # an ``inequality.Inequality``; that module builds on this one
