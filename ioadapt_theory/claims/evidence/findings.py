"""Evidence for or against a claim: findings merge associatively into a verification, which has a verdict."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

TOLERANCE = 1e-8
"""√ε of float64: what lhs/rhs may exceed 1 by before a float64 instance counts as a violation."""


class Verdict(StrEnum):
    """PROVED by an exact argument that the code runs, SURVIVED a search, REFUTED by a witness."""

    PROVED = "proved"
    SURVIVED = "survived"
    REFUTED = "refuted"
    UNTESTED = "untested"


class Evidence(StrEnum):
    """The kinds of evidence."""

    EXACT = "exact"  # symbolic, rational or interval arithmetic
    WITNESS = "witness"  # a shipped instance, replayed at 50 digits
    RANDOM = "random"  # closed form on random instances
    ADVERSARIAL = "adversarial"  # gradient ascent of lhs/rhs under the exact hypotheses
    MONTE_CARLO = "monte-carlo"  # samples run through random linear stacks
    ORDER = "order"  # slope of log|remainder| against log ε


def json_ratio(ratio: float) -> float | str | None:
    """JSON has no infinities: −∞ (nothing measured) is null, ∞ is "inf"."""
    return None if ratio == -math.inf else "inf" if ratio == math.inf else ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one strategy, or a part of it, found.

    Attributes:
        kind: the kind of evidence.
        instances: how many instances it looked at.
        worst_ratio: largest lhs/rhs; near 1 the bound is tight, near 0 the check was easy; −∞ if none was measured.
        worst: the instance that attained it, in the form of an instance file.
        proves: names of the exact arguments that went through.
        refutes: names of the exact arguments or witnesses that contradict the statement.
        shows: words of the statement ("attained", "sharp", "only if") for which there is evidence.
        counts: further counts, which add up.
    """

    kind: Evidence
    instances: int = 0
    worst_ratio: float = -math.inf
    worst: Mapping[str, Any] | None = None
    proves: frozenset[str] = frozenset()
    refutes: frozenset[str] = frozenset()
    shows: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if math.isnan(self.worst_ratio):  # NaN compares false with everything, so it would survive
            msg = f"lhs/rhs is not a number ({self.kind} evidence)."
            raise ArithmeticError(msg)

    def __or__(self, other: "Finding") -> "Finding":
        """Merge two findings of one kind; associative and commutative."""
        worst = max(self, other, key=lambda f: (f.worst_ratio, json.dumps(f.worst, sort_keys=True)))
        return Finding(
            kind=self.kind,
            instances=self.instances + other.instances,
            worst_ratio=worst.worst_ratio,
            worst=worst.worst,
            proves=self.proves | other.proves,
            refutes=self.refutes | other.refutes,
            shows=self.shows | other.shows,
            counts={
                name: self.counts.get(name, 0) + other.counts.get(name, 0)
                for name in sorted(self.counts.keys() | other.counts.keys())
            },
        )

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        ratio = json_ratio(self.worst_ratio)
        names = {"proves": sorted(self.proves), "refutes": sorted(self.refutes), "shows": sorted(self.shows)}
        return {
            "instances": self.instances,
            "worst_ratio": ratio,
            "worst": self.worst,
            **names,
            "counts": dict(self.counts),
        }

    @classmethod
    def from_json(cls, kind: str, raw: Mapping[str, Any]) -> "Finding":
        """Inverse of ``to_json``."""
        ratio = -math.inf if raw["worst_ratio"] is None else float(raw["worst_ratio"])
        return cls(
            kind=Evidence(kind),
            instances=raw["instances"],
            worst_ratio=ratio,
            worst=raw["worst"],
            proves=frozenset(raw["proves"]),
            refutes=frozenset(raw["refutes"]),
            shows=frozenset(raw["shows"]),
            counts=raw["counts"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All evidence on one claim, by kind; ``a | b`` merges, whoever computed what and in which order.

    ``seconds`` is the computing time; it adds up but does not enter comparisons.
    """

    claim: str
    findings: Mapping[Evidence, Finding] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)

    def __or__(self, other: "Verification") -> "Verification":
        """Merge; associative and commutative.

        Raises:
            ValueError: the two are about different claims.
        """
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
    def worst(self) -> Mapping[str, Any] | None:
        """The instance that attained ``worst_ratio``."""
        return max(self.findings.values(), key=lambda f: f.worst_ratio).worst if self.findings else None

    @property
    def instances(self) -> int:
        """Number of instances looked at."""
        return sum(f.instances for f in self.findings.values())

    @property
    def shows(self) -> frozenset[str]:
        """The words of the statement for which there is evidence."""
        return frozenset[str]().union(*(f.shows for f in self.findings.values()))

    @property
    def verdict(self) -> Verdict:
        """A violation refutes, whatever else was found; only an exact argument proves; sampling survives at best."""
        if self.worst_ratio > 1 + TOLERANCE or any(f.refutes for f in self.findings.values()):
            return Verdict.REFUTED
        if any(f.proves for f in self.findings.values()):
            return Verdict.PROVED
        return Verdict.SURVIVED if self.instances else Verdict.UNTESTED

    def to_json(self) -> dict[str, Any]:
        """JSON form, findings by kind."""
        findings = {str(kind): finding.to_json() for kind, finding in self.findings.items()}
        return {
            "claim": self.claim,
            "verdict": str(self.verdict),
            "worst_ratio": json_ratio(self.worst_ratio),
            "instances": self.instances,
            "seconds": self.seconds,
            "findings": findings,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Verification":
        """Inverse of ``to_json``."""
        findings = {Evidence(kind): Finding.from_json(kind, f) for kind, f in raw["findings"].items()}
        return cls(claim=raw["claim"], findings=findings, seconds=raw["seconds"])


def merged(claim: str, parts: Iterable[Verification]) -> Verification:
    """Merge any number of verifications of one claim."""
    total = Verification(claim=claim)
    for part in parts:
        total = total | part
    return total
