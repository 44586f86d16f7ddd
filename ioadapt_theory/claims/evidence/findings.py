"""Evidence for or against a claim: findings merge associatively into a verification, which has a verdict."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

TOLERANCE = 1e-8
"""√ε of float64: what lhs/rhs may exceed 1 by before a float64 instance counts as a violation."""
FALSE_ALARM = 1e-9
"""Probability that a test of a true statement fails by chance."""
UNIT = 1 << 20
"""Sums over stacks are whole multiples of 2⁻²⁰, so that they do not depend on who added what and in which order."""


class Verdict(StrEnum):
    """PROVED by an exact argument that the code runs, SURVIVED a search, REFUTED by a witness.

    UNDECIDED: something said of the claim was not confirmed (its bound is attained, an argument holds), or rounding
    decides.

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
    """The kinds of evidence.

    Example:
        >>> from ioadapt_theory.claims import CLAIMS
        >>> sorted({str(proof.kind) for proof in CLAIMS["prop-4"].proofs})
        ['exact']
    """

    EXACT = "exact"  # symbolic, rational or interval arithmetic
    FORMAL = "formal"  # a theorem about this very statement, which Coq has checked
    WITNESS = "witness"  # a shipped instance, replayed at 50 digits
    RANDOM = "random"  # closed form on random instances
    ADVERSARIAL = "adversarial"  # gradient ascent of lhs/rhs under the exact hypotheses
    MONTE_CARLO = "monte-carlo"  # samples run through random linear stacks


def json_ratio(ratio: float) -> float | str | None:
    """Return a ratio as JSON, which has no infinities: −∞ (nothing measured) is null, ∞ is "inf"."""
    return None if ratio == -math.inf else "inf" if ratio == math.inf else ratio


def _limit(counts: Mapping[str, int], probability: float) -> float:
    """Return what a sum of centred χ² exceeds at most with this probability; it falls less far below 0."""
    t = -math.log(probability)
    return math.sqrt(2 * t * counts.get("variance", 0) / UNIT) + 2 * t


