"""``python -m paper_checks.register`` writes ``register.txt``: what is claimed and argued, for a person to sign.

It is printed from the registry: statements with their hypotheses, words and places, and every step of every argument.
Whoever changes one of them sees it in the difference of that file, and a test asks for it.
"""

import sys
from pathlib import Path

from ioadapt_theory.claims import CLAIMS, report
from ioadapt_theory.claims.claim import Claim

REGISTER = Path(__file__).with_name("register.txt")


def entry(claim: Claim) -> str:
    """One claim as it is signed."""
    said = report.describe(claim)
    lines = [
        f"{claim.id}: {claim.expected}, {claim.source}, {said['reading']}",
        f"  {report.stated(claim)}",
        *(f"  said: {word}" for word in said["words"]),
        *(f"  amends: {claim.amends}" for _ in [0] if claim.amends),
        *(f"  {key}: {', '.join(said[key])}" for key in ("hypotheses", "witnesses", "attained") if said[key]),
        f"  true: {said['remark']}",
        *(f"  {line}" for line in report.proofs(claim).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def register() -> str:
    """All of them, in the paper's order."""
    return "\n".join(entry(claim) for claim in CLAIMS.values())


def main() -> int:
    """Write the file; status 0."""
    REGISTER.write_text(register(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
