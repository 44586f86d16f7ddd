"""``python -m paper_checks.register`` writes ``register.txt``: what is claimed and argued, for a person to sign.

It is printed from the registry: statements with their hypotheses, words and places, and every step of every argument.
Whoever changes one of them sees it in the difference of that file, and a test asks for it.
"""

import sys
from dataclasses import fields
from pathlib import Path

from ioadapt_theory.claims import CLAIMS, report
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.expression.notation import latex
from ioadapt_theory.claims.instances import Setting, witness

REGISTER = Path(__file__).with_name("register.txt")


def entry(claim: Claim) -> str:
    """One claim as it is signed."""
    said = report.describe(claim)
    lines = [
        f"{claim.id}: {claim.expected}, {claim.source}, {said['reading']}",
        f"  {report.stated(claim)}",
        *(f"  in LaTeX: {latex(relation)}" for relation in (*claim.given, *claim.concludes)),
        *(f"  said: {word}" for word in said["words"]),
        *(f"  amends: {claim.amends}" for _ in [0] if claim.amends),
        *(f"  refuted by {shipped(claim, name)}" for name in claim.witnesses),
        *(f"  attained by {shipped(claim, name)}" for name in claim.attained),
        *(f"  searched in {claim.setting.name}: {searches(claim)}" for _ in [0] if claim.setting and claim.strategies),
        f"  note: {said['remark']}",
        *(f"  {line}" for line in report.proofs(claim).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def shipped(claim: Claim, name: str) -> str:
    """A shipped instance: what it says of itself, and both sides on it."""
    found = evaluate(claim, witness(name))
    return f"{name}: {witness(name)['comment']}; {report.short(found.decisive)} against {report.short(found.rhs)}"


def searches(claim: Claim) -> str:
    """How instances are searched, and what each search is told."""
    told = ((type(s).__name__, [f"{f.name} {plain(getattr(s, f.name))}" for f in fields(s)]) for s in claim.strategies)
    return ", ".join(f"{name} ({', '.join(t for t in settings if ' <' not in t)})" for name, settings in told)


def plain(x: object) -> object:
    """A setting by its name, which holds functions; anything else as it is."""
    return x.name if isinstance(x, Setting) else x


def register() -> str:
    """All of them, in the paper's order."""
    return "\n".join(entry(claim) for claim in CLAIMS.values())


def main() -> int:
    """Write the file; status 0."""
    REGISTER.write_text(register(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
