"""Evidence for and against a claim: findings, which merge into a verification with a verdict."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any

TOLERANCE = 1e-8
"""Largest excess of lhs/rhs over 1 that is not a violation, about the square root of float64's precision."""


class Verdict(StrEnum):
    """The verdict on a claim: PROVED by an exact argument or a theorem in Coq, SURVIVED a search, or REFUTED.

    UNDECIDED: something stated, such as equality in a bound, was not confirmed, or the outcome depends on rounding.
    UNTESTED: there is no evidence.

    Example:
        >>> from ioadapt_theory.claims import CLAIMS, Verdict
        >>> CLAIMS["prop-2-input"].expected is Verdict.REFUTED
        True
    """

    PROVED = "proved"
    SURVIVED = "survived"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    UNTESTED = "untested"


class Evidence(StrEnum):
    """The kinds of evidence: arguments (EXACT, FORMAL), and computations on instances or random draws (the others).

    Example:
        >>> from ioadapt_theory.claims import CLAIMS
        >>> sorted({str(proof.kind) for proof in CLAIMS["prop-4"].proofs})
        ['exact']
    """

    EXACT = "exact"  # symbolic or rational arithmetic, or a count
    FORMAL = "formal"  # a theorem about this very statement, which Coq has checked
    WITNESS = "witness"  # a shipped instance, replayed at 50 digits
    RANDOM = "random"  # both sides on random instances
    ADVERSARIAL = "adversarial"  # gradient ascent on lhs/rhs under the hypotheses


def json_ratio(ratio: float) -> float | str | None:
    """Return a ratio as JSON, which has no infinities: −∞ (nothing measured) becomes null, and ∞ becomes "inf"."""
    return None if ratio == -math.inf else "inf" if ratio == math.inf else ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Evidence of one kind on a claim: the result of one strategy, or of a part of it."""

    kind: Evidence
    instances: int = 0  # number of instances or random draws evaluated; 1 for an argument or a theorem
    # largest lhs/rhs; near 1 the bound is tight, near 0 the check was easy; −∞ if none was measured
    worst_ratio: float = -math.inf
    worst: Mapping[str, Any] | None = None  # the instance with this ratio, in the form of an instance file
    proves: frozenset[str] = frozenset()  # names of the exact arguments or theorems that hold
    refutes: frozenset[str] = frozenset()  # arguments, witnesses or tests that contradict the statement
    # what the registry states but the strategy did not confirm: an argument that does not hold, a witness that violates
    # nothing, a bound that is not attained
    lacks: frozenset[str] = frozenset()
    # further counts, added when findings merge
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if math.isnan(self.worst_ratio):  # NaN compares false with everything, so it would survive
            msg = f"lhs/rhs is NaN ({self.kind} evidence)."
            raise ArithmeticError(msg)

    def __or__(self, other: "Finding") -> "Finding":
        """Merge two findings of the same kind; associative and commutative."""
        worst = max(self, other, key=lambda f: (f.worst_ratio, json.dumps(f.worst)))
        names = sorted(self.counts.keys() | other.counts.keys())
        return Finding(
            kind=self.kind, instances=self.instances + other.instances, worst_ratio=worst.worst_ratio,
            worst=worst.worst, proves=self.proves | other.proves, refutes=self.refutes | other.refutes,
            lacks=self.lacks | other.lacks,
            counts={name: self.counts.get(name, 0) + other.counts.get(name, 0) for name in names},
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the finding without its kind as JSON values."""
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kind"}
        content |= {name: sorted(content[name]) for name in ("proves", "refutes", "lacks")}
        content |= {"worst_ratio": json_ratio(self.worst_ratio), "counts": dict(self.counts)}
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All evidence on one claim, by kind; ``a | b`` merges two verifications of a claim, in any order.

    ``seconds`` is the computing time; merging adds it up, and comparison ignores it.

    Example:
        >>> from ioadapt_theory import verify
        >>> result = verify("prop-4-exact", instances=10, starts=2, steps=5)
        >>> result.claim, str(result.verdict)
        ('prop-4-exact', 'proved')
    """

    claim: str
    findings: Mapping[Evidence, Finding] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)

    def __or__(self, other: "Verification") -> "Verification":
        """Merge two verifications of one claim; associative and commutative."""
        if self.claim != other.claim:
            msg = f"Verifications of two claims, {self.claim!r} and {other.claim!r}, cannot be merged."
            raise ValueError(msg)
        merged = dict(self.findings)
        for kind, finding in other.findings.items():
            merged[kind] = merged[kind] | finding if kind in merged else finding
        ordered = {kind: merged[kind] for kind in Evidence if kind in merged}
        return Verification(claim=self.claim, findings=ordered, seconds=self.seconds + other.seconds)

    def __str__(self) -> str:
        """Return the verdict, the statement and its reading, a counterexample if any, and the evidence."""
        from ioadapt_theory.claims import report

        return report.told(self)

    @property
    def worst_ratio(self) -> float:
        """The largest ratio of the left to the right side over all evidence; −∞ if none was measured."""
        return max((f.worst_ratio for f in self.findings.values()), default=-math.inf)

    @property
    def instances(self) -> int:
        """The number of instances and random draws evaluated, plus one for every exact argument and theorem in Coq."""
        return sum(f.instances for f in self.findings.values())

    @property
    def verdict(self) -> Verdict:
        """The verdict: REFUTED by any contradiction or ratio above 1, otherwise UNDECIDED if anything is unconfirmed.

        Otherwise the claim is PROVED by an exact argument or a theorem in Coq. Without a proof, it has SURVIVED if
        instances of it were evaluated, and is UNTESTED if not.
        """
        if self.worst_ratio > 1 + TOLERANCE or any(f.refutes for f in self.findings.values()):
            return Verdict.REFUTED
        if any(f.lacks for f in self.findings.values()):
            return Verdict.UNDECIDED
        if any(f.proves for f in self.findings.values()):
            return Verdict.PROVED
        return Verdict.SURVIVED if self.instances else Verdict.UNTESTED

    def to_json(self) -> dict[str, Any]:
        """Return the verification as JSON values, with its verdict."""
        return {
            "claim": self.claim, "verdict": str(self.verdict), "worst_ratio": json_ratio(self.worst_ratio),
            "instances": self.instances, "seconds": self.seconds,
            "findings": {str(kind): finding.to_json() for kind, finding in self.findings.items()},
        }  # fmt: skip


def merged(claim: str, parts: Iterable[Verification]) -> Verification:
    return reduce(or_, parts, Verification(claim=claim))