def contradictions(counts: Mapping[str, int]) -> frozenset[str]:
    """Return which tests of all stacks together fail, each by chance with probability ``FALSE_ALARM`` at most.

    For a stack with N samples, N(mean/E − 1) is a sum of centred χ² with weights that sum to 1, E the closed form or
    the bound; its tails are those of Laurent and Massart (2000, Lemma 1), and the sums over stacks have them, too.

    Args:
        counts: ``excess``, Σ N(mean/closed form − 1) in units of 2⁻²⁰; ``excess_of_bound``, Σ N(mean/bound − 1),
            likewise; ``variance`` of ``excess`` if the closed form is right, likewise. What is missing is 0.
    """
    failed = set()
    if abs(counts.get("excess", 0)) > UNIT * _limit(counts, FALSE_ALARM / 2):
        failed.add("the sample means together contradict the closed form")
    if counts.get("excess_of_bound", 0) > UNIT * _limit(counts, FALSE_ALARM):
        failed.add("the sample means together exceed the bound")
    return frozenset(failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one strategy, or of a part of it."""

    kind: Evidence  # the kind of evidence
    instances: int = 0  # how many instances it looked at
    # largest lhs/rhs; near 1 the bound is tight, near 0 the check was easy; −∞ if none was measured
    worst_ratio: float = -math.inf
    worst: Mapping[str, Any] | None = None  # the instance that attained it, in the form of an instance file
    proves: frozenset[str] = frozenset()  # names of the exact arguments that went through
    refutes: frozenset[str] = frozenset()  # names of the exact arguments or witnesses that contradict the statement
    # what the registry says but this did not confirm: an argument that does not hold, a witness that violates
    # nothing, a bound that is not attained
    lacks: frozenset[str] = frozenset()
    # further counts, which add up; those of samples are judged together (``contradictions``)
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if math.isnan(self.worst_ratio):  # NaN compares false with everything, so it would survive
            msg = f"lhs/rhs is not a number ({self.kind} evidence)."
            raise ArithmeticError(msg)

    def __or__(self, other: "Finding") -> "Finding":
        """Merge two findings of one kind; associative and commutative."""
        worst = max(self, other, key=lambda f: (f.worst_ratio, json.dumps(f.worst)))
        names = sorted(self.counts.keys() | other.counts.keys())
        return Finding(
            kind=self.kind,
            instances=self.instances + other.instances,
            worst_ratio=worst.worst_ratio,
            worst=worst.worst,
            proves=self.proves | other.proves,
            refutes=self.refutes | other.refutes,
            lacks=self.lacks | other.lacks,
            counts={name: self.counts.get(name, 0) + other.counts.get(name, 0) for name in names},
        )

    @property
    def contradictions(self) -> frozenset[str]:
        """Return what refutes: arguments, witnesses, and the samples of all stacks together."""
        return self.refutes | contradictions(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; for samples, with ``contradictions``."""
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kind"}
        content |= {name: sorted(content[name]) for name in ("proves", "refutes", "lacks")}
        content |= {"worst_ratio": json_ratio(self.worst_ratio), "counts": dict(self.counts)}
        if "samples" in self.counts:
            content |= {"contradictions": sorted(self.contradictions)}
        return content

    @classmethod
    def from_json(cls, kind: str, raw: Mapping[str, Any]) -> "Finding":
        """Return the finding that ``to_json`` wrote.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        return cls(
            kind=Evidence(kind),
            worst_ratio=-math.inf if raw["worst_ratio"] is None else float(raw["worst_ratio"]),
            proves=frozenset(raw["proves"]),
            refutes=frozenset(raw["refutes"]),
            lacks=frozenset(raw["lacks"]),
            **{name: raw[name] for name in ("instances", "worst", "counts")},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All evidence on one claim, by kind; ``a | b`` merges, whoever computed what and in which order.

    ``seconds`` is the computing time; it adds up but does not enter comparisons.

    Example:
        >>> from ioadapt_theory.claims import CLAIMS, Run, verify
        >>> result = verify(CLAIMS["prop-4-exact"], Run(instances=10, starts=2, steps=5))
        >>> result.claim, str(result.verdict)
        ('prop-4-exact', 'proved')
    """

    claim: str
    findings: Mapping[Evidence, Finding] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)

    def __or__(self, other: "Verification") -> "Verification":
        """Merge; associative and commutative."""
        if self.claim != other.claim:
            msg = f"Verifications of {self.claim!r} and {other.claim!r} do not merge."
            raise ValueError(msg)
        merged = dict(self.findings)
        for kind, finding in other.findings.items():
            merged[kind] = merged[kind] | finding if kind in merged else finding
        ordered = {kind: merged[kind] for kind in Evidence if kind in merged}
        return Verification(claim=self.claim, findings=ordered, seconds=self.seconds + other.seconds)

    @property
    def worst_ratio(self) -> float:
        """Largest lhs/rhs over all evidence; −∞ where nothing was measured."""
        return max((f.worst_ratio for f in self.findings.values()), default=-math.inf)

    @property
    def instances(self) -> int:
        """Number of instances looked at."""
        return sum(f.instances for f in self.findings.values())

    @property
    def verdict(self) -> Verdict:
        """A violation refutes, whatever else was found; only an exact argument proves; sampling survives at best.

        Anything stated but not confirmed leaves the claim undecided, whatever else proves it.
        """
        if self.worst_ratio > 1 + TOLERANCE or any(f.contradictions for f in self.findings.values()):
            return Verdict.REFUTED
        if any(f.lacks for f in self.findings.values()):
            return Verdict.UNDECIDED
        if any(f.proves for f in self.findings.values()):
            return Verdict.PROVED
        return Verdict.SURVIVED if self.instances else Verdict.UNTESTED

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, findings by kind."""
        return {
            "claim": self.claim,
            "verdict": str(self.verdict),
            "worst_ratio": json_ratio(self.worst_ratio),
            "instances": self.instances,
            "seconds": self.seconds,
            "findings": {str(kind): finding.to_json() for kind, finding in self.findings.items()},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Verification":
        """Return the verification that ``to_json`` wrote."""
        findings = {Evidence(kind): Finding.from_json(kind, f) for kind, f in raw["findings"].items()}
        return cls(claim=raw["claim"], findings=findings, seconds=raw["seconds"])


def merged(claim: str, parts: Iterable[Verification]) -> Verification:
    """Merge any number of verifications of one claim."""
    total = Verification(claim=claim)
    for part in parts:
        total = total | part
    return total
