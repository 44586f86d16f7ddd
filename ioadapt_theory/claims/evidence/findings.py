"""Evidence for or against a claim: findings merge associatively into a verification, which has a verdict."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ioadapt_theory.claims.evidence.sampled import Sampled, whole

TOLERANCE = 1e-8
"""√ε of float64: what lhs/rhs may exceed 1 by before a float64 instance counts as a violation."""


LARGEST_RATIO = 10**308


class Verdict(StrEnum):
    """PROVED by an exact argument that the code runs, SURVIVED a search, REFUTED by a witness.

    UNDECIDED: something that is said of the claim, that its bound is attained, that an argument goes through, was not
    borne out; or rounding decides.

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
        lacks: what the registry says and this did not bear out: an argument that does not go through, a witness that
            violates nothing, a bound that is not attained.
        counts: further counts, which add up.
        sampled: what samples say of all stacks together.
    """

    kind: Evidence
    instances: int = 0
    worst_ratio: float = -math.inf
    worst: Mapping[str, Any] | None = None
    proves: frozenset[str] = frozenset()
    refutes: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)
    sampled: Sampled = field(default_factory=Sampled)

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
            lacks=self.lacks | other.lacks,
            counts={
                name: self.counts.get(name, 0) + other.counts.get(name, 0)
                for name in sorted(self.counts.keys() | other.counts.keys())
            },
            sampled=self.sampled + other.sampled,
        )

    @property
    def contradictions(self) -> frozenset[str]:
        """What refutes: arguments, witnesses, and the samples of all stacks together."""
        return self.refutes | self.sampled.contradictions()

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        names = {"proves": self.proves, "refutes": self.refutes, "lacks": self.lacks}
        return {
            "instances": self.instances,
            "worst_ratio": json_ratio(self.worst_ratio),
            "worst": self.worst,
            **{name: sorted(found) for name, found in names.items()},
            "counts": dict(self.counts),
            **({"sampled": self.sampled.to_json()} if self.sampled != Sampled() else {}),
        }

    @classmethod
    def from_json(cls, kind: str, raw: Mapping[str, Any]) -> "Finding":
        """Inverse of ``to_json``.

        Raises:
            ValueError, KeyError, TypeError: it is not what that writes.
        """
        return cls(
            kind=Evidence(kind),
            instances=whole(raw["instances"]),
            worst_ratio=-math.inf if raw["worst_ratio"] is None else _number(raw["worst_ratio"]),
            worst=None if raw["worst"] is None else dict(raw["worst"]),
            **{name: _names(raw[name]) for name in ("proves", "refutes", "lacks")},
            counts={str(name): whole(n) for name, n in dict(raw["counts"]).items()},
            sampled=Sampled.from_json(raw["sampled"]) if "sampled" in raw else Sampled(),
        )


def _number(raw: Any) -> float:
    if raw == "inf":
        return math.inf
    if type(raw) not in (int, float) or not abs(raw) < math.inf or abs(raw) > LARGEST_RATIO:
        msg = f"{str(raw)[:40]!r} is not a ratio"
        raise ValueError(msg)
    return float(raw)


def _names(raw: Any) -> frozenset[str]:
    if not isinstance(raw, list) or not all(isinstance(name, str) for name in raw):
        msg = f"{str(raw)[:40]!r} is not a list of names"
        raise ValueError(msg)
    return frozenset(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """All evidence on one claim, by kind; ``a | b`` merges, whoever computed what and in which order.

    ``seconds`` is the computing time; it adds up but does not enter comparisons.

    Example:
        >>> from ioadapt_theory.claims import CLAIMS, Run, verify
        >>> found = verify(CLAIMS["prop-4-exact"], Run(instances=10, starts=2, steps=5))
        >>> found.claim, str(found.verdict)
        ('prop-4-exact', 'proved')
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
    def verdict(self) -> Verdict:
        """A violation refutes, whatever else was found; only an exact argument proves; sampling survives at best.

        What is said and not borne out leaves the claim undecided, however much else proves it.
        """
        if self.worst_ratio > 1 + TOLERANCE or any(f.contradictions for f in self.findings.values()):
            return Verdict.REFUTED
        if any(f.lacks for f in self.findings.values()):
            return Verdict.UNDECIDED
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
        return cls(claim=str(raw["claim"]), findings=findings, seconds=_number(raw["seconds"]))


def merged(claim: str, parts: Iterable[Verification]) -> Verification:
    """Merge any number of verifications of one claim."""
    total = Verification(claim=claim)
    for part in parts:
        total = total | part
    return total
