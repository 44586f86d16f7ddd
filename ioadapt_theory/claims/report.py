"""Reports on claims and on the evidence collected: text for a terminal, plain values for JSON."""

import math
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.extremes import without
from ioadapt_theory.claims.evidence.formal import record
from ioadapt_theory.claims.expression.notation import definitions, printed, text
from ioadapt_theory.claims.expression.tree import opened
from ioadapt_theory.claims.findings import Verdict, Verification, json_ratio
from ioadapt_theory.claims.instances import SHIPPED, witness


def remark(claim: Claim) -> str:
    """Return what else holds: relations between its quantities and, for a refuted claim, what is true instead."""
    parts = [text(r) for r in claim.notes]
    if claim.expected is Verdict.REFUTED and (better := instead(claim)):
        parts.append(f"true instead: {', '.join(better)}")
    return "; ".join(parts)


def instead(claim: Claim) -> list[str]:
    """Return the ids of the proved claims that amend a refuted one or, if none does, that have the same left sides."""
    from ioadapt_theory.claims import CLAIMS

    proved = [c for c in CLAIMS.values() if c.expected is Verdict.PROVED]
    lefts = [opened(r.left) for r in claim.concludes]
    alike = [c.id for c in proved if c.setting and [opened(r.left) for r in c.concludes] == lefts]
    return [c.id for c in proved if c.amends == claim.id] or alike


def short(x: float) -> str:
    """Return a number as the fraction that equals it up to rounding, with denominator ≤ 1000, else with four digits."""
    nearest = Fraction(x).limit_denominator(1000)
    return str(nearest) if math.isclose(x, nearest, rel_tol=1e-13) else f"{x:.4g}"


def reading(claim: Claim) -> str:
    return f"{claim.origin}: {claim.reading}" if claim.reading else str(claim.origin)


def stated(claim: Claim) -> str:
    given = ", ".join(text(g) for g in claim.given)
    return f"given {given}: {claim.statement}" if given else claim.statement


def describe(claim: Claim) -> dict[str, Any]:
    """Return a claim as JSON values; "ratio" is the largest ``decisive_ratio`` of its shipped instances, or None."""
    ratios = [evaluate(claim, witness(name)).decisive_ratio for name in (*claim.witnesses, *claim.attained)]
    return {
        "claim": claim.id, "source": claim.source, "origin": str(claim.origin), "reading": reading(claim),
        "statement": claim.statement, "latex": claim.latex, "given": [text(g) for g in claim.given],
        "verdict": str(claim.expected), "words": [str(word) for word in claim.words],
        "witnesses": list(claim.witnesses), "attained": list(claim.attained),
        "ratio": json_ratio(max(ratios)) if ratios else None, "amends": claim.amends, "remark": remark(claim),
        "executable": claim.inequality is not None, "proofs": [proof.name for proof in claim.proofs],
    }  # fmt: skip


SIGNS = {
    "sim": "sim(u, v) is the cosine of two rows", "fro": "‖M‖_F is the root of the sum of the squares of M's entries",
    "spectral": "‖M‖₂ is the largest singular value of M",
    "sigma": "s_c(M) and s_{c−1}(M) are the smallest and the next singular value of M",
    "cond": "cond(M) is the largest over the smallest singular value, of as many as M has rows or columns, if fewer",
    "pinv": "M⁺ is the pseudoinverse of M, by Moore and Penrose", "size": "rows(M) is the number of rows of M",
    "positive": "[a]₊ is the larger of a and 0",
    "relu": "relu(M) has the entries of M, and 0 in place of negative ones",
    "hessian_norm": "‖H(u, v)‖_op is the largest stretch by the Hessian H of sim at (u, v)",
    "sup_hessian_norm": "H(u, v) is the Hessian of sim, ‖H‖_op its largest stretch, and sup_t is over 0 ≤ t ≤ 1",
    "segment": "min_t is over 0 ≤ t ≤ 1",
    "mean_square": "E is the mean over the rows x, whose second moments E[xᵀx] are σ²I, or FᵀF",
    "landau": "O(a) is at most Ka if a is small, where K does not depend on the rows in a",
    "outside": "outside(u) is the number of entries of u that are below, or above, all others",
}  # fmt: skip
"""What is printed of the operations of a claim, in case a reader does not know the sign."""


def signs(claim: Claim) -> Iterator[str]:
    """Yield the meanings of signs in the statement and in its proof, and every sum with its terms."""
    stated = [x for r in (*claim.given, *claim.concludes) for x in (r.left, r.right)]
    steps = [x for p in claim.proofs for s in getattr(p, "steps", ()) for x in (s.relation.left, s.relation.right)]
    links = [x.formula for p in claim.proofs for chain in getattr(p, "chains", ()) for x in chain.links]
    used = dict.fromkeys(x for formula in (*stated, *steps, *links) for x in formula.walk())
    known = " ".join(definitions((*claim.given, *claim.concludes)))
    for x in used:
        if x.op == "sum":
            lets = dict.fromkeys(y.name for t in x.args[1:] for y in t.walk() if y.op == "let")
            primed = [name for name in lets if name.endswith(("'", "')")) and f"{name} = " not in known]
            yield " + ".join((f"{text(x)} = {text(x.args[1])}", *map(text, x.args[2:]))) + (
                f", where {', '.join(primed)} are those of the target" if primed else ""
            )
    yield from (meaning for op, meaning in SIGNS.items() if any(x.op == op for x in used))
    if any(r.order for r in claim.concludes):
        yield "O(ε²) is at most Kε² for 0 < ε ≤ e₀, where K and e₀ do not depend on ε and AB"


