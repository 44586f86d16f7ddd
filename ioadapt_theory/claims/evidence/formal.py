"""What Coq has checked: a claim has formal evidence if the committed record of the build names its very statement."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verdict
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    from ioadapt_theory.claims.claim import Claim, Run

RECORD = "formal.json"
"""Beside the claims: claim id -> theorem and digest of the statement as Coq has it; written by `make proofs`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A theorem that the build found closed under the global context, and its statement's digest."""

    theorem: str
    statement: str


def digest(text: str) -> str:
    """The SHA-256 of a text, spaces apart."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def read(text: str) -> dict[str, Entry]:
    """The entries of a record.

    Raises:
        FileFormatError: it is no record.
    """
    try:
        return {claim: Entry(**entry) for claim, entry in json.loads(text)["claims"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{RECORD} is no record of a build of the proofs: {error}; `make proofs` writes one."
        raise FileFormatError(msg) from error


@cache
def record() -> Mapping[str, Entry]:
    """The committed record; empty if there is none."""
    file = resources.files("ioadapt_theory.claims").joinpath(RECORD)
    return read(file.read_text(encoding="utf-8")) if file.is_file() else {}


def theorem_name(claim: "Claim") -> str:
    """What the theorem about a claim is called: its id, and whether it holds or is refuted."""
    return f"{claim.id.replace('-', '_')}_{'refuted' if claim.expected is Verdict.REFUTED else 'holds'}"


@dataclass(frozen=True, slots=True)
class MachineChecked:
    """Formal evidence: Coq's theorem is about the statement that the claim makes now."""

    kind: Evidence = Evidence.FORMAL

    def parts(self, run: "Run") -> int:
        """One."""
        return 1

    def pinned(self, run: "Run", part: int) -> "Run":
        """Nothing of a run enters."""
        return type(run)()

    def __call__(self, claim: "Claim", run: "Run", part: int) -> Finding:
        """The theorem, if the record has one of this statement; another statement has no evidence here."""
        from ioadapt_theory.claims.expression.coq import NoCoqError, statement

        try:
            wanted = Entry(theorem=theorem_name(claim), statement=digest(statement(claim)))
        except NoCoqError:
            return Finding(kind=self.kind)
        if record().get(claim.id) != wanted:
            return Finding(kind=self.kind)
        names = frozenset([f"Coq: {wanted.theorem}"])
        if claim.expected is Verdict.REFUTED:
            return Finding(kind=self.kind, instances=1, refutes=names)
        return Finding(kind=self.kind, instances=1, proves=names)
