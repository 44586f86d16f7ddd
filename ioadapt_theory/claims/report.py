"""Tables of claims and of verifications: text for a terminal, Markdown for the README, plain values for JSON."""

import math
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.findings import Verdict, Verification, json_ratio
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.instances import SHIPPED, witness

HEADER = ("claim", "verdict", "statement", "witness or sharpness", "note")
VALUE = re.compile(r"\{(lhs|rhs) of ([\w-]+)(?: in ([\w-]+))?\}")


def remark(claim: Claim) -> str:
    """The remark, with the values on shipped instances that it speaks of."""
    from ioadapt_theory.claims.registry import CLAIMS

    def value(match: re.Match[str]) -> str:
        side, name, other = match.groups()
        found = evaluate(CLAIMS[other] if other else claim, witness(name))
        return short(found.lhs if side == "lhs" else found.rhs)

    return VALUE.sub(value, claim.remark if isinstance(claim.remark, str) else claim.remark())


def short(x: float) -> str:
    """A fraction of small numbers where it is one, as values on shipped instances are."""
    nearest = Fraction(x).limit_denominator(1000)
    return str(nearest) if math.isclose(x, nearest, rel_tol=1e-13) else f"{x:.4g}"


def reading(claim: Claim) -> str:
    """Whose statement it is, and in which reading."""
    return f"{claim.origin}: {claim.reading}" if claim.reading else str(claim.origin)


def stated(claim: Claim) -> str:
    """The statement after its hypotheses."""
    given = ", ".join(text(g) for g in claim.given)
    return f"given {given}: {claim.statement}" if given else claim.statement


def shipped_ratio(claim: Claim) -> float:
    """Largest lhs/rhs over the shipped instances, computed now; NaN if there is none."""
    if claim.inequality is None:
        return math.nan
    names = (*claim.witnesses, *claim.attained)
    return max((evaluate(claim, witness(name)).decisive_ratio for name in names), default=math.nan)


def describe(claim: Claim) -> dict[str, Any]:
    """The entry of the registry as plain values."""
    ratio = shipped_ratio(claim)
    return {
        "claim": claim.id,
        "source": claim.source,
        "origin": str(claim.origin),
        "reading": reading(claim),
        "statement": claim.statement,
        "latex": claim.latex,
        "given": [text(g) for g in claim.given],
        "verdict": str(claim.expected),
        "words": [str(word) for word in claim.words],
        "witnesses": list(claim.witnesses),
        "attained": list(claim.attained),
        "ratio": None if math.isnan(ratio) else json_ratio(ratio),
        "amends": claim.amends,
        "remark": remark(claim),
        "executable": claim.inequality is not None,
        "proofs": [proof.name for proof in claim.proofs],
    }


def proofs(claim: Claim) -> str:
    """Every exact argument about a claim, step by step, as it is run."""
    lines = list[str]()
    for proof in claim.proofs:
        lines.append(f"{'Against' if proof.refutes else 'For' if proof.proves else 'Beside'} {claim.id}: {proof.name}")
        lines += [f"    {step}" for step in proof.printed(claim)]
    return "\n".join(lines) + "\n"


def sharpness(entry: Mapping[str, Any]) -> str:
    """How far off: the factor by which the witnesses exceed the bound, or that it is attained."""
    if entry["witnesses"]:
        measured = isinstance(entry["ratio"], float) and "≤" in entry["statement"]
        factor = f"{entry['ratio']:.4g} times the bound: " if measured else ""
        return factor + ", ".join(entry["witnesses"])
    return "attained: " + ", ".join(entry["attained"]) if entry["attained"] else ""


def cells(claim: Claim) -> tuple[str, ...]:
    """A row of the claims table."""
    entry = describe(claim)
    statement = f"[{reading(claim)}] {stated(claim)}"
    return claim.id, entry["verdict"].upper(), statement, sharpness(entry), entry["remark"]


def markdown(claims: Iterable[Claim]) -> str:
    """The claims table of the README."""
    rows = [HEADER, tuple("---" for _ in HEADER), *(_marked(cells(claim)) for claim in claims)]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _marked(row: tuple[str, ...]) -> tuple[str, ...]:
    name, verdict, *rest = (cell.replace("|", "\\|") for cell in row)
    return f"`{name}`", f"**{verdict}**" if verdict == "REFUTED" else verdict, *rest


def table(claims: Sequence[Claim], width: int) -> str:
    """The claims table for a terminal: one block a claim, wrapped."""
    blocks = []
    for claim in claims:
        name, verdict, statement, shipped, note = cells(claim)
        lines = [f"{verdict:9} {name}  ({claim.source})"]
        for label, cell in (("", statement), ("witness", shipped), ("note", note)):
            marked = f"{label}: {cell}" if label else cell
            if cell:
                lines += textwrap.wrap(marked, width, initial_indent=" " * 10, subsequent_indent=" " * 12)
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks) + "\n" + counted(claims) + located(claims)


def located(claims: Iterable[Claim]) -> str:
    """Where the shipped instances are and how to evaluate one; empty if none is about these claims."""
    for claim in claims:
        for name in (*claim.witnesses, *claim.attained):
            return f"Witnesses are in {SHIPPED}; evaluate one with `ioadapt verify {claim.id} --instance {name}`.\n"
    return ""


def counted(claims: Iterable[Claim]) -> str:
    """How many claims have which recorded verdict, and how many are prose with an argument."""
    every = list(claims)

    def count(some: Sequence[Claim]) -> str:
        verdicts = [claim.expected for claim in some]
        return ", ".join(f"{verdicts.count(v)} {v}" for v in Verdict if v in verdicts)

    formulas, prose = ([c for c in every if bool(c.concludes) is has] for has in (True, False))
    apart = f"; {len(prose)} in prose with an argument: {count(prose)}" if prose else ""
    noun = "claim" if len(formulas) == 1 else "claims"
    return f"{len(formulas)} {noun} with a formula: {count(formulas)}{apart}.\n"


def ratio_text(ratio: float) -> str:
    """Six digits, or a dash where nothing was measured."""
    return "-" if ratio == -math.inf else f"{ratio:.6g}"


def evidence_text(found: Verification) -> str:
    """Kinds of evidence with the number of instances."""
    return ", ".join(f"{kind} {f.instances}" for kind, f in found.findings.items() if f.instances)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)


def summary(claims: Mapping[str, Claim], found: Mapping[str, Verification], unfinished: Collection[str] = ()) -> str:
    """Verdict, worst ratio, evidence and time of every claim; an unexpected or early verdict is marked."""
    rows = [("claim", "verdict", "recorded", "worst ratio", "evidence", "seconds")]
    for name, v in found.items():
        recorded = claims[name].expected
        mark = "  not finished" if name in unfinished else "" if v.verdict == recorded else "  <- differs"
        ratio, evidence = ratio_text(v.worst_ratio), evidence_text(v)
        rows.append((name, str(v.verdict), recorded + mark, ratio, evidence, f"{v.seconds:.1f}"))
    return columns(rows)
