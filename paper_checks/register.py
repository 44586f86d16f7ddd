"""``python -m paper_checks.register`` writes ``register.txt``, all claims and arguments, for review by a person.

It lists every claim with its hypotheses, remark and evidence, and every step of every argument. A test requires that
the file is up to date, so every change of a claim appears in the diff of that file.
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
    lines = [
        f"{claim.id}: {claim.expected}, {claim.source}, {report.reading(claim)}",
        f"  {report.stated(claim)}",
        *(f"  in LaTeX: {latex(relation)}" for relation in (*claim.given, *claim.concludes)),
        *(f"  word: {word}" for word in claim.words),
        *([f"  amends: {claim.amends}"] if claim.amends else []),
        *(f"  refuted by {shipped(claim, name)}" for name in claim.witnesses),
        *(f"  attained by {shipped(claim, name)}" for name in claim.attained),
        *([f"  searched in {claim.setting.name}: {searches(claim)}"] if claim.setting and claim.strategies else []),
        *([f"  note: {said}"] if (said := report.remark(claim)) else []),
        *(f"  {line}" for line in report.proofs(claim).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def shipped(claim: Claim, name: str) -> str:
    sides = evaluate(claim, witness(name))
    return f"{name}: {report.short(sides.decisive)} against {report.short(sides.rhs)}"


def searches(claim: Claim) -> str:
    options = {
        type(s).__name__: [
            f"{f.name} {x.name if isinstance(x := getattr(s, f.name), Setting) else x}" for f in fields(s)
        ]
        for s in claim.strategies
    }
    return ", ".join(f"{name} ({', '.join(o for o in chosen if ' <' not in o)})" for name, chosen in options.items())


def register() -> str:
    return "\n".join(entry(claim) for claim in CLAIMS.values())


def main() -> int:
    REGISTER.write_text(register(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