def proofs(claim: Claim) -> str:
    """Return a claim with its letters, hypotheses, statement, arguments, and what fails without a hypothesis."""
    lines = [f"{claim.id}: {claim.expected}, {claim.source}, {reading(claim)}", *_letters(claim)]
    lines += [f"    given {text(g)}" for g in claim.given]
    lines += [f"    {'and ' * bool(k)}{text(r)}" for k, r in enumerate(claim.concludes)]
    named = definitions((*claim.given, *claim.concludes))
    named = [x + " at each input x, with W' in the target" * x.startswith("ŷ = ") for x in named]
    lines += [f"    where {x}" for x in dict.fromkeys((*named, *signs(claim)))]
    for proof in claim.proofs:
        lines.append(f"{'Against' if proof.refutes else 'For' if proof.proves else 'About'} {claim.id}: {proof.name}")
        lines += [f"    {step}" for step in proof.printed(claim)]
    if claim.id in record():
        lines.append(f"Coq: theorem {record()[claim.id].theorem}")
    lines += without(claim)
    return "\n".join(lines) + "\n"


def _letters(claim: Claim) -> Iterator[str]:
    """Yield what the letters of a claim are: numbers, rows and matrices with their axes, and what they stand for."""
    if claim.setting is None or not claim.setting.letters:
        return
    kinds, meanings = dict[str, list[str]](), dict[str, list[str]]()
    for x in claim.setting.letters:
        axes = x.axes.split()
        kind = " x ".join(axes) if len(axes) == 2 else f"row of {x.axes}" if axes else "number"
        kinds.setdefault(kind, []).append(printed(x))
        meanings.setdefault(claim.setting.meaning(x), []).append(printed(x))
    parts = (f"{', '.join(names)} ({kind})" for kind, names in kinds.items())
    yield f"    letters: {', '.join(parts)}"
    yield from (f"    {', '.join(names)}: {meaning}" for meaning, names in meanings.items())


def block(claim: Claim, verdict: str, width: int, *more: str) -> str:
    lines, shipped = [f"{verdict.upper():9} {claim.id}  ({claim.source})"], ""
    if claim.witnesses:
        ratio = describe(claim)["ratio"]
        times = f"{ratio:.4g} times the bound: " if isinstance(ratio, float) and "≤" in claim.statement else ""
        shipped = f"witness: {times}{', '.join(claim.witnesses)}"
    elif claim.attained:
        shipped = f"attained: {', '.join(claim.attained)}"
    note = remark(claim)
    for cell in (f"[{reading(claim)}] {stated(claim)}", shipped, note and f"note: {note}", *more):
        lines += textwrap.wrap(cell, width, initial_indent=" " * 10, subsequent_indent=" " * 12)
    return "\n".join(lines) + "\n"


def told(found: Verification) -> str:
    """Return a verification as a short text: the verdict, the claim, and the evidence of each kind."""
    from ioadapt_theory.claims import CLAIMS

    return block(CLAIMS[found.claim], found.verdict, 100, f"evidence: {_evidence(found) or 'none'}").rstrip("\n")


def _evidence(found: Verification) -> str:
    return ", ".join(f"{kind} {f.instances}" for kind, f in found.findings.items() if f.instances)


def table(claims: Sequence[Claim], width: int) -> str:
    """Return a block per claim, wrapped to ``width``, the number of claims by verdict, and where the instances are."""
    blocks = [block(claim, str(claim.expected), width) for claim in claims]
    instances = [(name, claim.id) for claim in claims for name in (*claim.witnesses, *claim.attained)]
    located = ""
    if instances:
        example = f"`ioadapt verify {instances[0][1]} --instance {instances[0][0]}`"
        located = f"The instances are in {SHIPPED}; evaluate one with {example}.\n"
    return "\n".join(blocks) + "\n" + counted(claims) + located


def counted(claims: Iterable[Claim]) -> str:
    """Return a sentence with the number of claims by recorded verdict."""
    verdicts = [claim.expected for claim in claims]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in Verdict if v in verdicts)
    return f"{len(verdicts)} {'claim' if len(verdicts) == 1 else 'claims'}: {counts}.\n"


def summary(claims: Mapping[str, Claim], total: Mapping[str, Verification], unfinished: Collection[str] = ()) -> str:
    """Return a table, a row per claim, with marks where a run is unfinished or the verdict is not the recorded one."""
    rows = [("claim", "verdict", "recorded", "worst ratio", "evidence", "seconds")]
    for name, v in total.items():
        recorded = claims[name].expected
        mark = "  not finished" if name in unfinished else "" if v.verdict == recorded else "  <- differs"
        ratio = "-" if v.worst_ratio == -math.inf else f"{v.worst_ratio:.6g}"
        rows.append((name, str(v.verdict), recorded + mark, ratio, _evidence(v), f"{v.seconds:.1f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)
