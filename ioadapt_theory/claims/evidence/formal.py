"""Formal evidence: theorems in Coq, each valid as long as the formula of its claim is the one that Coq has checked."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ioadapt_theory.claims.claim import Claim, Run
from ioadapt_theory.claims.expression.tree import Term, opened
from ioadapt_theory.claims.findings import Evidence, Finding, Verdict

RECORD = "formal.json"
"""File that `python -m proofs --record` writes: the digests of the Coq files and, by claim id, an ``Entry``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Name of a theorem that Coq proves without further assumptions; digests of its statement and the claim formula."""

    theorem: str
    statement: str
    formula: str


def digest(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def formula_digest(claim: Claim) -> str:
    """Return a digest of everything in a claim from which the Coq statement is rendered."""
    return digest("\n".join(_formula(claim)))


def _formula(claim: Claim) -> Iterator[str]:
    supremum = any(getattr(proof, "approaches", False) for proof in claim.proofs)
    yield " ".join(_spelled(opened(x)) for proof in claim.proofs for x in getattr(proof, "over", ()))
    yield f"{claim.id} {claim.expected} {' '.join(claim.words)} {supremum}"
    for r in (*claim.given, *claim.concludes):
        yield f"{_spelled(opened(r.left))} {r.sign} {_spelled(opened(r.right))} {r.order}"
    for x in claim.setting.letters if claim.setting else ():
        yield f"{x.attribute} {x.axes} {x.positive} {x.nonnegative}"


def _spelled(x: Term) -> str:
    return f"{x.op}:{x.name}({','.join(map(_spelled, x.args))})"


@cache
def record() -> Mapping[str, Entry]:
    """Return the entries of ``RECORD`` by claim id; empty if the package does not contain this file."""
    file = resources.files("ioadapt_theory.claims").joinpath(RECORD)
    entries = json.loads(file.read_text(encoding="utf-8"))["claims"] if file.is_file() else {}
    return {claim: Entry(**entry) for claim, entry in entries.items()}


def theorem_name(claim: Claim) -> str:
    return f"{claim.id.replace('-', '_')}_{'refuted' if claim.expected is Verdict.REFUTED else 'holds'}"


def machine_checked(claim: Claim, _run: Run) -> Finding:
    """Return the Coq theorem as proof or refutation; an empty finding if none is about the claim's current formula."""
    entry = record().get(claim.id)
    if entry is None or (entry.theorem, entry.formula) != (theorem_name(claim), formula_digest(claim)):
        return Finding(kind=Evidence.FORMAL)
    names = frozenset([f"Coq: {entry.theorem}"])
    if claim.expected is Verdict.REFUTED:
        return Finding(kind=Evidence.FORMAL, instances=1, refutes=names)
    return Finding(kind=Evidence.FORMAL, instances=1, proves=names)
